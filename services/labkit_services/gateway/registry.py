"""What must survive a restart: functions, secrets and namespaces.

A restarted gateway, or a second one, reads everything from here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from nats.js import JetStreamContext

from labkit_services.contract.names import FUNCTION_BUCKET
from labkit_services.gateway.namespace_store import NamespaceStore
from labkit_services.gateway.record_bucket import RecordBucket
from labkit_services.gateway.secret_store import SecretStore
from labkit_services.jetstream.stream_settings import StreamSettings
from labkit_services.runtime.log import Log

_SECRET_BUCKET = "secrets"  # noqa: S105  # a bucket's name
_NAMESPACE_BUCKET = "namespaces"


@dataclass(frozen=True)
class Registry:
    """Three buckets of JSON records."""

    functions: RecordBucket  # {"spec": …, "replicas": …} by name.namespace
    secrets: SecretStore
    namespaces: NamespaceStore

    @classmethod
    async def open(cls, js: JetStreamContext, log: Log, settings: StreamSettings) -> Registry:
        """Create the buckets unless they exist, and read them."""
        names = (FUNCTION_BUCKET, _SECRET_BUCKET, _NAMESPACE_BUCKET)
        buckets = await asyncio.gather(*(RecordBucket.open(js, name, settings, log) for name in names))
        functions, secrets, namespaces = buckets
        return cls(functions, SecretStore(secrets), NamespaceStore(namespaces))
