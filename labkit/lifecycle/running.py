"""The workspace's running lab: finding it, and ending it whoever started it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

from labkit.clients.supervisor import SupervisorClient
from labkit.errors import NoLabError
from labkit.workspace import LabState, Workspace
from labkit_services.contract.errors import LabError, LabTimeoutError

_LOOK_SECONDS = 0.02
_STOP_SECONDS = 4.0
_INSIST_SECONDS = 1.0


def require_state(workspace: Workspace) -> LabState:
    """Return the running lab's state.

    Raises:
        NoLabError: None runs.
    """
    if state := workspace.read_state():
        return state
    raise NoLabError(
        expected=f"a lab in {workspace.root}",
        seen="one that is on its way up or down" if workspace.is_locked() else "none",
        next_step="start one with Lab.start(), or in a terminal: labkit up",
    )


async def find(workspace: Workspace) -> LabState | None:
    """Return the state of the workspace's lab if it answers.

    A state file alone does not say so: while a supervisor starts, the one before
    it may have left its own.
    """
    state = workspace.read_state()
    if state is None:
        return None
    try:
        answer = await SupervisorClient(state).status()
    except (ConnectionError, LabError):
        return None
    return state if answer["run_id"] == state.run_id else None


async def end_lab(workspace: Workspace, state: LabState) -> None:
    """End a lab whoever started it; politely, and if that doesn't help with SIGKILL."""
    with suppress(ConnectionError, LabTimeoutError):
        await SupervisorClient(state).stop(_STOP_SECONDS)
    await _until_gone(workspace, state.pid, patience=_INSIST_SECONDS)


async def end_workspace(workspace: Workspace) -> bool:
    """End the workspace's lab, also one that is still starting; tell whether there was one."""
    if state := workspace.read_state():
        await end_lab(workspace, state)
        return True
    if pid := workspace.lock_holder():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        await _until_gone(workspace, pid, patience=_STOP_SECONDS)
        return True
    return False


async def _until_gone(workspace: Workspace, pid: int, patience: float) -> None:
    """Wait until a supervisor has let go of the workspace; kill it after ``patience`` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    # The file says who holds the lock, so nobody else is killed by mistake.
    while workspace.lock_holder() == pid:
        if loop.time() > deadline:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(_LOOK_SECONDS)
