"""Secrets: kept by the registry, handed to the replicas of the functions that name them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from labkit_services.gateway.locks import KeyedLocks
from labkit_services.gateway.registry import Registry
from labkit_services.http import HttpError

MAX_SECRET = 1024 * 1024
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""A DNS-1123 subdomain, as Kubernetes asks of a secret's name."""


class Secrets:
    """Named bytes, by namespace."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._values: dict[str, bytes] = {}
        self._locks = KeyedLocks()

    async def load(self) -> None:
        """Read what was kept."""
        self._values = await self._registry.secrets()

    def names(self, namespace: str) -> list[str]:
        """Return the names in a namespace."""
        suffix = "." + namespace
        return sorted(key.removesuffix(suffix) for key in self._values if key.endswith(suffix))

    async def create(self, name: str, namespace: str, value: bytes) -> None:
        """Add a secret.

        Raises:
            HttpError: 409 if there is one of that name, 400 if the name is unusable.
        """
        key = _key(name, namespace)
        async with self._locks.hold(key):
            if key in self._values:
                raise HttpError(409, f"secret {name} already exists\n")
            await self._store(key, value)

    async def update(self, name: str, namespace: str, value: bytes) -> None:
        """Replace a secret's value; replicas started from now on see the new one.

        Raises:
            HttpError: 404 if there is none.
        """
        key = self._known(name, namespace)
        await self._store(key, value)

    async def delete(self, name: str, namespace: str) -> None:
        """Remove a secret.

        Raises:
            HttpError: 404 if there is none.
        """
        key = self._known(name, namespace)
        await self._registry.forget_secret(key)
        self._values.pop(key, None)

    def check(self, names: tuple[str, ...], namespace: str) -> None:
        """See that every secret a function names is there.

        Raises:
            HttpError: 400, naming the first that is not.
        """
        for name in names:
            if f"{name}.{namespace}" not in self._values:
                raise HttpError(400, f"unable to find secret: {name}\n")

    def write(self, names: tuple[str, ...], namespace: str, folder: Path) -> None:
        """Write a function's secrets as files that only its owner can read, byte for byte."""
        folder.mkdir(mode=0o700)
        for name in names:
            # Read-only from its first moment. Removed since the deploy: an empty file, as
            # with a pod that keeps its mount.
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._values.get(f"{name}.{namespace}", b""))

    async def _store(self, key: str, value: bytes) -> None:
        if len(value) > MAX_SECRET:
            raise HttpError(400, f"the secret is too large, maximum: {MAX_SECRET} bytes\n")
        await self._registry.save_secret(key, value)
        self._values[key] = value

    def _known(self, name: str, namespace: str) -> str:
        key = _key(name, namespace)
        if key not in self._values:
            raise HttpError(404, f"secret {name} not found\n")
        return key


def _key(name: str, namespace: str) -> str:
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise HttpError(400, "validation failed: secret name must be a DNS-1123 subdomain\n")
    return f"{name}.{namespace}"
