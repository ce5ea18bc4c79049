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
    """Describe a wait status as Go does: ``exit status 3``, ``signal: killed``."""
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

    Attributes:
        pid: Its id.
        status: Its wait status; None until it has been reaped.
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
        """Start the process.

        Raises:
            CannotStartError: It does not start; nothing is left of it.
        """
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
        """Signal the process if it still runs; those that it has started live on."""
        if self.status is None:
            os.kill(self.pid, number)  # it has not been reaped, so the pid is still its own

    @abstractmethod
    def abandon(self) -> None:
        """Kill it if it still runs, and close its pipes; it is reaped in the background."""


class ProcessPipes:
    """Opens the pipes of a new process; the event loop never waits for them.

    At the end of the ``with`` block it closes the process's ends, and if the
    process has not started, ours too.

    Attributes:
        ours: Our ends.
    """

    __slots__ = ("_command", "_theirs", "ours")

    def __init__(self, command: FunctionCommand) -> None:
        self.ours: list[int] = []
        self._theirs: list[int] = []
        self._command = command

    def __enter__(self) -> ProcessPipes:
        return self

    def input(self) -> tuple[int, int]:
        """Open a pipe to write the process's input to; return its end and ours."""
        read_end, write_end = os.pipe()
        self.ours.append(write_end)
        self._theirs.append(read_end)
        os.set_blocking(write_end, False)
        return read_end, write_end

    def output(self) -> tuple[int, int]:
        """Open a pipe to read the process's output from; return its end and ours."""
        read_end, write_end = os.pipe()
        self.ours.append(read_end)
        self._theirs.append(write_end)
        os.set_blocking(read_end, False)
        return write_end, read_end

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        close_all(self._theirs)
        if error is not None:
            close_all(self.ours)
        if isinstance(error, OSError):  # no descriptor is left for a pipe
            raise CannotStartError.from_os_error(self._command.argv[0], error) from error


def close_all(descriptors: Iterable[int]) -> None:
    """Close every one of ``descriptors``."""
    for descriptor in descriptors:
        os.close(descriptor)
