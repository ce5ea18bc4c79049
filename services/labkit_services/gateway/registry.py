"""What the gateway must not forget: functions, secrets, namespaces, in JetStream's key-value store.

A gateway that was killed, or a second one, reads everything from here.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from labkit_services.contract.errors import error_text
from labkit_services.contract.names import FUNCTION_BUCKET
from labkit_services.gateway.spec import FunctionSpec
from labkit_services.http import HttpError
from labkit_services.jetstream.streams import bucket_keys
from labkit_services.runtime.log import Log

SECRET_BUCKET = "secrets"  # noqa: S105  # a bucket's name
NAMESPACE_BUCKET = "namespaces"


@dataclass(frozen=True)
class Entry:
    """A function as deployed, and how many replicas were asked for last."""

    spec: FunctionSpec
    replicas: int


@contextmanager
def _kept() -> Iterator[None]:
    """Tell the caller of the API, in place of a bare 500, that nats-server did not keep a change."""
    try:
        yield
    except (NatsError, OSError, TimeoutError) as error:
        text = f"the change was not kept, nats-server does not answer: {error_text(error)}; look at its log\n"
        raise HttpError(500, text) from error


class Registry:
    """Three buckets of JSON records; keys are ``name.namespace``, or a namespace's name.

    A change that nats-server does not confirm is answered with 500.
    """

    def __init__(self, js: JetStreamContext, log: Log, *, replicas: int) -> None:
        self._js = js
        self._log = log
        self._replicas = replicas
        self._buckets: dict[str, KeyValue] = {}

    async def open(self) -> None:
        """Create the buckets unless they exist."""
        names = (FUNCTION_BUCKET, SECRET_BUCKET, NAMESPACE_BUCKET)
        buckets = await asyncio.gather(*map(self._open, names))
        self._buckets = dict(zip(names, buckets, strict=True))

    async def _open(self, name: str) -> KeyValue:
        return await self._js.create_key_value(bucket=name, replicas=self._replicas, history=1)

    # -- functions

    async def functions(self) -> list[Entry]:
        """Return every function; one that can't be read is logged and left out."""
        entries = []
        for key, record in await self._all(FUNCTION_BUCKET):
            try:
                entries.append(Entry(FunctionSpec.from_record(record["spec"]), int(record["replicas"])))
            except (KeyError, TypeError, ValueError) as error:
                self._log.error("registry entry unreadable", key=key, error=repr(error))
        return entries

    async def save_function(self, entry: Entry) -> None:
        """Remember a function."""
        record = {"spec": entry.spec.to_record(), "replicas": entry.replicas}
        await self._put(FUNCTION_BUCKET, entry.spec.key, record)

    async def forget_function(self, key: str) -> None:
        """Forget a function."""
        with _kept():
            await self._buckets[FUNCTION_BUCKET].delete(key)

    # -- secrets

    async def secrets(self) -> dict[str, bytes]:
        """Return every secret by ``name.namespace``."""
        return {key: base64.b64decode(record["value"]) for key, record in await self._all(SECRET_BUCKET)}

    async def save_secret(self, key: str, value: bytes) -> None:
        """Remember a secret, byte for byte."""
        await self._put(SECRET_BUCKET, key, {"value": base64.b64encode(value).decode()})

    async def forget_secret(self, key: str) -> None:
        """Forget a secret."""
        with _kept():
            await self._buckets[SECRET_BUCKET].purge(key)

    # -- namespaces

    async def namespaces(self) -> dict[str, dict[str, Any]]:
        """Return the namespaces that were created, with their labels and annotations."""
        return dict(await self._all(NAMESPACE_BUCKET))

    async def save_namespace(self, name: str, record: dict[str, Any]) -> None:
        """Remember a namespace."""
        await self._put(NAMESPACE_BUCKET, name, record)

    async def forget_namespace(self, name: str) -> None:
        """Forget a namespace."""
        with _kept():
            await self._buckets[NAMESPACE_BUCKET].delete(name)

    # -- inside

    async def _put(self, bucket: str, key: str, record: dict[str, Any]) -> None:
        with _kept():
            await self._buckets[bucket].put(key, json.dumps(record).encode())

    async def _all(self, bucket: str) -> Iterable[tuple[str, dict[str, Any]]]:
        found = []
        for key in await bucket_keys(self._js, bucket):
            try:
                entry = await self._buckets[bucket].get(key)
                found.append((key, json.loads(entry.value or b"{}")))
            except KeyNotFoundError:
                continue  # removed
            except ValueError as error:
                self._log.error("registry entry unreadable", bucket=bucket, key=key, error=repr(error))
        return found
