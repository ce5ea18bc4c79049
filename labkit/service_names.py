"""The services by name: OpenFaaS's and NATS's own words, and what people say for short."""

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
    """Return a service's own name: ``worker`` is the ``queue-worker``, ``nats`` the ``nats-server``."""
    if number := _WORKER.fullmatch(name):
        return f"{QUEUE_WORKER}-{number[1]}"
    return _SHORT_NAMES.get(name, name)


def kind_of(name: str) -> str:
    """Return what a service is: ``queue-worker-2`` is a ``queue-worker``."""
    return _NUMBER.sub("", name)


def is_service(name: str) -> bool:
    """Tell whether ``name`` means a service, not a function."""
    return _SERVICE.fullmatch(full_name(name)) is not None
