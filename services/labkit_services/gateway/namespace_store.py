"""Namespaces: the default one, and those that were created."""

from __future__ import annotations

import re
from typing import Any

from labkit_services.contract.names import DEFAULT_NAMESPACE
from labkit_services.gateway.record_bucket import RecordBucket
from labkit_services.http import HttpError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DEFAULT_RECORD = {"labels": {"openfaas": "1"}, "annotations": {"openfaas": "1"}}


class NamespaceStore:
    """Names with labels and annotations; the default one always exists.

    Methods raise HttpError: 400 for a bad request, 404 for an unknown
    namespace.
    """

    def __init__(self, bucket: RecordBucket) -> None:
        self._bucket = bucket

    def names(self) -> list[str]:
        """Return all names, the default one first."""
        return [DEFAULT_NAMESPACE, *sorted(self._bucket.records.keys() - {DEFAULT_NAMESPACE})]

    def check(self, name: str) -> None:
        """Raise HttpError 400 unless the namespace exists."""
        if name != DEFAULT_NAMESPACE and name not in self._bucket.records:
            raise HttpError(400, f"namespace {name} not found\n")

    def get(self, name: str) -> dict[str, Any]:
        """Return a namespace as JSON."""
        record = self._bucket.records.get(name, _DEFAULT_RECORD if name == DEFAULT_NAMESPACE else None)
        if record is None:
            raise HttpError(404, f"namespace {name} not found\n")
        return {"name": name, **record}

    async def create(self, name: str, record: dict[str, Any]) -> None:
        """Add a namespace; raise HttpError 409 if it exists."""
        if not _NAME.fullmatch(name):
            raise HttpError(400, "validation failed: namespace must be a valid DNS label\n")
        if name == DEFAULT_NAMESPACE or name in self._bucket.records:
            raise HttpError(409, f"namespace {name} already exists\n")
        await self._bucket.put(name, record)

    async def update(self, name: str, record: dict[str, Any]) -> None:
        """Replace a namespace's labels and annotations."""
        self.get(name)
        await self._bucket.put(name, record)

    async def delete(self, name: str) -> None:
        """Remove a namespace; ``check`` refuses its name at once."""
        if name == DEFAULT_NAMESPACE:
            raise HttpError(400, f"namespace {name} cannot be removed\n")
        self.get(name)
        await self._bucket.delete(name)
