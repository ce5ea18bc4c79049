"""Secrets: kept in the registry, written to files for functions."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

from labkit_services.gateway.record_bucket import RecordBucket
from labkit_services.http import HttpError

MAX_SECRET = 1024 * 1024
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""A DNS-1123 subdomain, which Kubernetes requires of a secret's name."""


class SecretStore:
    """Named bytes in each namespace.

    Methods raise HttpError: 400 for a bad name or size, 404 for an unknown
    secret.
    """

    def __init__(self, bucket: RecordBucket) -> None:
        self._bucket = bucket

    def names(self, namespace: str) -> list[str]:
        """Return the names in a namespace."""
        suffix = "." + namespace
        return sorted(key.removesuffix(suffix) for key in self._bucket.records if key.endswith(suffix))

    async def create(self, name: str, namespace: str, value: bytes) -> None:
        """Add a secret; raise HttpError 409 if it exists."""
        key = _key(name, namespace)
        if key in self._bucket.records:
            raise HttpError(409, f"secret {name} already exists\n")
        await self._bucket.put(key, _record(value))

    async def update(self, name: str, namespace: str, value: bytes) -> None:
        """Replace a secret's value, which only new replicas read."""
        await self._bucket.put(self._existing(name, namespace), _record(value))

    async def delete(self, name: str, namespace: str) -> None:
        """Remove a secret."""
        await self._bucket.delete(self._existing(name, namespace))

    async def delete_namespace(self, namespace: str) -> None:
        """Remove every secret of a namespace."""
        for name in self.names(namespace):
            await self.delete(name, namespace)

    def check(self, names: tuple[str, ...], namespace: str) -> None:
        """Raise HttpError 400 for the first name that does not exist."""
        for name in names:
            if f"{name}.{namespace}" not in self._bucket.records:
                raise HttpError(400, f"unable to find secret: {name}\n")

    def write(self, names: tuple[str, ...], namespace: str, folder: Path, *, for_all: bool = False) -> None:
        """Write a function's secrets to files that only we can read.

        With ``for_all`` the files can be read by everyone who can reach the
        folder: by a container that runs as another user.
        """
        folder_mode, file_mode = (0o755, 0o444) if for_all else (0o700, 0o400)
        folder.mkdir(mode=folder_mode)
        for name in names:
            # One removed since the deploy becomes an empty file, as in a pod
            # that keeps its mount.
            value = self._bucket.records.get(f"{name}.{namespace}", {"value": ""})["value"]
            # Read-only from the moment it exists.
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file_mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64decode(value))

    def _existing(self, name: str, namespace: str) -> str:
        key = _key(name, namespace)
        if key not in self._bucket.records:
            raise HttpError(404, f"secret {name} not found\n")
        return key


def _record(value: bytes) -> dict[str, str]:
    if len(value) > MAX_SECRET:
        raise HttpError(400, f"the secret is too large, maximum: {MAX_SECRET} bytes\n")
    return {"value": base64.b64encode(value).decode()}


def _key(name: str, namespace: str) -> str:
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise HttpError(400, "validation failed: secret name must be a DNS-1123 subdomain\n")
    return f"{name}.{namespace}"
