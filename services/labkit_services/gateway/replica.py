"""One replica: a watchdog process of its own, watched through its three pipes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from labkit_services.contract.errors import LabError
from labkit_services.gateway.process import WatchdogProcess
from labkit_services.http import Origin
from labkit_services.runtime.line_reader import LineReader

READY_SECONDS = 30.0
"""More than a watchdog gives a long-lived process to listen, so that the cause is its to tell."""

_TERM_SECONDS = 0.5


class ReplicaState(StrEnum):
    """Where a replica is in its life."""

    STARTING = "starting"
    READY = "ready"  # takes calls
    DRAINING = "draining"  # takes no new calls, finishes those in flight
    GONE = "gone"


class ReplicaError(LabError):
    """A function's watchdog did not start."""


class Replica:
    """A watchdog process.

    The process leads a group of its own, so that killing the group ends
    whatever the function started. Its stdin is the lifeline; its stdout carries the ready
    line and then events; its stderr is the function's log.

    Attributes:
        instance: Name in logs and events: function and, once there is one, process id.
        origin: Where it listens, once ready.
        was_ready: Whether it ever took calls.
        in_flight: Calls that it is working on.
    """

    def __init__(
        self,
        function: str,
        environment: Mapping[str, str],
        *,
        scratch: Path,
        workdir: Path | None,
        on_log: Callable[[str, str], None],
        on_event: Callable[[list[Any]], None],
        on_gone: Callable[[Replica], None],
        fork_server: socket.socket | None = None,
    ) -> None:
        self.state = ReplicaState.STARTING
        self.instance = function
        self.was_ready = False
        self.in_flight = 0
        self.origin = Origin("127.0.0.1", 0)
        self._function = function
        self._scratch = scratch
        self._on_log = on_log
        self._on_event = on_event
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._process: WatchdogProcess | None = None
        self._is_called_off = False
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._idle = asyncio.Event()
        environment = {**environment, "TMPDIR": str(scratch), "port": "0", "lifeline": "stdin"}
        starting = WatchdogProcess.start(environment, workdir or scratch, fork_server)
        self._life = self._loop.create_task(self._live(starting))

    @property
    def pid(self) -> int:
        """The watchdog's process id, once it is ready."""
        assert self._process is not None
        return self._process.pid

    async def ready(self) -> None:
        """Wait until it listens.

        Raises:
            ReplicaError: It ended first, or took more than ``READY_SECONDS``.
        """
        try:
            async with asyncio.timeout(READY_SECONDS):
                await asyncio.shield(self._started)
        except TimeoutError:
            self.kill()
            raise ReplicaError(
                expected=f"a watchdog ready within {READY_SECONDS:g} s", seen="none; it was killed"
            ) from None

    async def _live(self, starting: Coroutine[Any, Any, WatchdogProcess]) -> None:
        """Go with the process from its start to its end."""
        try:
            self._process = process = await starting
        except OSError as error:
            self._leave(f"it could not be started: {error}")
            return
        self.instance = f"{self._function}-{process.pid}"
        if self._is_called_off:
            self.kill()
        output_ended = asyncio.Event()
        log = LineReader(process.errors, lambda line: self._on_log(self.instance, line))
        LineReader(process.output, self._on_line, output_ended.set)
        await output_ended.wait()
        self.state = ReplicaState.GONE
        # What the function had started goes with it, however the watchdog ended.
        process.signal_group(signal.SIGKILL)
        code = await process.reap()
        log.stop()
        process.close()
        self._leave("it ended" if code is None else f"it ended with exit code {code}")

    def _on_line(self, line: str) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return  # not ours: something in the watchdog's environment printed on import
        if isinstance(message, list):
            self._on_event(message)
        elif "ready" in message:
            self.origin, _ = Origin.parse(message["url"])
            if self.state is ReplicaState.STARTING:
                self.state = ReplicaState.READY
                self.was_ready = True
            if not self._started.done():
                self._started.set_result(None)

    def _leave(self, seen: str) -> None:
        """Tidy up after the process, and tell who waits for it."""
        self.state = ReplicaState.GONE
        shutil.rmtree(self._scratch, ignore_errors=True)
        if not self._started.done():
            self._started.set_exception(ReplicaError(expected="a watchdog that stays up", seen=seen))
            # Nobody may be waiting, which is fine.
            self._started.exception()
        self._on_gone(self)

    def taken(self) -> None:
        """Count a call in."""
        self.in_flight += 1

    def released(self) -> None:
        """Count a call out."""
        self.in_flight -= 1
        if self.in_flight == 0:
            self._idle.set()

    async def drain(self, grace: float) -> None:
        """Take no new calls, wait up to ``grace`` seconds for those in flight, then end."""
        if self.state is not ReplicaState.GONE:
            self.state = ReplicaState.DRAINING
        self._idle.clear()
        if self.in_flight:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace)
        self._signal(signal.SIGTERM)
        ended, _ = await asyncio.wait([self._life], timeout=_TERM_SECONDS)
        if not ended:
            self.kill()
            await asyncio.wait([self._life])

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            self._is_called_off = True
        else:
            self._process.signal_group(number)
