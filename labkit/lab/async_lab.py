"""The lab as coroutines: everything in here runs on the hub's loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.clients.connections import Clients, import_clients
from labkit.clients.supervisor import CHANGE_SECONDS, ask
from labkit.errors import LabGoneError, LabRunningError, NoLabError
from labkit.lab.async_calling import AsyncCalling
from labkit.lab.faults import AsyncFaults
from labkit.lifecycle import environment
from labkit.lifecycle.launch import Lifeline, launch
from labkit.lifecycle.running_lab import find_lab, require_state, stop_lab
from labkit.supervisor.settings import Settings
from labkit.views.status import LabStatus
from labkit.workspace import LabState, Workspace
from labkit_services.contract.errors import LabError, LabTimeoutError

_LOOK_SECONDS = 0.02
_WATCH_SECONDS = 0.2
_FIRST_CELL = "run the notebook's first cell again (lab = Lab.start()), or in a terminal: labkit up"

_running: dict[Path, AsyncLab] = {}
"""This process's labs. They keep the lifelines: a handle that a re-run cell drops must not end its lab."""


@dataclass(frozen=True)
class ResetReport:
    """What ``lab.reset()`` did.

    Attributes:
        seconds: How long it took.
    """

    seconds: float

    def __repr__(self) -> str:
        return f"The lab is as new, after {self.seconds:.1f} s: no function, no call, no event."


class AsyncLab(AsyncCalling, AsyncFaults):
    """One run of a lab, from ready to gone.

    Attributes:
        workspace: The folder that it belongs to.
        state: Its addresses and secrets.
        settings: How it was started, if this process did.
        on_close: Coroutine functions, called when this process lets go of the lab:
            clients that hold connections put their ``close`` here.
    """

    def __init__(
        self,
        workspace: Workspace,
        state: LabState,
        settings: Settings | None = None,
        lifeline: Lifeline | None = None,
    ) -> None:
        self.workspace = workspace
        self.state = state
        self.settings = settings
        self.on_close: list[Callable[[], Awaitable[None]]] = []
        self.clients = Clients(state)
        self.on_close.append(self.clients.close)
        self._lifeline = lifeline
        self._closed = False

    def __repr__(self) -> str:
        return f"<Lab: gateway {self.state.gateway_url}, inspector {self.state.inspector_url}>"

    @property
    def is_owned(self) -> bool:
        """Whether this process started it, so that it ends with this process."""
        return self._lifeline is not None

    # -- to a lab

    @classmethod
    async def start(cls, settings: Settings, *, attach: bool = True) -> AsyncLab:
        """Attach to the workspace's running lab, or start one that lives as long as this process.

        Two processes may do so at once: one lab comes of it.

        Raises:
            LabRunningError: A lab runs, and ``attach`` is False.
            LabError: No lab could be had within ``settings.timeout`` seconds.
        """
        workspace = Workspace(Path(settings.workspace))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + settings.timeout
        while True:
            if lab := await cls.find(workspace):
                if not attach:
                    raise LabRunningError(
                        expected=f"no lab in {workspace.root}",
                        seen=f"{lab.state.gateway_url}, process {lab.state.pid}",
                        next_step="attach to it with Lab.start(), or end it with: labkit down",
                    )
                return lab
            if not workspace.is_locked():
                remaining = max(0.1, deadline - loop.time())
                importing = loop.create_task(import_clients())
                try:
                    launched = await launch(replace(settings, timeout=remaining, launched_ns=time.time_ns()))
                finally:
                    importing.cancel()
                if launched is not None:
                    lab = cls(workspace, launched.state, settings, launched.lifeline)
                    lab._enter()
                    return lab
            # Someone else's lab is on its way up or down.
            if loop.time() > deadline:
                raise LabTimeoutError(
                    "The workspace's lab is neither ready nor gone.",
                    expected=f"a lab to attach to, or none, within {settings.timeout:g} s",
                    seen=f"{workspace.lock_file} is locked by a process that says nothing more",
                    log=_tail(workspace),
                    next_step="end it with: labkit down",
                )
            await asyncio.sleep(_LOOK_SECONDS)

    @classmethod
    async def attach(cls, workspace: Workspace) -> AsyncLab:
        """Attach to the workspace's running lab.

        Raises:
            NoLabError: None runs.
        """
        if lab := await cls.find(workspace):
            return lab
        require_state(workspace)
        raise NoLabError(
            expected=f"the lab in {workspace.root} to answer",
            seen="nothing",
            next_step="end it with: labkit down",
        )

    @classmethod
    async def find(cls, workspace: Workspace) -> AsyncLab | None:
        """Return the workspace's lab if one answers."""
        state = await find_lab(workspace)
        if state is None:
            return None
        lab = _running.get(workspace.root)
        if lab is None or lab.state.run_id != state.run_id:
            lab = cls(workspace, state)
            lab._enter()
        return lab

    def _enter(self) -> None:
        last = _running.get(self.workspace.root)
        if last is not None and last is not self and last._lifeline is not None:
            last._lifeline.cut()
        _running[self.workspace.root] = self
        environment.enter(self.state, self.workspace)

    # -- from a lab

    async def stop(self, *, force: bool = False) -> None:
        """Stop the lab if this process started it; else only let go of it. Idempotent.

        Args:
            force: Stop it in any case, as ``labkit down`` does.
        """
        if self._closed:
            return
        self._closed = True
        if _running.get(self.workspace.root) is self:
            del _running[self.workspace.root]
        environment.leave(self.workspace)
        for close in self.on_close:
            with suppress(OSError, LabError):
                await close()
        if self.is_owned or force:
            await stop_lab(self.workspace, self.state)
        if self._lifeline is not None:
            self._lifeline.cut()
            await self._lifeline.wait_for_exit()

    async def wait(self) -> None:
        """Wait until the lab ends."""
        while True:
            if self.workspace.lock_holder() != self.state.pid:
                return
            await asyncio.sleep(_WATCH_SECONDS)

    async def reset(self) -> AsyncLab:
        """Make the lab as new: no function, no queued call, no event, no bin; images stay.

        Returns:
            The lab after that: this one, or, if it had gone, a new one in its place.
        """
        try:
            await self._ask("reset", patience=CHANGE_SECONDS)
        except LabGoneError:
            await self.stop()
            settings = self.settings or Settings(workspace=str(self.workspace.root))
            lab = await AsyncLab.start(settings)
            # The queue outlives a lab; a lab that is as new has an empty one.
            await lab._ask("reset", patience=CHANGE_SECONDS)
            return lab
        await self.clients.forget()
        return self

    # -- with a lab

    async def status(self) -> LabStatus:
        """Return the state of every service: process, address, memory, restarts."""
        return LabStatus.from_json(await self._ask("status"))

    async def remember_max_inflight(self, queue: str, count: int) -> None:
        """Have a queue's ``max_inflight`` kept for the workers' next start."""
        await self._ask("configure", queue=queue, max_inflight=count)

    async def restart(self, service: str) -> None:
        """Stop one service politely and start it again, on the same port."""
        await self._ask("begin_fault", patience=CHANGE_SECONDS, kind="restart", service=service)
        await self._ask("end_fault", patience=CHANGE_SECONDS, kind="restart", service=service)

    async def kill(self, service: str) -> None:
        """Kill one service (SIGKILL) and watch the lab bring it back: a failure drill."""
        await self._ask("begin_fault", patience=CHANGE_SECONDS, kind="kill", service=service)

    async def scale_workers(self, count: int) -> None:
        """Have so many queue-workers, from 1 to 16; each of them runs ``max_inflight`` calls at once.

        Those that go let their calls finish.
        """
        await self._ask("scale_workers", patience=CHANGE_SECONDS, workers=count)

    async def stop_service(self, service: str) -> None:
        """Stop one service until ``start_service``."""
        await self._ask("begin_fault", patience=CHANGE_SECONDS, kind="stop", service=service)

    async def start_service(self, service: str) -> None:
        """Start a service that was stopped, or that was given up."""
        await self._ask("start_service", patience=CHANGE_SECONDS, service=service)

    async def start_timeline(self) -> list[dict[str, Any]]:
        """Return where the time of the start went: ``name``, ``start_ms``, ``end_ms``."""
        timeline: list[dict[str, Any]] = await self._ask("timeline")
        return timeline

    async def _ask(self, command: str, *, patience: float = 5.0, **arguments: Any) -> Any:
        if self._closed:
            raise self.gone("this handle was stopped: lab.stop()")
        try:
            return await ask(self.state, command, patience=patience, **arguments)
        except ConnectionError as error:
            if isinstance(error, LabError):
                raise
            raise self.gone() from error

    def gone(self, seen: str = "") -> LabGoneError:
        """Return what to say when this lab no longer answers."""
        if not seen:
            now = self.workspace.read_state()
            seen = (
                "its supervisor does not run any more"
                if now is None or now.run_id == self.state.run_id
                else f"another lab runs in {self.workspace.root} since"
            )
        started = time.strftime("%H:%M:%S", time.localtime(self.state.started_ns / 1e9))
        return LabGoneError(
            expected=f"the lab that was started at {started}, gateway {self.state.gateway_url}",
            seen=seen,
            log=_tail(self.workspace),
            next_step=_FIRST_CELL,
        )


def _tail(workspace: Workspace, lines: int = 5) -> list[str]:
    try:
        text = (workspace.logs / "supervisor.log").read_text(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-lines:]
