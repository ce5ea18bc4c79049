"""Names of the services: OpenFaaS's and NATS's own, and their short forms."""

from __future__ import annotations

import re

NATS_SERVER = "nats-server"
GATEWAY = "gateway"
QUEUE_WORKER = "queue-worker"
INSPECTOR = "inspector"

_SHORT_NAMES = {"nats": NATS_SERVER, "worker": QUEUE_WORKER, "queue_worker": QUEUE_WORKER}
_WORKER = re.compile(r"worker-(\d+)")
_NUMBER = re.compile(r"-\d+$")
_SERVICE = re.compile(rf"{NATS_SERVER}|{GATEWAY}|{QUEUE_WORKER}(-\d+)?|{INSPECTOR}|supervisor")


def full_name(name: str) -> str:
    """Return a service's full name: ``queue-worker`` for ``worker``."""
    if number := _WORKER.fullmatch(name):
        return f"{QUEUE_WORKER}-{number[1]}"
    return _SHORT_NAMES.get(name, name)


def kind_of(name: str) -> str:
    """Return a service's kind: ``queue-worker`` for ``queue-worker-2``."""
    return _NUMBER.sub("", name)


def is_service(name: str) -> bool:
    """Return whether ``name`` is a service's, not a function's."""
    return _SERVICE.fullmatch(full_name(name)) is not None
