"""What the function's processes have in common in every mode that has one."""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Protocol

from labkit_services.watchdog.command import CannotStartError, FunctionCommand
from labkit_services.watchdog.spawner import Spawner


def describe(status: int) -> str:
    """Describe a wait status in Go's words: ``exit status 3``."""
    if os.WIFEXITED(status):
        return f"exit status {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    # macOS adds the number, "Killed: 9".
    name = (signal.strsignal(number) or f"signal {number}").partition(":")[0].lower()
    return f"signal: {name}{' (core dumped)' if os.WCOREDUMP(status) else ''}"


class Observer(Protocol):
    """Receives the events of one process."""

    def started(self, pid: int) -> None:
        """The process runs."""

    def exited(self, pid: int, code: int) -> None:
        """It has exited; a negative code is the signal that ended it."""


class FunctionProcess(ABC):
    """A process of the function, from its start until it has been reaped.

    ``status``, its wait status, is None until then.
    """

    __slots__ = ("_observer", "_spawner", "pid", "status")

    def __init__(self, spawner: Spawner, observer: Observer) -> None:
        self.pid = 0
        self.status: int | None = None
        self._spawner = spawner
        self._observer = observer

    def _spawn(
        self, command: FunctionCommand, environ: Mapping[bytes, bytes], streams: tuple[int, int, int]
    ) -> None:
        """Start the process, or raise CannotStartError."""
        self.pid = self._spawner.spawn(command, environ, streams, self._on_exit)
        self._spawner.track(self.abandon)
        self._observer.started(self.pid)

    def _on_exit(self, status: int) -> None:
        self.status = status
        self._spawner.untrack(self.abandon)
        self._observer.exited(self.pid, os.waitstatus_to_exitcode(status))
        self._on_reaped(status)

    @abstractmethod
    def _on_reaped(self, status: int) -> None:
        """Act on the end of the process."""

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal the process if it still runs, but not its children."""
        if self.status is None:
            os.kill(self.pid, number)  # it has not been reaped, so the pid is still its own

    @abstractmethod
    def abandon(self) -> None:
        """Kill it if it runs, and close its pipes. It is reaped later."""


class ProcessPipes:
    """Opens the pipes of a new process; the event loop never waits for them.

    At the end of the ``with`` block it closes the process's ends, and if the
    process has not started, ours too.
    """

    __slots__ = ("_command", "_ours", "_theirs")

    def __init__(self, command: FunctionCommand) -> None:
        self._ours: list[int] = []
        self._theirs: list[int] = []
        self._command = command

    def __enter__(self) -> ProcessPipes:
        return self

    def input(self) -> tuple[int, int]:
        """Open a pipe for the process's input; return its end and ours."""
        read_end, write_end = os.pipe()
        self._ours.append(write_end)
        self._theirs.append(read_end)
        os.set_blocking(write_end, False)
        return read_end, write_end

    def output(self) -> tuple[int, int]:
        """Open a pipe for the process's output; return its end and ours."""
        read_end, write_end = os.pipe()
        self._ours.append(read_end)
        self._theirs.append(write_end)
        os.set_blocking(read_end, False)
        return write_end, read_end

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        _close_all(self._theirs)
        if error is not None:
            _close_all(self._ours)
        if isinstance(error, OSError):  # no descriptor is left for a pipe
            raise CannotStartError.from_os_error(self._command.argv[0], error) from error


def _close_all(descriptors: Iterable[int]) -> None:
    """Close every one of ``descriptors``."""
    for descriptor in descriptors:
        os.close(descriptor)
