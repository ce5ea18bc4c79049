"""One replica: a watchdog process of its own, watched through its three pipes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from services.contract.errors import LabError
from services.http import Origin
from services.lines import LineReader

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
        instance: Name in logs and events: function and process id.
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
    ) -> None:
        self.state = ReplicaState.STARTING
        self.was_ready = False
        self.in_flight = 0
        self.origin = Origin("127.0.0.1", 0)
        self._scratch = scratch
        self._on_event = on_event
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._idle = asyncio.Event()
        # A plain Popen with pipes: vfork and exec, no thread, and never the
        # loop's own subprocess call, which under uvloop forks the whole gateway.
        self._process = subprocess.Popen(
            # -P: the function's folder must not shadow our modules.
            [sys.executable, "-P", "-m", "services.watchdog"],
            cwd=workdir or scratch,
            env={**environment, "TMPDIR": str(scratch), "port": "0", "lifeline": "stdin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        self.instance = f"{function}-{self._process.pid}"
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._log = LineReader(self._process.stderr.fileno(), lambda line: on_log(self.instance, line))
        LineReader(self._process.stdout.fileno(), self._on_line, self._on_end)

    @property
    def pid(self) -> int:
        """The watchdog's process id."""
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

    def _on_end(self) -> None:
        """Tidy up after the process, whose end closed its stdout."""
        self.state = ReplicaState.GONE
        # What the function had started goes with it, however the watchdog ended.
        self._signal_group(signal.SIGKILL)
        code = self._process.wait()
        self._log.stop()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
        if not self._started.done():
            self._started.set_exception(
                ReplicaError(expected="a watchdog that stays up", seen=f"it ended with exit code {code}")
            )
            # Nobody may be waiting, which is fine.
            self._started.exception()
        if not self._ended.done():
            self._ended.set_result(None)
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
        self._signal_group(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(self._ended), _TERM_SECONDS)
        except TimeoutError:
            self.kill()
            await asyncio.shield(self._ended)

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        # The group exists until its leader is waited for, which only _on_end does.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._process.returncode is None:
                os.killpg(self._process.pid, number)
