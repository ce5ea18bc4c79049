"""Secrets: kept in the registry, written to files for the functions that name them."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

from labkit_services.gateway.locks import KeyedLocks
from labkit_services.gateway.record_bucket import RecordBucket
from labkit_services.http import HttpError

MAX_SECRET = 1024 * 1024
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""A DNS-1123 subdomain, which Kubernetes requires of a secret's name."""


class SecretStore:
    """Named bytes in each namespace."""

    def __init__(self, bucket: RecordBucket) -> None:
        self._bucket = bucket
        self._locks = KeyedLocks()

    def names(self, namespace: str) -> list[str]:
        """Return the names in a namespace."""
        suffix = "." + namespace
        return sorted(key.removesuffix(suffix) for key in self._bucket.records if key.endswith(suffix))

    async def create(self, name: str, namespace: str, value: bytes) -> None:
        """Add a secret.

        Raises:
            HttpError: 409 if the name is taken, 400 if the name or the size is not allowed.
        """
        key = _key(name, namespace)
        async with self._locks.hold(key):
            if key in self._bucket.records:
                raise HttpError(409, f"secret {name} already exists\n")
            await self._store(key, value)

    async def update(self, name: str, namespace: str, value: bytes) -> None:
        """Replace a secret's value; replicas started from now on read the new one.

        Raises:
            HttpError: 404 if there is none, 400 if the size is not allowed.
        """
        key = _key(name, namespace)
        async with self._locks.hold(key):
            self._check_key(key, name)
            await self._store(key, value)

    async def delete(self, name: str, namespace: str) -> None:
        """Remove a secret.

        Raises:
            HttpError: 404 if there is none.
        """
        key = _key(name, namespace)
        async with self._locks.hold(key):
            self._check_key(key, name)
            await self._bucket.delete(key)

    async def delete_namespace(self, namespace: str) -> None:
        """Remove every secret of a namespace."""
        for name in self.names(namespace):
            await self.delete(name, namespace)

    def check(self, names: tuple[str, ...], namespace: str) -> None:
        """Check that every secret that a function names exists.

        Raises:
            HttpError: 400, naming the first that does not.
        """
        for name in names:
            if f"{name}.{namespace}" not in self._bucket.records:
                raise HttpError(400, f"unable to find secret: {name}\n")

    def write(self, names: tuple[str, ...], namespace: str, folder: Path) -> None:
        """Write a function's secrets to files that only their owner can read."""
        folder.mkdir(mode=0o700)
        for name in names:
            # One removed since the deploy becomes an empty file, as in a pod that keeps its mount.
            value = self._bucket.records.get(f"{name}.{namespace}", {"value": ""})["value"]
            # Read-only from the moment it exists.
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64decode(value))

    async def _store(self, key: str, value: bytes) -> None:
        if len(value) > MAX_SECRET:
            raise HttpError(400, f"the secret is too large, maximum: {MAX_SECRET} bytes\n")
        await self._bucket.put(key, {"value": base64.b64encode(value).decode()})

    def _check_key(self, key: str, name: str) -> None:
        if key not in self._bucket.records:
            raise HttpError(404, f"secret {name} not found\n")


def _key(name: str, namespace: str) -> str:
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise HttpError(400, "validation failed: secret name must be a DNS-1123 subdomain\n")
    return f"{name}.{namespace}"
