"""One service: starts it, stops it, and restarts it when it crashes."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections import deque
from pathlib import Path
from typing import Any

from labkit.errors import LabStartError
from labkit.service_names import kind_of
from labkit.supervisor.child_process import ChildProcess, describe_exit, resident_bytes
from labkit.supervisor.child_processes import ChildProcesses
from labkit.supervisor.files import LogFile
from labkit.supervisor.lifecycle_events import LifecycleEvents
from labkit.supervisor.service_specs import ReadyMessage, ServiceSpec
from labkit.system_limits import next_step_after
from labkit.views.states import State
from labkit_services.contract.errors import LabError, LabTimeoutError
from labkit_services.contract.events import EventType
from labkit_services.runtime.background_tasks import BackgroundTasks

_READY_SECONDS = 10.0
"""How long a restarted service may take to become ready."""
_MAX_EXITS = 5
"""After this many exits within ``_EXIT_WINDOW_SECONDS``, or in succession
without becoming ready, a service is not restarted."""
_EXIT_WINDOW_SECONDS = 10.0
_FIRST_RESTART_DELAY_SECONDS = 0.05
_OBSTACLE_SECONDS = 1.0
"""Pause before a restart while something else keeps the service down."""


class ManagedService:
    """Starts, stops and restarts one service.

    Attributes:
        restarts: How many times it was restarted after it had exited by
            itself.
        error: Why it is not ready, if it is not.
    """

    def __init__(
        self, spec: ServiceSpec, processes: ChildProcesses, events: LifecycleEvents, log: LogFile, cwd: Path
    ) -> None:
        self.spec = spec
        self.log = log
        self.state = State.STOPPED
        self.restarts = 0
        self.process_ns = 0
        self.error: LabError | None = None
        self._processes = processes
        self._events = events
        self._cwd = cwd
        self._process: ChildProcess | None = None
        self._message: ReadyMessage = {}
        self._since = time.time()
        self._state_changed = asyncio.Event()
        self._exits: deque[float] = deque(maxlen=_MAX_EXITS)
        self._exits_without_ready = 0
        self._guard = BackgroundTasks(self._on_guard_failure)

    @property
    def name(self) -> str:
        """Its name, such as ``queue-worker-2``."""
        return self.spec.name

    @property
    def kind(self) -> str:
        """What it is, such as ``queue-worker``."""
        return kind_of(self.spec.name)

    def describe(self) -> dict[str, Any]:
        """Return what ``status`` shows."""
        pid = int(self._message.get("pid", 0)) if self.state is State.READY else 0
        return {
            "name": self.name,
            "state": self.state,
            "pid": pid,
            "address": self._message.get("url", "") if pid else "",
            "metrics": self._message.get("metrics", "") if pid else "",
            "restarts": self.restarts,
            "since": self._since,
            "memory": resident_bytes(pid) if pid else 0,
            "error": str(self.error) if self.error else "",
        }

    def _enter(self, state: State) -> None:
        self.state = state
        self._since = time.time()
        self._state_changed.set()
        self._state_changed = asyncio.Event()  # waiters hold the one that is set

    async def next_state(self) -> State:
        """Wait for the next change of state; return the new state."""
        await self._state_changed.wait()
        return self.state

    async def start(self, deadline: float, *, wait_for_obstacle: bool = False) -> None:
        """Bring it to ready by ``deadline`` (loop time); then keep it running.

        Idempotent. If it does not become ready, its process is ended and a
        LabError is raised. With ``wait_for_obstacle`` it is started later if
        something else, such as a full disk, keeps it down.
        """
        if self.state is State.READY:
            return
        await self._guard.cancel()
        self._exits.clear()
        self._exits_without_ready = 0
        try:
            await self._launch(deadline)
        except LabError as error:
            obstacle = self.spec.obstacle() if wait_for_obstacle else None
            self.error = obstacle or error
            if obstacle is None:
                self._enter(State.FAILED)
                raise
            self._guard.start(self._keep_alive(), name=f"keep {self.name} running")
            raise obstacle from error
        self._guard.start(self._keep_alive(), name=f"keep {self.name} running")

    async def stop(self, grace: float, *, hurry: bool = False) -> None:
        """Stop it; kill it if it runs after ``grace`` seconds. Idempotent.

        In a ``hurry``, when the lab ends, it abandons the work in progress.
        """
        # First the guard, which would restart it.
        await self._guard.cancel()
        if self.state is not State.STOPPED:
            self._enter(State.STOPPING)
            if self._process is not None:
                await self._process.stop(grace, hurry=hurry)
                self._on_exit(self._process)
            self._enter(State.STOPPED)
            self.error = None

    @property
    def is_held_up(self) -> bool:
        """Whether it is down, and something else keeps it from starting."""
        return self.state is State.STARTING and self.spec.obstacle() is not None

    async def kill(self) -> None:
        """Kill the process; it is restarted as after a crash."""
        if self._process is not None:
            await self._process.kill()

    async def renew(self, grace: float) -> None:
        """End the process gracefully; it is restarted as after a crash."""
        if self._process is not None:
            await self._process.stop(grace)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and its group."""
        if self._process is not None:
            self._process.send_signal(number)

    async def _launch(self, deadline: float) -> None:
        self._enter(State.STARTING)
        try:
            process = await self._processes.spawn(self.spec.prepare(), self.log, self._cwd)
        except OSError as error:
            if obstacle := self.spec.obstacle():
                raise obstacle from error
            raise LabStartError(
                f"{self.name} could not be started.",
                expected="a program that can be run",
                seen=": ".join(str(each) for each in (error.strerror or error, error.filename) if each),
                next_step=next_step_after(error, "look at the installation with: labkit doctor"),
            ) from error
        self._process = process
        self.process_ns = time.time_ns()
        try:
            message = await self._wait_ready(process, deadline)
        except BaseException:
            await process.kill()
            self._on_exit(process)
            raise
        self._message = {"pid": process.pid, **message}
        self._exits_without_ready = 0
        self.error = None
        self.spec.on_ready(self._message)
        self._enter(State.READY)
        self._events.emit(EventType.SERVICE_STARTED, service=self.name, pid=self._message["pid"])

    async def _wait_ready(self, process: ChildProcess, deadline: float) -> ReadyMessage:
        loop = asyncio.get_running_loop()
        seconds = max(0.0, deadline - loop.time())
        ready = loop.create_task(self.spec.wait_ready(process), name=f"wait for {self.name}")
        first: set[asyncio.Future[Any]] = {ready, process.exited}
        try:
            await asyncio.wait(first, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            # The exit first: a crash must be reported as a crash, not as a
            # timeout.
            if process.exited.done():
                error: type[LabError] = LabStartError
                headline = f"{self.name} ended before it was ready."
                seen = describe_exit(process.exited.result())
            elif ready.done():
                return ready.result()
            else:
                error, headline = LabTimeoutError, f"{self.name} did not become ready in time."
                seen = f"process {process.pid} is running, but has not reported that it is ready"
        finally:
            ready.cancel()
        expected = f"{self.name} ready within {seconds:.1f} s"
        next_step = f"read the whole log: {self.log.path}"
        raise error(headline, expected=expected, seen=seen, log=self.log.tail(), next_step=next_step)

    def _on_exit(self, process: ChildProcess) -> None:
        # A process that was never ready also had a pid and wrote a log.
        if process is self._process and process.exited.done():
            self._process = None
            self.spec.on_exit()
            code = process.exited.result()
            pid = self._message.pop("pid", process.pid)
            self._events.emit(EventType.SERVICE_EXITED, service=self.name, pid=pid, code=code)

    async def _keep_alive(self) -> None:
        """Restart the service whenever it exits, unless it exits too often."""
        loop = asyncio.get_running_loop()
        while True:
            process = self._process
            if process is not None:
                await asyncio.wait([process.exited])
                self.error = LabError(
                    f"{self.name} exited by itself.",
                    seen=describe_exit(process.exited.result()),
                    log=self.log.tail(),
                )
                self._on_exit(process)
            now = loop.time()
            self._exits.append(now)
            self._exits_without_ready += 1
            recent = sum(now - exited < _EXIT_WINDOW_SECONDS for exited in self._exits)
            delay = _FIRST_RESTART_DELAY_SECONDS * 2 ** (recent - 1)
            if obstacle := self.spec.obstacle():
                # Not its fault, so these exits do not count.
                self.error, delay = obstacle, _OBSTACLE_SECONDS
                self._exits.clear()
                self._exits_without_ready = 0
            elif max(recent, self._exits_without_ready) >= _MAX_EXITS:
                self._fail()
                return
            self._enter(State.STARTING)
            await asyncio.sleep(delay)
            self.restarts += 1
            try:
                await self._launch(loop.time() + _READY_SECONDS)
            except LabError as error:
                self.error = error

    def _fail(self) -> None:
        self.error = LabError(
            f"{self.name} keeps exiting and is not restarted any more.",
            expected=f"fewer than {_MAX_EXITS} exits within {_EXIT_WINDOW_SECONDS:g} s",
            seen=self.error.seen if self.error else "",
            log=self.log.tail(),
            next_step=f"read the whole log, {self.log.path}; then lab.restart({self.name!r}) or lab.reset()",
        )
        self._enter(State.FAILED)

    def _on_guard_failure(self, task: str, error: BaseException) -> None:
        logging.error("background task failed: %s", task, exc_info=error)
        headline = f"The supervisor has a bug and no longer watches {self.name}."
        self.error = LabError(headline, seen=repr(error))
        self._enter(State.FAILED)
