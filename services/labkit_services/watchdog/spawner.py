"""Starts the function's processes, and ends those that are left at the end.

``os.posix_spawn`` starts them, because it does not copy the parent's page
tables as fork does: its cost does not grow with the watchdog's memory. The
event loop watches the pipes and the process's exit; there is no thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping

from labkit_services.watchdog.command import CannotStartError, FunctionCommand
from labkit_services.watchdog.exit_watcher import ExitWatcher, OnExit
from labkit_services.watchdog.resource_limits import FunctionLimits

_TO_DEFAULT = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python, or a service of the lab, ignores. A process inherits
this, and ``yes | head`` would then never end."""

_REAP_SECONDS = 2.0
"""How long a killed process may take to exit."""


class Spawner:
    """Starts processes, and tracks those that run.

    ``no_input`` is the standard input of every process without one: a pipe
    whose write end is closed. Sharing it saves a pipe for each call.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, exits: ExitWatcher, limits: FunctionLimits | None = None
    ) -> None:
        self.loop = loop
        self._exits = exits
        self._limits = limits or FunctionLimits()
        self._abandon: set[Callable[[], None]] = set()
        self._all_ended = asyncio.Event()
        self.no_input, write_end = os.pipe()
        os.close(write_end)

    def spawn(
        self,
        command: FunctionCommand,
        environ: Mapping[bytes, bytes],
        streams: tuple[int, int, int],
        on_exit: OnExit,
    ) -> int:
        """Start a process with these standard streams; return its pid.

        After a CannotStartError nothing is left of it.
        """
        path = command.path()
        pid = 0
        try:
            pid = os.posix_spawn(
                path,
                command.argv,
                environ,
                file_actions=(
                    (os.POSIX_SPAWN_DUP2, streams[0], 0),
                    (os.POSIX_SPAWN_DUP2, streams[1], 1),
                    (os.POSIX_SPAWN_DUP2, streams[2], 2),
                ),
                setsigdef=_TO_DEFAULT,
                setsigmask=(),
            )
            if self._limits.data_bytes:
                self._limits.apply(pid)
            self._exits.watch(pid, on_exit)
        except (OSError, ValueError) as error:
            if pid:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            if isinstance(error, ValueError):  # a NUL byte, such as %00 in the path
                raise CannotStartError("exec: environment variable contains NUL") from error
            command.forget_path()
            raise CannotStartError.from_os_error(path, error) from error
        return pid

    def track(self, abandon: Callable[[], None]) -> None:
        """Let ``close`` end a process by this method of it."""
        self._abandon.add(abandon)

    def untrack(self, abandon: Callable[[], None]) -> None:
        """Forget a process that has been reaped."""
        self._abandon.discard(abandon)
        if not self._abandon:
            self._all_ended.set()

    async def close(self) -> None:
        """Kill the tracked processes and wait for their exit. Idempotent."""
        if self.no_input < 0:
            return
        for abandon in list(self._abandon):
            abandon()
        if self._abandon:
            self._all_ended.clear()
            with contextlib.suppress(TimeoutError):  # one is stuck in the kernel: init will reap it
                await asyncio.wait_for(self._all_ended.wait(), _REAP_SECONDS)
        self._exits.close()
        os.close(self.no_input)
        self.no_input = -1
