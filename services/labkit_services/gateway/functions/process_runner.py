"""Runs a replica's watchdog as a process, observed through its three pipes."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections.abc import Awaitable
from pathlib import Path

from labkit_services.gateway.functions.replica import ReplicaUsage, WatchdogReports
from labkit_services.gateway.functions.usage import usage_of
from labkit_services.gateway.functions.watchdog_process import WatchdogProcess
from labkit_services.http import Origin
from labkit_services.runtime.line_reader import LineReader
from labkit_services.runtime.log_marks import MAX_CHARACTERS


class ProcessRunner:
    """A ``WatchdogRunner``.

    The process leads a group of its own, so that killing the group ends
    whatever the function started. Its stdin is the lifeline: the process ends
    when the gateway's end of that pipe closes. Its stdout carries the ready
    line and then events; its stderr is the function's log.
    """

    def __init__(self, name: str, scratch: Path, process: Awaitable[WatchdogProcess]) -> None:
        """Prepare; ``run`` starts the process by awaiting ``process``."""
        self._name = name
        self._scratch = scratch
        self._starting = process
        self._process: WatchdogProcess | None = None
        self._kill_at_start = False

    async def run(self, reports: WatchdogReports) -> str:
        """Start the process and return when it has ended."""
        try:
            self._process = await self._starting
            return await self._follow(self._process, reports)
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    async def _follow(self, process: WatchdogProcess, reports: WatchdogReports) -> str:
        reports.started(f"{self._name}-{process.pid}")
        if self._kill_at_start:
            await self.kill()

        def on_line(line: str) -> None:
            try:
                message = json.loads(line)
            except ValueError:
                return  # not the watchdog's: something in its environment printed on import
            if isinstance(message, list):
                reports.event(message)
            elif "ready" in message:
                reports.ready(Origin.parse(message["url"])[0])

        output_ended = asyncio.Event()
        # The watchdog has cut the function's lines, and added time and stream.
        log = LineReader(process.errors, reports.log, limit=2 * MAX_CHARACTERS)
        LineReader(process.output, on_line, output_ended.set)
        await output_ended.wait()
        # Whatever the function started ends too, however the watchdog ended.
        process.signal_group(signal.SIGKILL)
        code = await process.reap()
        log.stop()
        process.close()
        return "it ended" if code is None else f"it ended with exit code {code}"

    async def terminate(self) -> None:
        """Send SIGTERM."""
        self._signal(signal.SIGTERM)

    async def kill(self) -> None:
        """Send SIGKILL."""
        self._signal(signal.SIGKILL)

    async def usage(self) -> ReplicaUsage:
        """Return what the process group uses."""
        return usage_of(self._process.pid) if self._process else ReplicaUsage()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            self._kill_at_start = True
        else:
            self._process.signal_group(number)
