"""A key-value bucket of JSON records in JetStream, with its content in memory."""

from __future__ import annotations

import json
from typing import Any

from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from labkit_services.gateway.nats_errors import nats_errors_as
from labkit_services.jetstream.streams import bucket_keys
from labkit_services.runtime.log import Log

_NOT_STORED = "the change was not stored"


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
        with nats_errors_as(500, _NOT_STORED):
            # Not escaped to ASCII, which could be larger than nats-server's max_payload.
            await self._bucket.put(key, json.dumps(record, ensure_ascii=False).encode())
        self.records[key] = record

    async def delete(self, key: str) -> None:
        """Remove a record: from memory at once, and back there if that fails."""
        record = self.records.pop(key)
        try:
            with nats_errors_as(500, _NOT_STORED):
                await self._bucket.purge(key)
        except BaseException:
            self.records[key] = record
            raise
