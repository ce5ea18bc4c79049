"""Faults of the lab: those that are active; begins and ends them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from labkit_services.inspector.calls.fault_events import GOOD_ANSWER, is_down
from labkit_services.inspector.calls.fault_order import FaultOrder
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.inspector.errors import NotFoundError, RequestRefusedError, UnavailableError
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.runtime.background_tasks import BackgroundTasks, OnFailure

_SECONDS = 30.0
"""Until a service has stopped, or is back."""
_WORKER = "queue-worker"


class AlreadyActiveError(RequestRefusedError):
    """The fault is active already."""

    status = 409


class LabFaults:
    """The supervisor's faults, and bins that are down.

    The supervisor begins and ends those of services: it has the processes,
    and a fault ends in time even if the inspector is gone. A bin is down by
    its settings; the inspector ends that, also when it stops.
    """

    def __init__(self, lab: LabAccess, store: BinStore, on_failure: OnFailure) -> None:
        self._lab = lab
        self._store = store
        self._tasks = BackgroundTasks(on_failure)
        self._ends: dict[str, float] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}

    async def active(self) -> list[dict[str, Any]]:
        """Return the active faults; without a lab, those of bins."""
        try:
            status = await self._lab.command("status")
            faults = status["faults"]
        except UnavailableError:
            faults = []
        services = [self._service_fault(fault) for fault in faults]
        return services + [
            self._bin_fault(stored.name, stored.settings.answer)
            for stored in self._store.bins.values()
            if is_down(stored.settings.answer)
        ]

    async def begin(self, order: FaultOrder) -> dict[str, Any]:
        """Begin a fault; return it as soon as it has taken effect."""
        if order.bin:
            return self._begin_bin(order)
        where = _WORKER if order.what == "slow" else order.where
        fault_id = f"{order.what}:{where}"
        if any(fault["id"] == fault_id for fault in await self.active()):
            raise AlreadyActiveError(
                f"{where} has this fault already", next_step=f"DELETE /api/v1/faults/{fault_id}"
            )
        await self._lab.command(
            "begin_fault",
            within=_SECONDS,
            kind=order.what,
            service=where,
            seconds=order.seconds,
            delay=order.delay,
            bandwidth=order.bandwidth,
        )
        began = time.time()
        ends = None if order.seconds is None else began + order.seconds
        details: dict[str, Any] = {"fault": order.what, "service": where, "since": began, "ends": ends}
        if order.what == "slow":
            details |= {"delay": order.delay, "bandwidth": order.bandwidth}
        return self._service_fault(details)

    async def end(self, fault_id: str = "") -> int:
        """End one fault, or all; return how many."""
        faults = [fault for fault in await self.active() if fault_id in ("", fault["id"])]
        if fault_id and not faults:
            raise NotFoundError(
                f"there is no active fault {fault_id[:80]!a}", next_step="see all: GET /api/v1/faults"
            )
        for fault in faults:
            if fault["where"] == "callback":
                self._end_bin(fault["bin"])
            else:
                arguments = {"kind": fault["what"], "service": fault["service"], "now": True}
                await self._lab.command("end_fault", within=_SECONDS, **arguments)
        return len(faults)

    async def stop(self) -> None:
        """End the faults of bins that were begun here."""
        await self._tasks.cancel()
        for name in list(self._timers):
            self._end_bin(name)

    # -- services

    def _service_fault(self, fault: dict[str, Any]) -> dict[str, Any]:
        what, service = fault["fault"], fault["service"]
        fault_id = f"{what}:{service}"
        more: dict[str, Any] = {key: fault[key] for key in ("delay", "bandwidth") if key in fault}
        where = "network" if what == "slow" else service
        times = {"since": fault["since"], "ends": fault["ends"]}
        return {"id": fault_id, "where": where, "what": what, "service": service, **times, **more}

    # -- bins

    def _begin_bin(self, order: FaultOrder) -> dict[str, Any]:
        stored = self._store.bins.get(order.bin)
        if stored is None:
            raise NotFoundError(f"there is no bin {order.bin[:80]!a}", next_step="PUT /api/v1/bins/NAME")
        if is_down(stored.settings.answer):
            raise AlreadyActiveError(
                f"the bin {order.bin} is down already",
                next_step=f"DELETE /api/v1/faults/{_bin_id(order.bin, stored.settings.answer)}",
            )
        self._store.change_settings(order.bin, answer=order.status)
        assert order.seconds is not None
        self._ends[order.bin] = time.time() + order.seconds
        timer = self._tasks.start(self._end_later(order), name=f"end fault of {order.bin}")
        self._timers[order.bin] = timer
        return self._bin_fault(order.bin, order.status)

    async def _end_later(self, order: FaultOrder) -> None:
        await asyncio.sleep(order.seconds or 0.0)
        stored = self._store.bins.get(order.bin)
        if stored is not None and stored.settings.answer == order.status:  # nobody has changed it
            self._end_bin(order.bin)

    def _end_bin(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None and timer is not asyncio.current_task():
            timer.cancel()
        self._ends.pop(name, None)
        if name in self._store.bins:
            self._store.change_settings(name, answer=GOOD_ANSWER)

    def _bin_fault(self, name: str, answer: int) -> dict[str, Any]:
        return {
            "id": _bin_id(name, answer),
            "where": "callback",
            "what": "status" if answer else "drop",
            "since": None,
            "ends": self._ends.get(name),
            "bin": name,
            "status": answer,
        }


def _bin_id(name: str, answer: int) -> str:
    return f"{'status' if answer else 'drop'}:{name}"
