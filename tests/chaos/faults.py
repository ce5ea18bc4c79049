"""Faults, done to a stack."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Sequence

from tests.chaos.schedule import Fault, Kind
from tests.chaos.stack import Stack
from tests.chaos.witness import CallbackTarget

_PID_SECONDS = 15.0
"""A target that is just being started again is waited for."""


class Faults:
    """Carries out a schedule.

    Attributes:
        done: How often each fault was done, by kind and target.
        missed: How often there was no process in time.
    """

    def __init__(self, stack: Stack, target: CallbackTarget) -> None:
        self._stack = stack
        self._target = target
        self.done: Counter[str] = Counter()
        self.missed = 0
        self._hands: set[asyncio.Task[None]] = set()

    async def run(self, schedule: Sequence[Fault]) -> None:
        """Do all of them at their time; return when the last has ended."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for fault in schedule:
            await asyncio.sleep(max(0.0, began + fault.at - loop.time()))
            self._hands.add(asyncio.create_task(self._do(fault)))
        if self._hands:
            await asyncio.gather(*self._hands)

    async def _do(self, fault: Fault) -> None:
        if fault.kind is Kind.AWAY:
            await self._target.away(fault.seconds)
        elif fault.kind is Kind.RESTART and fault.target != "watchdog":
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

    async def _pid(self, fault: Fault) -> int | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PID_SECONDS
        while loop.time() < deadline:
            if pids := await self._stack.pids_of(fault.target):
                return pids[fault.pick % len(pids)]
            await asyncio.sleep(0.05)
        return None


async def _signal(pid: int, fault: Fault) -> None:
    match fault.kind:
        case Kind.KILL:
            os.kill(pid, signal.SIGKILL)
        case Kind.RESTART:
            os.kill(pid, signal.SIGTERM)
        case Kind.STOP:
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(fault.seconds)
            finally:
                os.kill(pid, signal.SIGCONT)
