"""One replica: a watchdog process, observed through its three pipes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from labkit_services.contract.errors import LabError
from labkit_services.gateway.functions.watchdog_process import WatchdogProcess
from labkit_services.http import Origin
from labkit_services.runtime.line_reader import LineReader
from labkit_services.runtime.log_marks import MAX_CHARACTERS

_READY_SECONDS = 30.0
"""Longer than a watchdog waits for its process to listen, so that the watchdog
reports the cause."""

_TERM_SECONDS = 0.5
_KILL_SECONDS = 5.0


class ReplicaState(StrEnum):
    """Where a replica is in its life."""

    STARTING = "starting"
    READY = "ready"  # takes calls
    DRAINING = "draining"  # takes no new calls, finishes those in flight
    GONE = "gone"


class ReplicaError(LabError):
    """A function's watchdog did not start."""


@dataclass(frozen=True)
class ReplicaCallbacks:
    """What a replica calls when something happens."""

    on_log: Callable[[str, str], None]  # with the instance's name and a line
    on_event: Callable[[list[Any]], None]  # with [time_ns, type, call_id, data]
    on_gone: Callable[[Replica], None]  # once its process has ended


class Replica:
    """A watchdog process.

    The process leads a group of its own, so that killing the group ends
    whatever the function started. Its stdin is the lifeline: the process ends
    when the gateway's end of that pipe closes. Its stdout carries the ready
    line and then events; its stderr is the function's log.
    """

    def __init__(
        self, name: str, scratch: Path, process: Awaitable[WatchdogProcess], callbacks: ReplicaCallbacks
    ) -> None:
        """Prepare a replica; ``run`` starts it by awaiting ``process``."""
        self.state = ReplicaState.STARTING
        self.instance = name  # in logs and events; with the process id, once started
        self.was_ready = False
        self.is_ending = False  # on purpose, so that its end is no failure
        self.in_flight = 0
        self.origin = Origin("127.0.0.1", 0)  # where it listens, once ready
        self._scratch = scratch
        self._starting = process
        self._callbacks = callbacks
        self._process: WatchdogProcess | None = None
        self._kill_at_start = False
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle = asyncio.Event()
        self._gone = asyncio.Event()

    @property
    def pid(self) -> int:
        """The watchdog's process id, once it is ready."""
        assert self._process is not None
        return self._process.pid

    async def ready(self) -> None:
        """Wait until it listens; raise ReplicaError if it ends or is late."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await asyncio.shield(self._ready)
        except TimeoutError:
            self.kill()
            expected = f"a watchdog ready within {_READY_SECONDS:g} s"
            raise ReplicaError(expected=expected, seen="none; it was killed") from None

    async def run(self) -> None:
        """Start the process and return when it has ended."""
        try:
            self._process = await self._starting
        except OSError as error:
            self._clean_up(f"it could not be started: {error}")
        else:
            await self._follow(self._process)
        finally:
            self._gone.set()

    async def _follow(self, process: WatchdogProcess) -> None:
        self.instance = f"{self.instance}-{process.pid}"
        if self._kill_at_start:
            self.kill()
        output_ended = asyncio.Event()
        # The watchdog has cut the function's lines, and added time and stream.
        log = LineReader(
            process.errors,
            lambda line: self._callbacks.on_log(self.instance, line),
            limit=2 * MAX_CHARACTERS,
        )
        LineReader(process.output, self._on_line, output_ended.set)
        await output_ended.wait()
        self.state = ReplicaState.GONE
        # Whatever the function started ends too, however the watchdog ended.
        process.signal_group(signal.SIGKILL)
        code = await process.reap()
        log.stop()
        process.close()
        self._clean_up("it ended" if code is None else f"it ended with exit code {code}")

    def _on_line(self, line: str) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return  # not the watchdog's: something in its environment printed on import
        if isinstance(message, list):
            self._callbacks.on_event(message)
        elif "ready" in message:
            self.origin, _ = Origin.parse(message["url"])
            if self.state is ReplicaState.STARTING:
                self.state = ReplicaState.READY
                self.was_ready = True
            if not self._ready.done():
                self._ready.set_result(None)

    def _clean_up(self, seen: str) -> None:
        """Remove the scratch folder and wake all who wait for the replica."""
        self.state = ReplicaState.GONE
        shutil.rmtree(self._scratch, ignore_errors=True)
        if not self._ready.done():
            self._ready.set_exception(ReplicaError(expected="a watchdog that stays up", seen=seen))
            self._ready.exception()  # retrieved: it is no error if nobody awaits it
        self._callbacks.on_gone(self)

    def begin_call(self) -> None:
        """Count a call that starts."""
        self.in_flight += 1

    def end_call(self) -> None:
        """Count a call that has ended."""
        self.in_flight -= 1
        if self.in_flight == 0:
            self._idle.set()

    async def drain(self, grace: float) -> None:
        """Take no new calls; end after the running ones or ``grace`` s."""
        self.is_ending = True
        if self.state is not ReplicaState.GONE:
            self.state = ReplicaState.DRAINING
        self._idle.clear()
        if self.in_flight:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace)
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._gone.wait(), _TERM_SECONDS)
        except TimeoutError:
            self.kill()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), _KILL_SECONDS)

    def kill(self) -> None:
        """End it and whatever it started, immediately."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            self._kill_at_start = True
        else:
            self._process.signal_group(number)
