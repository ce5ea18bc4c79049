"""``AsyncLab``: a lab, as coroutines.

Its connections belong to the event loop that uses them first: in a notebook
the background loop, in the command line the loop of the command.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

from labkit.clients.caller import describe_caller
from labkit.clients.connections import import_clients, log_failed_task
from labkit.errors import LabGoneError, LabRunningError, NoLabError
from labkit.lab.methods.bins import AsyncLabBins
from labkit.lab.methods.calls import AsyncLabCalls
from labkit.lab.methods.faults import AsyncLabFaultInjection
from labkit.lab.methods.functions import AsyncLabFunctions
from labkit.lab.methods.queues import AsyncLabQueues
from labkit.lab.methods.services import AsyncLabServices
from labkit.lab.methods.teaching import AsyncLabTeaching
from labkit.lab.methods.views import AsyncLabViews
from labkit.lifecycle import environment
from labkit.lifecycle.jupyter_server import server_lifeline
from labkit.lifecycle.launch import LaunchedLab, Lifeline, launch
from labkit.lifecycle.running_lab import find_lab, require_state, stop_lab
from labkit.live.display import import_widgets
from labkit.supervisor.files import workspace_errors
from labkit.supervisor.settings import Settings
from labkit.workspace import LabState, Workspace
from labkit_services.contract.errors import LabTimeoutError
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.log_tail import tail as last_log_lines

_POLL_SECONDS = 0.02
_WATCH_SECONDS = 0.2
_LOG_LINES = 5

_labs: dict[Path, AsyncLab] = {}
"""This process's labs. They keep the lifelines: a handle that a re-run cell
drops must not end its lab."""


class AsyncLab(
    AsyncLabServices,
    AsyncLabFunctions,
    AsyncLabCalls,
    AsyncLabBins,
    AsyncLabQueues,
    AsyncLabFaultInjection,
    AsyncLabViews,
    AsyncLabTeaching,
):
    """One run of a lab, from ready to stopped.

    Attributes:
        workspace: The folder that it belongs to.
        state: Its addresses and secrets.
        settings: How it was started, if this process did.
        connections: Clients of gateway, event log and inspector.
        supervisor: Client of its supervisor.
        feed: What happens in it, for live views.
        watch: Ends what waits when the lab is reset or ends.
    """

    def __init__(
        self,
        workspace: Workspace,
        state: LabState,
        settings: Settings | None = None,
        lifeline: Lifeline | None = None,
    ) -> None:
        super().__init__(workspace, state)
        self.settings = settings
        self._lifeline = lifeline
        self._closed = False

    @property
    def is_owned(self) -> bool:
        """Whether this process started it; then it ends with this process."""
        return self._lifeline is not None and self._lifeline.is_held

    @property
    def is_closed(self) -> bool:
        """Whether this handle was stopped."""
        return self._closed

    @property
    def nats_context(self) -> str:
        """Path of a context file for the ``nats`` command."""
        return self.state.nats_context

    # -- start and find

    @classmethod
    async def start(cls, settings: Settings, *, attach: bool = True) -> AsyncLab:
        """Attach to the workspace's running lab, or start one.

        A lab that it starts ends with this process; one that a kernel starts
        ends with Jupyter's server, if that has labkit's extension. If two
        processes do so at once, both get the same lab.

        Raises:
            LabRunningError: A lab is running, and ``attach`` is False.
            LabError: There was no ready lab within ``settings.timeout``
                seconds.
        """
        workspace = Workspace(Path(settings.workspace))
        with workspace_errors(workspace):
            workspace.is_locked()  # raises for a folder that is not this user's
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
                imports = BackgroundTasks(log_failed_task)
                imports.start(import_clients(), name="import-clients")
                try:
                    launched = await _launch(replace(settings, timeout=remaining))
                finally:
                    await imports.cancel()
                if launched is not None:
                    lab = cls(workspace, launched.state, settings, launched.lifeline)
                    lab._enter()
                    # So its first view appears soon; the notebook goes on.
                    loop.run_in_executor(None, import_widgets)
                    return lab
            # Another process is starting or stopping the workspace's lab.
            if loop.time() > deadline:
                raise LabTimeoutError(
                    "The workspace's lab is neither ready nor stopped.",
                    expected=f"a lab to attach to, or none, within {settings.timeout:g} s",
                    seen=f"{workspace.lock_file} is locked by a process that does not answer",
                    log=last_log_lines(workspace.logs / "supervisor.log", _LOG_LINES),
                    next_step="end it with: labkit down",
                )
            await asyncio.sleep(_POLL_SECONDS)

    def require(self, *, functions: str, nats: str) -> None:
        """Raise LabRunningError if it runs with others; "" is any."""
        asked = {"functions": functions, "nats": nats}
        seen = {"functions": self.state.functions, "nats": self.state.nats_url}
        for name, value in asked.items():
            if value and value != seen[name]:
                raise LabRunningError(
                    "A lab is running with another setting.",
                    expected=f"{name}={value!r}",
                    seen=f"{name}={seen[name]!r} in the lab at {self.state.gateway_url}",
                    next_step="end it with: labkit down; or attach to it with: Lab.attach()",
                )

    @classmethod
    async def attach(cls, workspace: Workspace) -> AsyncLab:
        """Attach to the workspace's running lab, or raise ``NoLabError``."""
        if lab := await cls.find(workspace):
            return lab
        require_state(workspace)
        raise NoLabError(
            expected=f"an answer from the lab in {workspace.root}",
            seen="none",
            next_step="end it with: labkit down",
        )

    @classmethod
    async def find(cls, workspace: Workspace) -> AsyncLab | None:
        """Return the workspace's lab if it answers."""
        state = await find_lab(workspace)
        if state is None:
            return None
        lab = _labs.get(workspace.root)
        if lab is None or lab.state.run_id != state.run_id:
            lab = cls(workspace, state)
            lab._enter()
        return lab

    def _enter(self) -> None:
        previous = _labs.get(self.workspace.root)
        if previous is not None and previous is not self:
            environment.leave(previous.state)
            if previous._lifeline is not None:
                previous._lifeline.cut()
        _labs[self.workspace.root] = self
        self.watch.start()
        environment.enter(self.state, self.workspace)

    # -- stop and reset

    async def stop(self, *, force: bool = False) -> str:
        """Stop the lab if this process started it, else detach; idempotent.

        Return what of it stays in an existing NATS, as a sentence, or "".

        Args:
            force: Stop it in any case, as ``labkit down`` does.
        """
        if self._closed:
            return ""
        self._closed = True
        self.supervisor.close()
        if _labs.get(self.workspace.root) is self:
            del _labs[self.workspace.root]
        environment.leave(self.state)
        if self._handlers is not None:
            await self._handlers.close()
        try:
            await self.connections.close()
        except Exception as error:
            # Whatever a client reports, the lab must stop. (nats-py may write
            # to a closed transport: in Python 3.13.0 a TypeError.)
            log_failed_task("close-connections", error)
        stays = ""
        if self.is_owned or force:
            stays = await stop_lab(self.workspace, self.state)
        if self._lifeline is not None and self._lifeline.is_held:
            self._lifeline.cut()
            await self._lifeline.wait_for_exit()
        return stays

    async def wait(self) -> None:
        """Wait until the lab ends."""
        while True:
            if self.workspace.lock_holder() != self.state.pid:
                return
            await asyncio.sleep(_WATCH_SECONDS)

    async def reset(self) -> AsyncLab:
        """Delete all functions, queued calls, events and bins; keep images.

        Every ``max_inflight`` and the number of queue-workers are again as
        the lab was started with them, and every fault ends.
        Return this lab, or a new one if this one was not running any more.
        """
        if self._handlers is not None:
            await self._handlers.close()
        try:
            await self.supervisor.reset()
        except LabGoneError:
            await self.stop()
            lab = await AsyncLab.start(self.settings or Settings(workspace=str(self.workspace.root)))
            # The queue outlives a lab.
            await lab.supervisor.reset()
            return lab
        await self.connections.drop_events()
        return self


async def _launch(settings: Settings) -> LaunchedLab | None:
    """Start a lab that ends with this kernel's server, or this process."""
    with server_lifeline() as server:
        owner = describe_caller() if server is None else f"the Jupyter server (process {os.getppid()})"
        return await launch(replace(settings, owner=owner, launched_ns=time.time_ns()), server)
