"""One service of the lab, kept alive."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.errors import LabStartError
from labkit.supervisor.children import Children, Launch
from labkit.supervisor.events import Record
from labkit.supervisor.logfile import LogFile
from labkit.supervisor.memory import resident_bytes
from labkit.supervisor.process import Process
from labkit.views.states import State
from labkit_services.contract.errors import LabError, LabTimeoutError
from labkit_services.contract.events import EventType

READY_SECONDS = 10.0
"""How long a restarted service may take to become ready."""
DEATHS = 5
"""So many within ``DEATH_SECONDS``, or in succession without once being ready, and it is given up."""
DEATH_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.05

Facts = dict[str, Any]


@dataclass(frozen=True)
class Spec:
    """What the supervisor must know of a service.

    Attributes:
        name: Also the name of its log file.
        prepare: Says how to start it; asked anew before every start.
        wait_ready: Returns what the service says of itself once it answers:
            ``pid`` and, if it listens, ``url``. Deadline and early exit are the caller's.
        on_ready: Told these facts, before anyone else learns of them.
    """

    name: str
    prepare: Callable[[], Launch]
    wait_ready: Callable[[Process], Awaitable[Facts]]
    on_ready: Callable[[Facts], None]


class Unit:
    """Starts, stops and restarts one service.

    Attributes:
        state: Where it is in its life.
        restarts: How often it was started again after it had ended by itself.
        process_ns: When its process was there, in Unix nanoseconds.
        error: Why it is not ready, if it is not.
    """

    def __init__(self, spec: Spec, children: Children, record: Record, log: LogFile, cwd: Path) -> None:
        self.spec = spec
        self.log = log
        self.state = State.STOPPED
        self.restarts = 0
        self.process_ns = 0
        self.error: LabError | None = None
        self._children = children
        self._record = record
        self._cwd = cwd
        self._process: Process | None = None
        self._facts: Facts = {}
        self._since = time.time()
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self._fruitless = 0
        self._guard: asyncio.Task[None] | None = None

    def describe(self) -> dict[str, Any]:
        """Return what ``status`` shows."""
        pid = int(self._facts.get("pid", 0)) if self.state is State.READY else 0
        return {
            "name": self.spec.name,
            "state": self.state,
            "pid": pid,
            "address": self._facts.get("url", "") if pid else "",
            "metrics": self._facts.get("metrics", "") if pid else "",
            "restarts": self.restarts,
            "since": self._since,
            "memory": resident_bytes(pid) if pid else 0,
            "error": str(self.error) if self.error else "",
        }

    def _enter(self, state: State) -> None:
        self.state = state
        self._since = time.time()

    async def start(self, deadline: float) -> None:
        """Bring it to ready by ``deadline`` (loop time) and keep it there; idempotent.

        Raises:
            LabError: It did not become ready; its process is gone.
        """
        if self.state is State.READY:
            return
        await self._end_guard()
        self._deaths.clear()
        self._fruitless = 0
        try:
            await self._launch(deadline)
        except LabError as error:
            self.error = error
            self._enter(State.FAILED)
            raise
        self._guard = asyncio.get_running_loop().create_task(self._keep_alive())

    async def stop(self, grace: float, *, hurry: bool = False) -> None:
        """End it, politely for ``grace`` seconds; idempotent.

        Args:
            grace: Seconds.
            hurry: It ends with the lab: it is to break off what it has under way.
        """
        # First the guard: it would take the end for a crash.
        await self._end_guard()
        if self.state is not State.STOPPED:
            self._enter(State.STOPPING)
            if self._process is not None:
                await self._process.stop(grace, hurry=hurry)
                self._note_exit(self._process)
            self._enter(State.STOPPED)
            self.error = None

    async def kill(self) -> None:
        """Kill the process and leave the rest to the guard, as after a crash."""
        if self._process is not None:
            await self._process.kill()

    def pause(self) -> None:
        """Have the process stand still; whoever does not ask it anything sees no difference."""
        if self._process is not None:
            self._process.pause()

    def resume(self) -> None:
        """Have the process go on."""
        if self._process is not None:
            self._process.resume()

    async def _end_guard(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.cancel()
            await asyncio.wait([guard])

    async def _launch(self, deadline: float) -> None:
        self._enter(State.STARTING)
        try:
            process = await self._children.spawn(self.spec.prepare(), self.log, self._cwd)
        except OSError as error:
            raise LabStartError(
                f"{self.spec.name} could not be started.",
                expected="a program that can be run",
                seen=f"{error.strerror or error}: {error.filename or ''}",
                next_step="look at the installation with: labkit doctor",
            ) from error
        self._process = process
        self.process_ns = time.time_ns()
        try:
            facts = await self._until_ready(process, deadline)
        except BaseException:
            await process.kill()
            self._note_exit(process)
            raise
        self._facts = {"pid": process.pid, **facts}
        self._fruitless = 0
        self.error = None
        self.spec.on_ready(self._facts)
        self._enter(State.READY)
        self._record.emit(EventType.SERVICE_STARTED, service=self.spec.name, pid=self._facts["pid"])

    async def _until_ready(self, process: Process, deadline: float) -> Facts:
        loop = asyncio.get_running_loop()
        started = loop.time()
        ready = asyncio.ensure_future(self.spec.wait_ready(process))
        try:
            first: set[asyncio.Future[Any]] = {ready, process.exited}
            await asyncio.wait(
                first, timeout=max(0.0, deadline - started), return_when=asyncio.FIRST_COMPLETED
            )
            # First of all an early end: a crash is called a crash, not a timeout.
            if process.exited.done():
                raise LabStartError(
                    f"{self.spec.name} ended before it was ready.",
                    expected=f"{self.spec.name} ready within {deadline - started:.1f} s",
                    seen=say_exit(process.exited.result()),
                    log=self.log.tail(),
                    next_step=f"read the whole log: {self.log.path}",
                )
            if not ready.done():
                raise LabTimeoutError(
                    f"{self.spec.name} did not become ready in time.",
                    expected=f"{self.spec.name} ready within {deadline - started:.1f} s",
                    seen=f"process {process.pid} runs, but has not said that it is ready",
                    log=self.log.tail(),
                    next_step=f"read the whole log: {self.log.path}",
                )
            return ready.result()
        finally:
            ready.cancel()

    def _note_exit(self, process: Process) -> None:
        # A process that was never ready still had a pid, and left a log.
        if process is self._process and process.exited.done():
            self._process = None
            code = process.exited.result()
            pid = self._facts.pop("pid", process.pid)
            self._record.emit(EventType.SERVICE_EXITED, service=self.spec.name, pid=pid, code=code)

    async def _keep_alive(self) -> None:
        """Start it again whenever it ends; give up when that does not help."""
        loop = asyncio.get_running_loop()
        while True:
            process = self._process
            if process is not None:
                await asyncio.wait([process.exited])
                self.error = LabError(
                    f"{self.spec.name} ended by itself.",
                    seen=say_exit(process.exited.result()),
                    log=self.log.tail(),
                )
                self._note_exit(process)
            self._deaths.append(loop.time())
            self._fruitless += 1
            if self._is_hopeless(loop.time()):
                self._give_up()
                return
            self._enter(State.STARTING)
            recent = sum(1 for death in self._deaths if loop.time() - death < DEATH_SECONDS)
            await asyncio.sleep(_FIRST_PAUSE_SECONDS * 2 ** (recent - 1))
            self.restarts += 1
            try:
                await self._launch(loop.time() + READY_SECONDS)
            except LabError as error:
                self.error = error

    def _is_hopeless(self, now: float) -> bool:
        often = len(self._deaths) == DEATHS and now - self._deaths[0] < DEATH_SECONDS
        return often or self._fruitless >= DEATHS

    def _give_up(self) -> None:
        last = self.error
        self.error = LabError(
            f"{self.spec.name} could not stay up and was given up.",
            expected=f"fewer than {DEATHS} ends within {DEATH_SECONDS:g} s",
            seen=last.seen if last else "",
            log=self.log.tail(),
            next_step=f"read the whole log, {self.log.path}; "
            f"then lab.restart({self.spec.name!r}) or lab.reset()",
        )
        self._enter(State.FAILED)


def say_exit(code: int | None) -> str:
    """Return an exit code in words."""
    if code is None:
        return "exit code unknown"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
