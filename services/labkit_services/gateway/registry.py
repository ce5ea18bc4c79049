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
from labkit_services.runtime.log import Log

_SECRET_BUCKET = "secrets"  # noqa: S105  # a bucket's name
_NAMESPACE_BUCKET = "namespaces"


@dataclass(frozen=True)
class Registry:
    """Three buckets of JSON records.

    Attributes:
        functions: ``{"spec": …, "replicas": …}`` by ``name.namespace``.
        secrets: What functions may read.
        namespaces: Where functions live.
    """

    functions: RecordBucket
    secrets: SecretStore
    namespaces: NamespaceStore

    @classmethod
    async def open(cls, js: JetStreamContext, log: Log, *, replicas: int) -> Registry:
        """Create the buckets unless they exist, and read them."""
        functions, secrets, namespaces = await asyncio.gather(
            *(
                RecordBucket.open(js, name, replicas, log)
                for name in (FUNCTION_BUCKET, _SECRET_BUCKET, _NAMESPACE_BUCKET)
            )
        )
        return cls(functions, SecretStore(secrets), NamespaceStore(namespaces))
