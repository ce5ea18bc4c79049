"""What the methods of a lab work with: its clients, its feed, its watch."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from labkit.clients.connections import Connections, log_failed_task
from labkit.clients.lab_watch import LabWatch
from labkit.clients.supervisor import SupervisorClient
from labkit.errors import LabGoneError
from labkit.lab.background_loop import LoopBound, background_loop
from labkit.language import translated
from labkit.live.feed import LabFeed
from labkit.live.parts import ViewParts, settings_of
from labkit.live.sources import LabLink
from labkit.workspace import LabState, Workspace
from labkit_services.runtime.log_tail import tail as last_log_lines

if TYPE_CHECKING:
    from labkit.handlers.lab_handlers import LabHandlers

_LOG_LINES = 5


class LabParts(LoopBound):
    """One run of a lab: what its methods work with.

    Attributes:
        workspace: The folder that it belongs to.
        state: Its addresses and secrets.
        connections: Clients of gateway, event log and inspector.
        supervisor: Client of its supervisor.
        feed: What happens in it, for live views.
        watch: Ends what waits when the lab is reset or ends.
        is_remote: Whether it is an OpenFaaS elsewhere.
    """

    is_remote = False

    def __init__(self, workspace: Workspace, state: LabState) -> None:
        self.workspace = workspace
        self.state = state
        self.supervisor = SupervisorClient(state, partial(_lab_gone, workspace, state))
        self.watch = LabWatch(self.supervisor, log_failed_task)
        self.connections = Connections(state, self.watch)
        self._link = LabLink(state, workspace.logs, self.connections, self.supervisor)
        self.feed = LabFeed(self._link, log_failed_task)
        self._handlers: LabHandlers | None = None

    def __repr__(self) -> str:
        return translated(f"<Lab: gateway {self.state.gateway_url}, inspector {self.state.inspector_url}>")

    @property
    def handlers(self) -> LabHandlers:
        """This process's functions from Python source."""
        if self._handlers is None:
            from labkit.handlers.lab_handlers import LabHandlers  # few notebooks need it, and it takes 20 ms

            self._handlers = LabHandlers(self.workspace, self.state, self.connections.gateway)
        return self._handlers


def view_parts(lab: LabParts, kind: str, **options: Any) -> ViewParts | None:
    """Return what a live view of a lab is made of; None without its events."""
    if lab.is_remote:
        return None
    call_soon = background_loop().loop.call_soon_threadsafe
    return ViewParts(lab.feed, call_soon, settings_of(kind, lab.state, **options))


def _lab_gone(workspace: Workspace, state: LabState, seen: str = "") -> LabGoneError:
    if not seen:
        current = workspace.read_state()
        seen = (
            "its supervisor is not running any more"
            if current is None or current.run_id == state.run_id
            else f"another lab is now running in {workspace.root}"
        )
    started = time.strftime("%H:%M:%S", time.localtime(state.started_ns / 1e9))
    return LabGoneError(
        expected=f"the lab that was started at {started}, gateway {state.gateway_url}",
        seen=seen,
        log=last_log_lines(workspace.logs / "supervisor.log", _LOG_LINES),
        next_step="run the notebook's first cell again (lab = Lab.start()), or in a terminal: labkit up",
    )
