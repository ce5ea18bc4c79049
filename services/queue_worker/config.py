"""The queue-worker's settings, named as in OpenFaaS's queue-worker."""

from __future__ import annotations

from dataclasses import dataclass

from services.contract.durations import parse_duration
from services.contract.errors import InvalidValueError
from services.contract.names import DEFAULT_QUEUE
from services.runtime import Service

MAX_INFLIGHT = 1000


@dataclass(frozen=True)
class Config:
    """What the worker was told.

    Attributes:
        queue: Subject to work off.
        max_inflight: Calls run at the same time.
        ack_wait: Seconds of the lease on a delivery; renewed while the call runs.
        gateway_url: Where functions are called.
        callback_timeout: Seconds a callback's target may take.
        replicas: JetStream replicas of the queue, should it have to be created.
    """

    queue: str
    max_inflight: int
    ack_wait: float
    gateway_url: str
    callback_timeout: float
    replicas: int

    @classmethod
    def read(cls, service: Service) -> Config:
        """Read the environment.

        Raises:
            InvalidValueError: A value is unusable.
        """
        return cls(
            queue=service.setting("queue_name", DEFAULT_QUEUE),
            max_inflight=check_max_inflight(service.number("max_inflight", 1)),
            ack_wait=parse_duration(service.setting("ack_wait", "5s")),
            gateway_url=service.setting("gateway_url", "http://127.0.0.1:8080"),
            callback_timeout=parse_duration(service.setting("upstream_timeout", "60s")),
            replicas=service.number("nats_stream_replicas", 1),
        )


def check_max_inflight(value: object) -> int:
    """Return a usable ``max_inflight``.

    Raises:
        InvalidValueError: It is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_INFLIGHT:
        raise InvalidValueError(
            "max_inflight is out of range",
            expected=f"a whole number from 1 to {MAX_INFLIGHT}",
            seen=repr(value),
        )
    return value
