"""Fault injection: carry out a schedule of faults on a stack."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Sequence

from tests.chaos.oracle import CallbackTarget
from tests.chaos.schedule import FaultAction, ScheduledFault
from tests.chaos.stack import SystemUnderTest

_PID_SECONDS = 15.0
"""How long to wait for a target that is being restarted."""


class FaultInjector:
    """Carry out a schedule of faults.

    Attributes:
        done: Number of faults carried out, by kind and target.
        missed: Number of faults for which no process was found in time.
    """

    def __init__(self, stack: SystemUnderTest, target: CallbackTarget) -> None:
        self._stack = stack
        self._target = target
        self.done: Counter[str] = Counter()
        self.missed = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, schedule: Sequence[ScheduledFault]) -> None:
        """Start each fault at its time; return when the last one has ended."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for fault in schedule:
            await asyncio.sleep(max(0.0, began + fault.at - loop.time()))
            self._tasks.add(asyncio.create_task(self._inject(fault)))
        if self._tasks:
            await asyncio.gather(*self._tasks)

    async def _inject(self, fault: ScheduledFault) -> None:
        if fault.kind is FaultAction.AWAY:
            await self._target.away(fault.seconds)
        elif fault.kind is FaultAction.FILL:
            await self._stack.fill_disk(fault.seconds)
        elif fault.kind is FaultAction.DAMAGE:
            await self._stack.damage_store(fault.pick)
        elif fault.kind is FaultAction.RESTART and fault.target != "watchdog":
            await self._stack.restart(fault.target)
        else:
            pid = await self._pid(fault)
            if pid is None:
                self.missed += 1
                return
            try:
                await _signal(pid, fault)
            except ProcessLookupError:
                self.missed += 1
                return
        self.done[f"{fault.kind} {fault.target}"] += 1

    async def _pid(self, fault: ScheduledFault) -> int | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PID_SECONDS
        while loop.time() < deadline:
            if pids := await self._stack.pids_of(fault.target):
                return pids[fault.pick % len(pids)]
            await asyncio.sleep(0.05)
        return None


async def _signal(pid: int, fault: ScheduledFault) -> None:
    match fault.kind:
        case FaultAction.KILL:
            os.kill(pid, signal.SIGKILL)
        case FaultAction.RESTART:
            os.kill(pid, signal.SIGTERM)
        case FaultAction.STOP:
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(fault.seconds)
            finally:
                os.kill(pid, signal.SIGCONT)
