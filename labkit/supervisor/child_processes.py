"""Starts child processes, reaps them, and leaves none behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from labkit.supervisor.child_process import ChildProcess
from labkit.supervisor.files import LogFile
from labkit.supervisor.fork_server_process import ForkServerProcess
from labkit.supervisor.linux_processes import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    children_of,
    load_prctl,
)
from labkit_services.fork_server.client import Forked, ForkRequest, fork
from labkit_services.runtime.background_tasks import BackgroundTasks

_SWEEP_SECONDS = 1.0
_ADOPTION_SECONDS = 0.1


@dataclass(frozen=True)
class ProcessSpec:
    """How to start one process.

    Attributes:
        environment: Variables added to the supervisor's own.
        module: What the fork server may run instead of ``argv``, if there is
            one; or "".
        dies_with_parent: Make Linux kill it when the supervisor ends. Other
            processes get a lifeline: a standard input that ends with the
            supervisor.
        descriptors: File descriptors that it inherits besides its standard
            streams.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    module: str = ""
    dies_with_parent: bool = False
    descriptors: Sequence[int] = ()


class ChildProcesses:
    """All processes below this one.

    It does not use asyncio's subprocesses: on Python 3.11 they start a thread
    for each child, and ``prctl``'s parent-death signal needs a parent with one
    thread (it is sent when the *thread* that forked ends).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fork_server: ForkServerProcess | None = None) -> None:
        self._loop = loop
        self._fork_server = fork_server
        self._by_pid: dict[int, ChildProcess] = {}
        self._tasks = BackgroundTasks()
        self._prctl = load_prctl()
        if self._prctl is not None:
            # Orphans below this process become its children instead of init's:
            # it can find them at the end, and in a container without an init
            # they are reaped.
            self._prctl(PR_SET_CHILD_SUBREAPER, 1)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)

    async def spawn(self, spec: ProcessSpec, log: LogFile, cwd: Path) -> ChildProcess:
        """Start a process; raise an OSError if its program cannot be run."""
        with ExitStack() as ours, ExitStack() as theirs:
            errors = theirs.enter_context(log.open()).fileno()
            if spec.dies_with_parent:
                source, lifeline = os.open(os.devnull, os.O_RDONLY), -1
            else:
                source, lifeline = os.pipe()
                ours.callback(os.close, lifeline)
            theirs.callback(os.close, source)
            output, sink = os.pipe()
            ours.callback(os.close, output)
            theirs.callback(os.close, sink)
            streams = (source, sink, errors)
            forked = await self._fork(spec, streams, cwd)
            pid = forked.pid if forked else self._popen(spec, streams, cwd)
            ours.pop_all()
        process = self.adopt(pid, lifeline, output)
        if forked:
            self._tasks.start(self._follow(forked, process), name=f"wait for forked process {pid}")
        return process

    async def _fork(self, spec: ProcessSpec, streams: Sequence[int], cwd: Path) -> Forked | None:
        # Without prctl the children of a killed fork server would not become
        # ours to reap.
        if self._fork_server is None or self._prctl is None or not spec.module:
            return None
        numbers = (0, 1, 2, *spec.descriptors)
        environment = {**os.environ, **spec.environment}
        request = ForkRequest(spec.module, environment, str(cwd), numbers)
        return await fork(self._fork_server.control, request, (*streams, *spec.descriptors))

    async def _follow(self, forked: Forked, process: ChildProcess) -> None:
        """Wait for the end of a process that is the fork server's child."""
        code = await forked.wait()
        if code is None:
            # If the fork server has ended, its children have become ours, and
            # _reap gets the code.
            await asyncio.sleep(_ADOPTION_SECONDS)
        if self._by_pid.pop(forked.pid, None) is not None:
            process.on_exit(code)
        forked.release()

    def _popen(self, spec: ProcessSpec, streams: Sequence[int], cwd: Path) -> int:
        source, sink, errors = streams
        child = subprocess.Popen(  # noqa: S603 - the commands are the lab's own
            list(spec.argv),
            stdin=source,
            stdout=sink,
            stderr=errors,
            cwd=cwd,
            env={**os.environ, **spec.environment},
            pass_fds=spec.descriptors,
            process_group=0,
            # Safe here: this process has one thread.
            preexec_fn=self._bind_to_parent() if spec.dies_with_parent else None,
        )
        child.returncode = 0  # Popen must not wait for it: _reap does
        return child.pid

    def adopt(self, pid: int, lifeline: int, output: int) -> ChildProcess:
        """Take over a child of this process, and our ends of its two pipes."""
        process = self._by_pid[pid] = ChildProcess(pid, lifeline, output, self._loop)
        return process

    def _bind_to_parent(self) -> Callable[[], None] | None:
        prctl, parent = self._prctl, os.getpid()
        if prctl is None:
            return None

        def bind() -> None:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it ended before the line above took effect
                os.kill(os.getpid(), signal.SIGKILL)

        return bind

    def _reap(self) -> None:
        with suppress(ChildProcessError):  # none is left
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                pid, status = ended
                if process := self._by_pid.pop(pid, None):
                    process.on_exit(os.waitstatus_to_exitcode(status))

    async def sweep(self, *, strangers: bool = False) -> list[int]:
        """Kill every process that is still below this one; return their ids.

        Or only the ``strangers``, which this object neither started nor
        adopted.

        Services end their own children. This catches what they missed, such as
        a function that made itself a daemon. It works on Linux only.
        """
        found: list[int] = []
        deadline = self._loop.time() + _SWEEP_SECONDS
        while self._prctl is not None and self._loop.time() < deadline:
            spared = self._by_pid if strangers else {}
            if not (children := [pid for pid in children_of(os.getpid()) if pid not in spared]):
                break
            for pid in children:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            found += [pid for pid in children if pid not in found]
            await asyncio.sleep(0.005)
            self._reap()
        return found
