"""A key-value bucket of JSON records in JetStream, with its content in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from labkit_services.contract.errors import said
from labkit_services.http import HttpError
from labkit_services.jetstream.streams import bucket_keys
from labkit_services.runtime.log import Log


class RecordBucket:
    """Reads are from memory; writes return once nats-server has confirmed them.

    A change that nats-server does not confirm raises HttpError 500.

    Attributes:
        records: Every record, by key.
    """

    def __init__(self, bucket: KeyValue, records: dict[str, dict[str, Any]]) -> None:
        self.records = records
        self._bucket = bucket

    @classmethod
    async def open(cls, js: JetStreamContext, name: str, replicas: int, log: Log) -> RecordBucket:
        """Create the bucket unless it exists, and read its records.

        One that cannot be read is logged and left out.
        """
        bucket = await js.create_key_value(bucket=name, replicas=replicas, history=1)
        records = {}
        for key in await bucket_keys(js, name):
            try:
                records[key] = json.loads((await bucket.get(key)).value or b"{}")
            except KeyNotFoundError:
                continue  # deleted
            except ValueError as error:
                log.error("registry entry unreadable", bucket=name, key=key, error=repr(error))
        return cls(bucket, records)

    async def put(self, key: str, record: dict[str, Any]) -> None:
        """Add or replace a record."""
        with _report_unconfirmed():
            # Not escaped to ASCII, which could be larger than nats-server's max_payload.
            await self._bucket.put(key, json.dumps(record, ensure_ascii=False).encode())
        self.records[key] = record

    async def delete(self, key: str) -> None:
        """Remove a record: from memory at once, and back there if that was not confirmed."""
        record = self.records.pop(key)
        try:
            with _report_unconfirmed():
                await self._bucket.purge(key)
        except BaseException:
            self.records[key] = record
            raise


@contextmanager
def _report_unconfirmed() -> Iterator[None]:
    try:
        yield
    except (NatsError, OSError, TimeoutError) as error:
        text = f"the change was not stored, nats-server does not answer: {said(error)}; look at its log\n"
        raise HttpError(500, text) from error
