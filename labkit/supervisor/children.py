"""Starting processes, hearing of their end, and leaving none behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from labkit.supervisor.fork_server import ForkServer
from labkit.supervisor.logfile import LogFile
from labkit.supervisor.process import Process
from labkit_services.fork_server.client import Forked, ForkRequest, fork

_SWEEP_SECONDS = 1.0
_ADOPTION_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_IS_LINUX = sys.platform.startswith("linux")


@dataclass(frozen=True)
class Launch:
    """How one process is started.

    Attributes:
        argv: Program and arguments.
        environment: Added to the supervisor's own.
        module: What the fork server may start in place of ``argv``, if there is one; or "".
        lifeline: Give it a standard input that ends when the supervisor does.
        dies_with_parent: Have Linux kill it when the supervisor ends: for a program
            that doesn't watch its lifeline.
        descriptors: What it inherits, under the same numbers, besides its standard streams.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    module: str = ""
    lifeline: bool = True
    dies_with_parent: bool = False
    descriptors: Sequence[int] = ()


class Children:
    """Starts processes and reaps everything that ends below this one.

    asyncio's own subprocesses are not used: on Python 3.11 they start a
    thread for each child, and ``prctl``'s parent-death signal needs a parent
    with one thread (it fires when the *thread* that forked ends).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fork_server: ForkServer | None = None) -> None:
        self._loop = loop
        self._fork_server = fork_server
        self._by_pid: dict[int, Process] = {}
        self._following: set[asyncio.Task[None]] = set()
        self._prctl = _load_prctl() if _IS_LINUX else None
        if self._prctl is not None:
            # Whatever is orphaned below becomes our child instead of init's: it
            # can be found at the end, and in a container without an init it is reaped.
            self._prctl(_PR_SET_CHILD_SUBREAPER, 1)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)

    async def spawn(self, launch: Launch, log: LogFile, cwd: Path) -> Process:
        """Start a process.

        Raises:
            OSError: The program can't be run.
        """
        with ExitStack() as ours, ExitStack() as theirs:
            errors = theirs.enter_context(log.open()).fileno()
            if launch.lifeline:
                source, lifeline = os.pipe()
                ours.callback(os.close, lifeline)
            else:
                source, lifeline = os.open(os.devnull, os.O_RDONLY), -1
            theirs.callback(os.close, source)
            output, sink = os.pipe()
            ours.callback(os.close, output)
            theirs.callback(os.close, sink)
            streams = (source, sink, errors)
            forked = await self._fork(launch, streams, cwd)
            pid = forked.pid if forked else self._popen(launch, streams, cwd)
            ours.pop_all()
        process = self.adopt(pid, lifeline, output)
        if forked:
            task = self._loop.create_task(self._follow(forked, process))
            self._following.add(task)
            task.add_done_callback(self._following.discard)
        return process

    async def _fork(self, launch: Launch, streams: Sequence[int], cwd: Path) -> Forked | None:
        # Without prctl nobody would hear how a killed fork server's children end.
        if self._fork_server is None or self._prctl is None or not launch.module:
            return None
        numbers = (0, 1, 2, *launch.descriptors)
        environment = {**os.environ, **launch.environment}
        request = ForkRequest(launch.module, environment, str(cwd), numbers)
        return await fork(self._fork_server.control, request, (*streams, *launch.descriptors))

    async def _follow(self, forked: Forked, process: Process) -> None:
        """Hear of the end of another process's child."""
        code = await forked.wait()
        if code is None:
            # If the fork server has gone, its children have become ours, and _reap tells.
            await asyncio.sleep(_ADOPTION_SECONDS)
        if self._by_pid.pop(forked.pid, None) is not None:
            process.on_exit(code)
        forked.release()

    def _popen(self, launch: Launch, streams: Sequence[int], cwd: Path) -> int:
        source, sink, errors = streams
        child = subprocess.Popen(  # noqa: S603 - the commands are the lab's own
            list(launch.argv),
            stdin=source,
            stdout=sink,
            stderr=errors,
            cwd=cwd,
            env={**os.environ, **launch.environment},
            pass_fds=launch.descriptors,
            process_group=0,
            # Safe here: this process has one thread.
            preexec_fn=self._bind_to_parent() if launch.dies_with_parent else None,
        )
        child.returncode = 0  # not Popen's to wait for: _reap does
        return child.pid

    def adopt(self, pid: int, lifeline: int, output: int) -> Process:
        """Take over a child of this process, and our ends of its two pipes."""
        process = self._by_pid[pid] = Process(pid, lifeline, output, self._loop)
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
        deadline = self._loop.time() + _SWEEP_SECONDS
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
