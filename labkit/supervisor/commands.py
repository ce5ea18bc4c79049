"""The commands that clients send to a running lab over the control channel."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from labkit.service_names import NATS_SERVER
from labkit.supervisor.announcements import Announcements
from labkit.supervisor.child_process import resident_bytes
from labkit.supervisor.control import CommandHandler
from labkit.supervisor.exclusive_changes import ExclusiveChanges
from labkit.supervisor.faults import Faults
from labkit.supervisor.managed_services import ManagedServices
from labkit.supervisor.service_specs import ServiceSpecs
from labkit.supervisor.settings import MAX_WORKERS
from labkit.supervisor.start_timeline import StartTimeline
from labkit.views.faults import FaultKind
from labkit.views.states import State, summary
from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.names import DEFAULT_QUEUE
from labkit_services.contract.numbers import whole_number
from labkit_services.contract.queues import check_queue_name

_Request = Mapping[str, Any]


class _Reset(Protocol):
    async def __call__(self, by: str, *, wait: bool) -> None: ...


@dataclass(frozen=True)
class Commands:
    """Reads requests and returns results that JSON can express."""

    identity: Mapping[str, Any]
    specs: ServiceSpecs
    services: ManagedServices
    faults: Faults
    changes: ExclusiveChanges
    timeline: StartTimeline
    announcements: Announcements
    stop: Callable[[], Awaitable[str]]
    reset: _Reset

    def by_name(self) -> dict[str, CommandHandler]:
        """Return the commands' handlers."""
        return {
            "status": self._status,
            "timeline": self._timeline,
            "worker_settings": self._worker_settings,
            "next_announcement": self._next_announcement,
            "stop": self._stop,
            "reset": self._reset,
            "configure": self._configure,
            "scale_workers": self._scale_workers,
            "begin_fault": self._begin_fault,
            "end_fault": self._end_fault,
        }

    # -- queries

    async def _status(self, _request: _Request) -> dict[str, Any]:
        nats = self.specs.external_nats
        services = ([nats.describe()] if nats else []) + [service.describe() for service in self.services]
        settings = self.specs.settings
        if problem := self.specs.store_problem:
            _block(services, problem)
        return {
            "state": summary([service["state"] for service in services]),
            **self.identity,
            "pid": os.getpid(),
            "workspace": str(self.specs.workspace.root),
            "memory": resident_bytes(os.getpid()),
            "workers": {"count": len(self.services.workers()), "most": MAX_WORKERS},
            "last_reset": self.announcements.last_reset,
            "max_inflight": self.specs.max_inflight_of.get(DEFAULT_QUEUE, settings.max_inflight),
            "functions": settings.functions,
            "services": services,
            "faults": self.faults.describe(),
            "damage": list(self.specs.recovery.damage),
        }

    async def _timeline(self, _request: _Request) -> list[dict[str, Any]]:
        return self.timeline.to_json()

    async def _worker_settings(self, _request: _Request) -> dict[str, str]:
        return self.specs.worker_settings()

    async def _next_announcement(self, request: _Request) -> dict[str, Any]:
        number = request.get("number")
        return await self.announcements.next(number if isinstance(number, int) else None)

    # -- changes of the lab

    async def _stop(self, request: _Request) -> str:
        self.announcements.announce_stop(_by(request))
        return await self.stop()

    async def _reset(self, request: _Request) -> None:
        """Reset the lab; with ``wait`` false return as soon as it is asked."""
        await self.reset(_by(request), wait=request.get("wait") is not False)

    async def _configure(self, request: _Request) -> None:
        count = whole_number("max_inflight", request.get("max_inflight"), None)
        queue = check_queue_name(str(request.get("queue")))
        # For the workers' next start; the client changes those that are
        # running.
        self.specs.max_inflight_of[queue] = count

    async def _scale_workers(self, request: _Request) -> None:
        count = whole_number("workers", request.get("workers"), MAX_WORKERS)
        await self.changes.run(lambda: self.services.scale_workers(count))

    # -- faults

    async def _begin_fault(self, request: _Request) -> None:
        """Begin a fault; without ``seconds`` it lasts until ``end_fault``."""
        await self.faults.begin(
            _kind(request),
            str(request.get("service", "")),
            None if request.get("seconds") is None else _number(request, "seconds"),
            delay=_number(request, "delay"),
            bandwidth=_number(request, "bandwidth"),
        )

    async def _end_fault(self, request: _Request) -> None:
        """Wait until a fault is over; ``now`` ends it. Idempotent."""
        service = str(request.get("service", ""))
        await self.faults.end(_kind(request), service, now=bool(request.get("now")))


def _block(services: list[dict[str, Any]], problem: LabError) -> None:
    """Show why nats-server stores nothing, though its process is ready."""
    for service in services:
        if service["name"] == NATS_SERVER:
            service["error"] = str(problem)
            if service["state"] is State.READY:
                service["state"] = State.BLOCKED


def _by(request: _Request) -> str:
    return str(request.get("by", ""))


def _kind(request: _Request) -> FaultKind:
    kind = str(request.get("kind"))
    try:
        return FaultKind(kind)
    except ValueError:
        raise InvalidValueError(f"there is no fault {kind!r}", expected=", ".join(FaultKind)) from None


def _number(request: _Request, field: str) -> float:
    value = request.get(field, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise InvalidValueError(f"{field} is out of range", expected="a number from 0", seen=repr(value))
    return float(value)
