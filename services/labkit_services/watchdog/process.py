"""The function's processes: started, fed, read, killed and reaped.

``os.posix_spawn`` starts them, because it does not copy the parent's page
tables as fork does: its cost does not grow with the watchdog's memory. The
event loop watches the pipes and the process's end; there is no thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from labkit_services.watchdog.command import CannotStartError, Command
from labkit_services.watchdog.exits import Ended, ExitWatcher
from labkit_services.watchdog.limits import FunctionLimits
from labkit_services.watchdog.pipes import PipeReader, PipeWriter

_TO_DEFAULT = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python, or a service of the lab, ignores. A process inherits
what is ignored, and ``yes | head`` would then never end."""

_REAP_SECONDS = 2.0
"""How long a killed process may take to be gone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a process ended.

    Attributes:
        status: The wait status.
        output: What it wrote to stdout, and to stderr if the two are combined.
        errors: What it wrote to stderr if not.
    """

    status: int
    output: bytes
    errors: bytes

    @property
    def success(self) -> bool:
        """Whether it exited with 0."""
        return self.status == 0

    def describe(self) -> str:
        """Say how it ended; see the function of that name."""
        return describe(self.status)


def describe(status: int) -> str:
    """Say a wait status as Go's ``ProcessState`` does: ``exit status 3``, ``signal: killed``."""
    if os.WIFEXITED(status):
        return f"exit status {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    # macOS adds the number, "Killed: 9".
    name = (signal.strsignal(number) or f"signal {number}").partition(":")[0].lower()
    return f"signal: {name}{' (core dumped)' if os.WCOREDUMP(status) else ''}"


class Observer(Protocol):
    """Is told what becomes of one process."""

    def started(self, pid: int) -> None:
        """The process runs."""

    def exited(self, pid: int, code: int) -> None:
        """It has ended; a negative code is the signal that ended it."""


class Running(Protocol):
    """A process that the forker has to end if nobody else did."""

    def abandon(self) -> None:
        """Kill it if it still runs, and let go of its pipes; it is reaped in the background."""


class Execution:
    """One process. It is over when the process has ended and its output has, too.

    The second may come later than the first: a grandchild that inherited the
    pipe keeps it open, and in OpenFaaS, too, the answer waits for it.
    """

    __slots__ = ("_done", "_errors", "_forker", "_input", "_observer", "_open", "_output", "_status", "pid")

    def __init__(self, forker: Forker, loop: asyncio.AbstractEventLoop, observer: Observer) -> None:
        self.pid = 0
        self._forker = forker
        self._observer = observer
        self._done: asyncio.Future[None] = loop.create_future()
        self._status: int | None = None
        self._open = 0
        self._input: PipeWriter | None = None
        self._output: PipeReader | None = None
        self._errors: PipeReader | None = None

    async def wait(self) -> Outcome:
        """Return what became of it."""
        await self._done
        assert self._status is not None
        assert self._output is not None
        return Outcome(self._status, self._output.data, self._errors.data if self._errors else b"")

    def kill(self) -> None:
        """Kill the process itself; what it has started lives on."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)  # not yet reaped, so the pid is still its own

    def abandon(self) -> None:
        """Kill it if it still runs, and let go of its pipes; it is reaped in the background."""
        self.kill()
        for pipe in (self._input, self._output, self._errors):
            if pipe is not None:
                pipe.close()
        self._done.cancel()

    # -- what the forker and the event loop call

    def attach(
        self, pid: int, output: PipeReader, errors: PipeReader | None, feed: PipeWriter | None
    ) -> None:
        """Note what has been started."""
        self.pid = pid
        self._input, self._output, self._errors = feed, output, errors
        self._open = 1 if errors is None else 2
        self._observer.started(pid)

    def pipe_ended(self) -> None:
        """Note that one of its output pipes has no writer any more."""
        self._open -= 1
        self._settle()

    def process_ended(self, status: int) -> None:
        """Note that it has been reaped."""
        self._status = status
        self._forker.forget(self)
        self._observer.exited(self.pid, os.waitstatus_to_exitcode(status))
        self._settle()

    def _settle(self) -> None:
        if self._status is not None and self._open == 0 and not self._done.done():
            if self._input is not None:
                self._input.close()  # whoever might still read it has closed its output
            self._done.set_result(None)


class Forker:
    """Starts processes that share how their output is read and their end is seen."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        exits: ExitWatcher,
        *,
        combine_output: bool = True,
        limits: FunctionLimits | None = None,
    ) -> None:
        self._live: set[Running] = set()
        self._limits = limits or FunctionLimits()
        self._nobody_lives = asyncio.Event()
        self._loop = loop
        self._exits = exits
        self._combine_output = combine_output
        # A pipe that nobody will ever write to: the standard input of every
        # process without one. It can be shared, and saves a pipe a call.
        self.no_input, write_end = os.pipe()
        os.close(write_end)

    def start(
        self, command: Command, environ: Mapping[bytes, bytes], body: bytes, observer: Observer
    ) -> Execution:
        """Start a process with ``body`` as its input.

        Raises:
            CannotStartError: It does not start; nothing is left of it.
        """
        execution = Execution(self, self._loop, observer)
        ours: list[int] = []
        theirs: list[int] = []
        try:
            feed, rest = self._open_input(body, ours, theirs)
            output, out = open_output(ours, theirs)
            errors, err = (-1, out) if self._combine_output else open_output(ours, theirs)
            streams = (theirs[0] if body else self.no_input, out, err)
            pid = self.spawn(command, environ, streams, execution.process_ended)
        except OSError as error:  # no descriptor left for a pipe
            close_all(ours)
            raise CannotStartError.from_os_error(command.argv[0], error) from error
        except CannotStartError:
            close_all(ours)
            raise
        finally:
            close_all(theirs)
        self._live.add(execution)
        execution.attach(
            pid,
            PipeReader(self._loop, output, execution.pipe_ended),
            None if self._combine_output else PipeReader(self._loop, errors, execution.pipe_ended),
            PipeWriter(self._loop, feed, rest) if feed >= 0 else None,
        )
        return execution

    def spawn(
        self, command: Command, environ: Mapping[bytes, bytes], streams: tuple[int, int, int], ended: Ended
    ) -> int:
        """Start a process on three descriptors of the caller's; return its pid.

        Raises:
            CannotStartError: It does not start; nothing is left of it.
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
            self._exits.watch(pid, ended)
        except (OSError, ValueError) as error:
            if pid:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            if isinstance(error, ValueError):  # a NUL byte, say of %00 in the path
                raise CannotStartError("exec: environment variable contains NUL") from error
            command.forget()
            raise CannotStartError.from_os_error(path, error) from error
        return pid

    def _open_input(self, body: bytes, ours: list[int], theirs: list[int]) -> tuple[int, memoryview]:
        """Open a pipe and fill it; what does not fit is left to feed it with later."""
        rest = memoryview(body)
        if not body:
            return -1, rest
        read_end, write_end = os.pipe()
        theirs.append(read_end)
        ours.append(write_end)
        os.set_blocking(write_end, False)
        rest = rest[os.write(write_end, rest) :]
        if rest:
            return write_end, rest
        os.close(ours.pop())
        return -1, rest

    def remember(self, running: Running) -> None:
        """Note a process that ``close`` has to end."""
        self._live.add(running)

    def forget(self, execution: Running) -> None:
        """Note that a process has been reaped."""
        self._live.discard(execution)
        if not self._live:
            self._nobody_lives.set()

    async def close(self) -> None:
        """Kill what still runs, wait for its end, and let go of everything; once is enough."""
        if self.no_input < 0:
            return
        for execution in list(self._live):
            execution.abandon()
        if self._live:
            self._nobody_lives.clear()
            with contextlib.suppress(TimeoutError):  # stuck in the kernel: the system's to reap, then
                await asyncio.wait_for(self._nobody_lives.wait(), _REAP_SECONDS)
        self._exits.close()
        os.close(self.no_input)
        self.no_input = -1


def open_output(ours: list[int], theirs: list[int]) -> tuple[int, int]:
    """Open a pipe to read a process's output from; return both ends and add each to its list."""
    read_end, write_end = os.pipe()
    ours.append(read_end)
    theirs.append(write_end)
    os.set_blocking(read_end, False)
    return read_end, write_end


def close_all(descriptors: Iterable[int]) -> None:
    """Close every one of ``descriptors``."""
    for descriptor in descriptors:
        os.close(descriptor)
