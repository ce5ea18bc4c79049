"""The queue-worker's settings, with OpenFaaS's names where it has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import DEFAULT_QUEUE
from labkit_services.contract.numbers import parse_whole_number, whole_number
from labkit_services.contract.ports import DEFAULT_GATEWAY_PORT, LOOPBACK, WORKER_METRICS_PORT
from labkit_services.contract.queues import MAX_INFLIGHT, SHORTEST_LEASE_SECONDS, check_queue_name
from labkit_services.http import Origin
from labkit_services.jetstream.stream_settings import StreamSettings
from labkit_services.queue_worker.retry import RetryPolicy
from labkit_services.runtime.listening import ListenSettings
from labkit_services.runtime.service import Service

EVERY_QUEUE = "*"

_CALLBACK_CODES = frozenset({408, 425, 429, *range(500, 600)})
"""Statuses after which a callback is retried. After 2xx the target has the
result; with any other status it refuses it."""

_RETRY = RetryPolicy()
_CALLBACK_RETRY = RetryPolicy(6, 1.0, 30.0, _CALLBACK_CODES)
_RETRY_SETTINGS = {
    "attempts": "max_retry_attempts",
    "min_wait": "initial_retry_wait",
    "max_wait": "max_retry_wait",
    "codes": "retry_http_codes",
    "backoff": "backoff",
}
_CALLBACK_SETTINGS = {
    "attempts": "callback_attempts",
    "min_wait": "initial_callback_wait",
    "max_wait": "max_callback_wait",
    "backoff": "backoff",
}


_METRICS = ListenSettings(LOOPBACK, WORKER_METRICS_PORT, fallback=True)


@dataclass(frozen=True)
class WorkerConfig:
    """The settings.

    Attributes:
        queue: Queue to receive calls from; ``*`` is every queue, future ones
            included.
        max_inflight: Calls of one queue that run at once.
        max_inflight_of: The same for single queues.
        ack_wait: Seconds of the lease on a delivery; renewed while the call
            runs.
        gateway_url: The gateway that invokes functions.
        retry: When a call is retried; a function's annotations change it.
        callback_retry: The same for callbacks.
        callback_timeout: Timeout in seconds for a callback request.
        drain_timeout: Seconds for running calls to finish after SIGTERM.
        streams: How new streams are created.
        metrics: Where ``/metrics`` is.
    """

    queue: str
    max_inflight: int
    ack_wait: float
    gateway_url: str
    callback_timeout: float
    streams: StreamSettings
    drain_timeout: float = 60.0
    metrics: ListenSettings = _METRICS
    max_inflight_of: Mapping[str, int] = field(default_factory=dict)
    retry: RetryPolicy = _RETRY
    callback_retry: RetryPolicy = _CALLBACK_RETRY

    @classmethod
    def read(cls, service: Service) -> WorkerConfig:
        """Read the environment, or raise ``InvalidValueError``."""
        queue = service.setting("queue_name", DEFAULT_QUEUE)
        upstream_timeout = service.setting("upstream_timeout", "60s")
        return cls(
            queue=queue if queue == EVERY_QUEUE else check_queue_name(queue),
            max_inflight=check_max_inflight(service.number("max_inflight", 1)),
            max_inflight_of=_by_queue(service.setting("max_inflight_of")),
            ack_wait=_lease(service.setting("ack_wait", "5s")),
            gateway_url=_http_url(service.setting("gateway_url", f"http://127.0.0.1:{DEFAULT_GATEWAY_PORT}")),
            retry=_RETRY.changed(_set(service, _RETRY_SETTINGS)),
            callback_retry=_CALLBACK_RETRY.changed(_set(service, _CALLBACK_SETTINGS)),
            callback_timeout=parse_duration(upstream_timeout),
            drain_timeout=parse_duration(service.setting("drain_timeout", upstream_timeout)),
            streams=StreamSettings.read(service),
            metrics=ListenSettings.read(
                service, service.setting("listen", LOOPBACK), WORKER_METRICS_PORT, setting="metrics_port"
            ),
        )


def _set(service: Service, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the settings that are set, by attribute."""
    return {attribute: text for attribute, name in settings.items() if (text := service.setting(name))}


def _by_queue(text: str) -> dict[str, int]:
    """Parse ``slow=1,fast=20``."""
    found = {}
    for part in filter(None, text.split(",")):
        queue, _, count = part.partition("=")
        found[check_queue_name(queue.strip())] = parse_whole_number("max_inflight", count, 1, MAX_INFLIGHT)
    return found


def _lease(text: str) -> float:
    """Parse ``ack_wait``."""
    seconds = parse_duration(text)
    if seconds < SHORTEST_LEASE_SECONDS:
        expected = f"{SHORTEST_LEASE_SECONDS:g} s or more"
        raise InvalidValueError("ack_wait is too short", expected=expected, seen=repr(text))
    return seconds


def _http_url(text: str) -> str:
    Origin.parse(text)
    return text.rstrip("/")


def check_max_inflight(value: object) -> int:
    """Return a valid ``max_inflight``, or raise ``InvalidValueError``."""
    return whole_number("max_inflight", value, MAX_INFLIGHT)
