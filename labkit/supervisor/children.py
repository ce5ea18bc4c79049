"""Starting processes, hearing of their end, and leaving none behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from labkit.supervisor.logfile import LogFile

_KILL_SECONDS = 1.0
"""How long the kernel may take to end a process that was sent SIGKILL."""
_LINE_LIMIT = 64 * 1024
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_IS_LINUX = sys.platform.startswith("linux")


@dataclass(frozen=True)
class Launch:
    """How one process is started.

    Attributes:
        argv: Program and arguments.
        environment: Added to the supervisor's own.
        lifeline: Give it a standard input that ends when the supervisor does.
        dies_with_parent: Have Linux kill it when the supervisor ends: for a program
            that doesn't watch its lifeline.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    lifeline: bool = True
    dies_with_parent: bool = False


class Process:
    """One process, leader of a process group of its own.

    Attributes:
        pid: Its id, which is also its group's.
        exited: Done with the exit code when it has ended; negative for a signal.
        line: Done with the first line that it writes on its standard output.
            Whatever comes after it is read and dropped, so the pipe never fills.
    """

    def __init__(self, child: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self.pid = child.pid
        self.exited: asyncio.Future[int] = loop.create_future()
        self.line: asyncio.Future[bytes] = loop.create_future()
        self._child = child
        self._loop = loop
        self._read = b""
        assert child.stdout is not None
        self._stdout: IO[bytes] = child.stdout
        os.set_blocking(self._stdout.fileno(), False)
        loop.add_reader(self._stdout.fileno(), self._on_output)

    def _on_output(self) -> None:
        try:
            data = os.read(self._stdout.fileno(), _LINE_LIMIT)
        except BlockingIOError:
            return
        if not data:
            self._close_output()
        elif not self.line.done():
            self._read += data
            line, end, _ = self._read.partition(b"\n")
            if end or len(self._read) > _LINE_LIMIT:
                self.line.set_result(line)

    def _close_output(self) -> None:
        if not self._stdout.closed:
            self._loop.remove_reader(self._stdout.fileno())
            self._stdout.close()

    def on_exit(self, code: int) -> None:
        """Take the news from the reaper."""
        self._child.returncode = code
        # What it left behind in its group has nobody to look after it.
        self._signal_group(signal.SIGKILL)
        self._on_last_output()
        if self._child.stdin is not None:
            with suppress(OSError):
                self._child.stdin.close()
        if not self.exited.done():
            self.exited.set_result(code)

    def _on_last_output(self) -> None:
        # A line and the exit may become known in the same turn of the loop.
        if not self._stdout.closed:
            self._on_output()
        self._close_output()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process itself; one that has ended doesn't mind."""
        if not self.exited.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _signal_group(self, number: signal.Signals) -> None:
        # PermissionError: macOS says so of a group of which only zombies are left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def stop(self, grace: float) -> None:
        """Ask it to end, and after ``grace`` seconds make it."""
        self.send(signal.SIGTERM)
        await asyncio.wait([self.exited], timeout=max(0.0, grace))
        await self.kill()

    async def kill(self) -> None:
        """End it and its group at once."""
        if not self.exited.done():
            self._signal_group(signal.SIGKILL)
            await asyncio.wait([self.exited], timeout=_KILL_SECONDS)


class Children:
    """Starts processes and reaps everything that ends below this one.

    asyncio's own subprocesses are not used: on Python 3.11 they start a
    thread for each child, and ``prctl``'s parent-death signal needs a parent
    with one thread (it fires when the *thread* that forked ends).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._by_pid: dict[int, Process] = {}
        self._prctl = _load_prctl() if _IS_LINUX else None
        if self._prctl is not None:
            # Whatever is orphaned below becomes our child instead of init's: it
            # can be found at the end, and in a container without an init it is reaped.
            self._prctl(_PR_SET_CHILD_SUBREAPER, 1)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def spawn(self, launch: Launch, log: LogFile, cwd: Path) -> Process:
        """Start a process.

        Raises:
            OSError: The program can't be run.
        """
        with log.open() as stderr:
            child = subprocess.Popen(  # noqa: S603 - the commands are the lab's own
                list(launch.argv),
                stdin=subprocess.PIPE if launch.lifeline else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=cwd,
                env={**os.environ, **launch.environment},
                process_group=0,
                # Safe here: this process has one thread.
                preexec_fn=self._bind_to_parent() if launch.dies_with_parent else None,
            )
        process = Process(child, self._loop)
        self._by_pid[child.pid] = process
        return process

    def _bind_to_parent(self) -> Callable[[], None] | None:
        prctl, parent = self._prctl, os.getpid()
        if prctl is None:
            return None

        def bind() -> None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it ended before the line above took effect
                os.kill(os.getpid(), signal.SIGKILL)

        return bind

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            process = self._by_pid.pop(pid, None)
            if process is not None:
                process.on_exit(os.waitstatus_to_exitcode(status))

    async def sweep(self) -> list[int]:
        """Kill whatever is still below this process; return the ids of what was found.

        Services end their own children; this finds what slipped through,
        such as a function that made itself a daemon. Only Linux can tell.
        """
        found: list[int] = []
        deadline = self._loop.time() + _KILL_SECONDS
        while self._prctl is not None and self._loop.time() < deadline:
            children = list(_children_of(os.getpid()))
            if not children:
                break
            for pid in children:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            found += [pid for pid in children if pid not in found]
            await asyncio.sleep(0.005)
            self._reap()
        return found


def _load_prctl() -> Callable[[int, int], int] | None:
    import ctypes  # here, because only Linux needs it

    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    return lambda option, value: int(prctl(option, value, 0, 0, 0))


def _children_of(parent: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with suppress(OSError, ValueError):
            # "pid (name) state ppid …"; the name may hold anything, brackets too.
            state, ppid = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            if int(ppid) == parent and state != "Z":
                yield int(entry.name)
