"""A key-value bucket of JSON records in JetStream, cached in memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from typing import Any

from nats.js import JetStreamContext
from nats.js.errors import APIError, KeyNotFoundError
from nats.js.kv import KeyValue

from labkit_services.contract.write_probe import NO_SUCH_SUBJECT
from labkit_services.gateway.nats_errors import nats_errors_as
from labkit_services.jetstream.stream_settings import StreamSettings
from labkit_services.jetstream.streams import bucket_keys, ensure_bucket
from labkit_services.runtime.log import Log

QUICK_ANSWER_SECONDS = 1.0


class RecordBucket:
    """Reads are from memory; a write returns when nats-server has confirmed.

    A write changes the memory at once, so that of concurrent requests the
    second sees the first. One that nats-server does not confirm is undone
    there, and raises HttpError 500.
    """

    def __init__(
        self, js: JetStreamContext, bucket: KeyValue, name: str, records: dict[str, dict[str, Any]]
    ) -> None:
        self.records = records  # by key; read-only for others
        self._js = js
        self._bucket = bucket
        self._stream = f"KV_{name}"

    @classmethod
    async def open(cls, js: JetStreamContext, name: str, settings: StreamSettings, log: Log) -> RecordBucket:
        """Create the bucket unless it exists, and read its records.

        One that cannot be read is logged and left out.
        """
        bucket = await ensure_bucket(js, name, settings, history=1)
        records = {}
        for key in await bucket_keys(js, name):
            try:
                records[key] = json.loads((await bucket.get(key)).value or b"{}")
            except KeyNotFoundError:
                continue  # deleted
            except ValueError as error:
                log.error("registry entry unreadable", bucket=name, key=key, error=repr(error))
        return cls(js, bucket, name, records)

    async def put(self, key: str, record: dict[str, Any]) -> None:
        """Add or replace a record."""
        # Not escaped to ASCII, which could be larger than nats-server's
        # max_payload.
        value = json.dumps(record, ensure_ascii=False).encode()
        await self._change(key, record, self._bucket.put(key, value))

    async def delete(self, key: str) -> None:
        """Remove a record."""
        await self._change(key, None, self._bucket.purge(key))

    async def _change(
        self, key: str, record: dict[str, Any] | None, write: Coroutine[Any, Any, object]
    ) -> None:
        before = self.records.get(key)
        self._set(key, record)
        try:
            with nats_errors_as(500, "the change was not stored"):
                await self._write(write)
        except BaseException:
            if self.records.get(key) is record:  # else another change has followed
                self._set(key, before)
            raise

    async def _write(self, write: Coroutine[Any, Any, object]) -> None:
        """Await a write; without a quick answer, ask for the write error.

        JetStream does not answer a message that it can't store, but it
        answers a purge with the error.
        """
        writing = asyncio.create_task(write, name="record-write")
        try:
            await asyncio.wait({writing}, timeout=QUICK_ANSWER_SECONDS)
            if not writing.done():
                await self._raise_write_error()
            await writing
        finally:
            writing.cancel()

    async def _raise_write_error(self) -> None:
        with contextlib.suppress(TimeoutError):
            try:
                await self._js.purge_stream(self._stream, subject=NO_SUCH_SUBJECT)
            except APIError as error:
                raise OSError(error.description) from error

    def _set(self, key: str, record: dict[str, Any] | None) -> None:
        if record is None:
            self.records.pop(key, None)
        else:
            self.records[key] = record
