"""What a running lab can be asked for, over the control channel."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from labkit.supervisor.faults import FaultKind
from labkit.supervisor.memory import resident_bytes
from labkit.supervisor.settings import MAX_WORKERS
from labkit.views.states import summary
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import DEFAULT_QUEUE
from labkit_services.contract.numbers import whole_number
from labkit_services.contract.queues import check_queue_name

if TYPE_CHECKING:
    from labkit.supervisor.managed_service import Unit
    from labkit.supervisor.supervisor import Supervisor

Request = Mapping[str, Any]


class Commands:
    """Reads requests, and answers with what can be said in JSON."""

    def __init__(self, lab: Supervisor) -> None:
        self._lab = lab

    def by_name(self) -> dict[str, Callable[[Request], Coroutine[Any, Any, Any]]]:
        """Return the commands; those that change the lab are done one after the other."""
        return {
            "status": self._status,
            "events": self._events,
            "timeline": self._timeline,
            "worker_settings": self._worker_settings,
            "stop": self._stop,
            "kill": self._kill,
            "fault": self._fault,
            "end_fault": self._end_fault,
            "reset": self._in_turn(self._reset),
            "configure": self._in_turn(self._configure),
            "restart": self._in_turn(self._restart),
            "stop_service": self._in_turn(self._stop_service),
            "start_service": self._in_turn(self._start_service),
            "scale_workers": self._in_turn(self._scale_workers),
        }

    def _in_turn(
        self, command: Callable[[Request], Coroutine[Any, Any, Any]]
    ) -> Callable[[Request], Coroutine[Any, Any, Any]]:
        return lambda request: self._lab.exclusively(lambda: command(request))

    # -- looking

    async def _status(self, _request: Request) -> dict[str, Any]:
        lab = self._lab
        units = list(lab.units)
        return {
            "state": summary([unit.state for unit in units]),
            "run_id": lab.run_id,
            "pid": os.getpid(),
            "workspace": str(lab.workspace.root),
            "started_ns": lab.started_ns,
            "memory": resident_bytes(os.getpid()),
            "max_inflight": lab.plan.max_inflight_of.get(DEFAULT_QUEUE, lab.settings.max_inflight),
            "services": [unit.describe() for unit in units],
            "faults": lab.faults.describe(),
        }

    async def _events(self, _request: Request) -> list[Any]:
        return self._lab.record.recent()

    async def _timeline(self, _request: Request) -> list[dict[str, Any]]:
        return self._lab.timeline.to_json()

    async def _worker_settings(self, _request: Request) -> dict[str, str]:
        """Say what one more queue-worker, started by somebody else, must be told."""
        return self._lab.plan.worker_settings()

    # -- changing

    async def _stop(self, _request: Request) -> None:
        await self._lab.stop()

    async def _reset(self, _request: Request) -> None:
        await self._lab.reset()

    async def _configure(self, request: Request) -> None:
        count = whole_number("max_inflight", request.get("max_inflight"), None)
        # For the workers' next start; those that run are told by who asked.
        self._lab.plan.max_inflight_of[check_queue_name(str(request.get("queue")))] = count

    async def _scale_workers(self, request: Request) -> None:
        await self._lab.units.scale_workers(whole_number("workers", request.get("workers"), MAX_WORKERS))

    async def _restart(self, request: Request) -> None:
        unit = self._unit(request)
        with self._lab.faults.noted({"fault": FaultKind.RESTART.value, "service": unit.spec.name}):
            await self._lab.units.restart([unit])

    async def _stop_service(self, request: Request) -> None:
        await self._lab.units.stop(self._unit(request))

    async def _start_service(self, request: Request) -> None:
        await self._lab.units.start(self._unit(request))

    async def _kill(self, request: Request) -> None:
        unit = self._unit(request)
        with self._lab.faults.noted({"fault": FaultKind.KILL.value, "service": unit.spec.name}):
            await unit.kill()

    def _unit(self, request: Request) -> Unit:
        return self._lab.units.named(str(request.get("service")))

    # -- faults

    async def _fault(self, request: Request) -> None:
        """Begin a fault; without ``seconds`` it lasts until ``end_fault``."""
        seconds = request.get("seconds")
        await self._lab.faults.begin(
            _kind(request),
            str(request.get("service", "")),
            None if seconds is None else _number(request, "seconds"),
            delay=_number(request, "delay"),
            bandwidth=_number(request, "bandwidth"),
        )

    async def _end_fault(self, request: Request) -> None:
        """Wait until a fault is over; ``now`` ends it. Idempotent."""
        service, now = str(request.get("service", "")), bool(request.get("now"))
        await self._lab.faults.end(_kind(request), service, now=now)


def _kind(request: Request) -> FaultKind:
    kind = str(request.get("kind"))
    try:
        return FaultKind(kind)
    except ValueError:
        raise InvalidValueError(f"there is no fault {kind!r}", expected=", ".join(FaultKind)) from None


def _number(request: Request, field: str) -> float:
    value = request.get(field, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise InvalidValueError(f"{field} is out of range", expected="a number from 0", seen=repr(value))
    return float(value)
