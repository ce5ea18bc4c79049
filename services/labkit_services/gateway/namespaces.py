"""Namespaces: the default one, and those that were created."""

from __future__ import annotations

import re
from typing import Any

from labkit_services.contract.names import DEFAULT_NAMESPACE
from labkit_services.gateway.locks import KeyedLocks
from labkit_services.gateway.registry import Registry
from labkit_services.http import HttpError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class Namespaces:
    """Names with labels and annotations; the default one is always there."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._records: dict[str, dict[str, Any]] = {}
        self._locks = KeyedLocks()

    async def load(self) -> None:
        """Read what was kept."""
        self._records = await self._registry.namespaces()

    def names(self) -> list[str]:
        """Return all names, the default one first."""
        return [DEFAULT_NAMESPACE, *sorted(self._records.keys() - {DEFAULT_NAMESPACE})]

    def check(self, name: str) -> None:
        """See that a namespace exists.

        Raises:
            HttpError: 400.
        """
        if name != DEFAULT_NAMESPACE and name not in self._records:
            raise HttpError(400, f"namespace {name} not found\n")

    def get(self, name: str) -> dict[str, Any]:
        """Return a namespace's record.

        Raises:
            HttpError: 404.
        """
        record = self._records.get(name)
        if record is None and name == DEFAULT_NAMESPACE:
            record = {"labels": {"openfaas": "1"}, "annotations": {"openfaas": "1"}}
        if record is None:
            raise HttpError(404, f"namespace {name} not found\n")
        return {"name": name, **record}

    async def create(self, name: str, record: dict[str, Any]) -> None:
        """Add a namespace.

        Raises:
            HttpError: 409 if it is there, 400 if the name is unusable.
        """
        if not _NAME.fullmatch(name):
            raise HttpError(400, "validation failed: namespace must be a valid DNS label\n")
        async with self._locks.hold(name):
            if name == DEFAULT_NAMESPACE or name in self._records:
                raise HttpError(409, f"namespace {name} already exists\n")
            await self._store(name, record)

    async def update(self, name: str, record: dict[str, Any]) -> None:
        """Replace a namespace's labels and annotations.

        Raises:
            HttpError: 404 if there is none.
        """
        self.get(name)
        await self._store(name, record)

    async def delete(self, name: str) -> None:
        """Remove a namespace.

        Raises:
            HttpError: 404 if there is none, 400 for the default one.
        """
        if name == DEFAULT_NAMESPACE:
            raise HttpError(400, f"namespace {name} cannot be removed\n")
        self.get(name)
        await self._registry.forget_namespace(name)
        self._records.pop(name, None)

    async def _store(self, name: str, record: dict[str, Any]) -> None:
        await self._registry.save_namespace(name, record)
        self._records[name] = record
