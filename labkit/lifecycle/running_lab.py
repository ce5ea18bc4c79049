"""Find a workspace's running lab, and stop it no matter who started it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

from labkit.clients.supervisor import SupervisorClient
from labkit.default_settings import GATEWAY_VARIABLE, default_gateway
from labkit.errors import NoLabError
from labkit.supervisor.files import remove_anything, run_folder, workspace_errors
from labkit.workspace import LabState, Workspace
from labkit_services.contract.errors import LabError, LabTimeoutError
from labkit_services.contract.function_providers import end_seconds

_POLL_SECONDS = 0.02
_STOP_SECONDS = 4.0
_KILL_SECONDS = 1.0


def require_state(workspace: Workspace) -> LabState:
    """Return the running lab's state, or raise ``NoLabError``."""
    if state := workspace.read_state():
        return state
    todo = "start one with Lab.start(), or in a terminal: labkit up"
    if default_gateway():
        todo = (
            f"{GATEWAY_VARIABLE} is set, so notebooks use that OpenFaaS: labkit status. "
            f"This needs a lab here: env -u {GATEWAY_VARIABLE} labkit up"
        )
    raise NoLabError(
        expected=f"a lab in {workspace.root}",
        seen="one that is starting or stopping" if workspace.is_locked() else "none",
        next_step=todo,
    )


async def find_lab(workspace: Workspace) -> LabState | None:
    """Return the state of the workspace's lab if it answers.

    The state file alone is no proof: while a supervisor starts, the file may
    be its predecessor's.
    """
    state = workspace.read_state()
    if state is None:
        return None
    try:
        status = await SupervisorClient(state).status()
    except (ConnectionError, LabError):
        return None
    return state if status["run_id"] == state.run_id else None


async def stop_lab(workspace: Workspace, state: LabState) -> str:
    """Stop a lab; kill its supervisor if it doesn't stop in time.

    Return what of it stays in an existing NATS, as a sentence, or "".
    """
    stays = ""
    with suppress(ConnectionError, LabTimeoutError):
        stays = await SupervisorClient(state).stop(_STOP_SECONDS + end_seconds(state.functions))
    await _wait_until_gone(workspace, state.pid, _KILL_SECONDS)
    return stays


async def stop_workspace(workspace: Workspace) -> str | None:
    """Stop the workspace's lab, also a starting one; None if there was none.

    Else return what of it stays in an existing NATS, as a sentence, or "".
    """
    if state := workspace.read_state():
        return await stop_lab(workspace, state)
    if pid := workspace.lock_holder():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        await _wait_until_gone(workspace, pid, _STOP_SECONDS)
        return ""
    return None


async def empty_workspace(workspace: Workspace) -> None:
    """End the workspace's lab in any case, and remove what it has stored.

    It works without a running lab, with one that hangs, and if the files are
    damaged. Images, logs, and damaged parts that were set aside remain.

    Raises:
        WorkspaceError: Something can't be removed.
    """
    with workspace_errors(workspace):
        _remove_what_is_no_file(workspace)
    await stop_workspace(workspace)
    with workspace_errors(workspace):
        if not workspace.logs.is_dir():
            remove_anything(workspace.logs)
        remove_anything(run_folder(workspace))
        remove_anything(workspace.jetstream)


def _remove_what_is_no_file(workspace: Workspace) -> None:
    """Remove links and folders: they hide no running lab, and are refused."""
    for path in (workspace.state_file, workspace.lock_file):
        if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
            remove_anything(path)


async def _wait_until_gone(workspace: Workspace, pid: int, timeout: float) -> None:
    """Wait for a supervisor's end; kill it after ``timeout`` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    # The lock file names the lock's holder, so no other process is killed by
    # mistake.
    while workspace.lock_holder() == pid:
        if loop.time() > deadline:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(_POLL_SECONDS)
