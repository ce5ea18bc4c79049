"""The folder of a lab: its files, its lock, and the state of a running lab."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from labkit.state_file import FOLDER, LOCK_FILE, STATE_FILE, find_workspace, is_locked, read_state
from labkit_services.contract.function_providers import PROCESS
from labkit_services.files.own_file import is_own_folder, open_own, read_own
from labkit_services.runtime.private_files import write_private


# Named tuples: importing dataclasses would cost every command in a terminal 25
# ms.
class LabState(NamedTuple):
    """The state file's content: how to reach a lab that is ready.

    Attributes:
        pid: The supervisor's process id.
        run_id: Different for each start; tells a stale handle from a live one.
        gateway_url: ``http://127.0.0.1:8080`` when that port was free.
        inspector_url: ``http://127.0.0.1:8090`` when that port was free.
        inspector_token: Opens the inspector's page and API.
        nats_url: ``nats://127.0.0.1:PORT``; of a cluster several, with commas.
        nats_token: Token that nats-server requires of every client; "" if it
            requires something else.
        nats_context: Path of a file with the whole login to NATS, a context of
            the ``nats`` command.
        user: Basic-auth user of the gateway's ``/system`` routes.
        password: The user's password.
        control: ``127.0.0.1:PORT`` of the supervisor's control channel.
        control_token: Token that the control channel requires.
        started_ns: Unix nanoseconds of the start.
        port_note: Why a service has not its preferred port, or "".
        functions: What functions run in: ``process`` or ``docker``.
    """

    pid: int
    run_id: str
    gateway_url: str
    inspector_url: str
    inspector_token: str
    nats_url: str
    nats_token: str
    user: str
    password: str
    control: str
    control_token: str
    started_ns: int
    port_note: str = ""
    functions: str = PROCESS
    nats_context: str = ""

    def __repr__(self) -> str:
        # Without the secrets: a notebook saves what it shows.
        return f"LabState(pid={self.pid}, gateway_url={self.gateway_url!r})"


class Workspace(NamedTuple):
    """A folder that holds one lab, in its ``.labkit`` folder."""

    root: Path

    @property
    def folder(self) -> Path:
        """The lab's own folder inside the workspace."""
        return self.root / FOLDER

    @property
    def logs(self) -> Path:
        """Folder with one log file per service."""
        return self.folder / "logs"

    @property
    def images(self) -> Path:
        """Folder of the images that ``faas-cli build`` made."""
        return self.folder / "images"

    @property
    def jetstream(self) -> Path:
        """nats-server's file store, where queues survive a restart."""
        return self.folder / "jetstream"

    @property
    def inspector(self) -> Path:
        """The inspector's history, which survives a restart."""
        return self.folder / "inspector"

    @property
    def login_folder(self) -> Path:
        """The login for a real faas-cli, as ``OPENFAAS_CONFIG`` names it."""
        return self.folder / "run" / "openfaas"

    @property
    def nats_context(self) -> Path:
        """The login to NATS, as a context of the ``nats`` command."""
        return self.folder / "run" / "nats-context.json"

    @property
    def state_file(self) -> Path:
        """Written when the lab is ready, removed when it stops."""
        return self.folder / STATE_FILE

    @property
    def lock_file(self) -> Path:
        """Locked by the supervisor while it runs."""
        return self.folder / LOCK_FILE

    @classmethod
    def find(cls, chosen: str | os.PathLike[str] | None = None) -> Workspace:
        """Return the chosen folder's workspace, else the current folder's.

        Raises:
            UnsafePathError: Its ``.labkit`` is not this user's alone.
        """
        if chosen is None:
            return cls(Path(find_workspace()))
        # os.path's leaves a user's name that does not exist as it is.
        workspace = cls(Path(os.path.expanduser(chosen)).resolve())
        is_own_folder(workspace.folder)
        return workspace

    @classmethod
    def of_folder(cls, folder: str | os.PathLike[str]) -> Workspace:
        """Return the workspace to which a lab started in a folder belongs.

        Raises:
            UnsafePathError: Its ``.labkit`` is not this user's alone.
        """
        return cls(Path(find_workspace(os.fspath(folder))))

    def is_locked(self) -> bool:
        """Return whether a supervisor runs: its lock is freed when it ends."""
        return is_locked(str(self.root))

    def lock_holder(self) -> int | None:
        """Return the process id of the running supervisor, or None."""
        if not self.is_locked():
            return None
        try:
            with read_own(self.lock_file) as file:
                return int(file.read())
        except (OSError, ValueError):
            return None  # The lock was taken a moment ago; the id is not written yet.

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """Hold the lock; yield False if another supervisor holds it."""
        with open(open_own(self.lock_file, os.O_WRONLY | os.O_CREAT), "wb", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                file.truncate()
                file.write(f"{os.getpid()}\n".encode())
                yield True

    def read_state(self) -> LabState | None:
        """Return the running lab's state, or None if no lab is ready here.

        The state file of a lab that was killed is ignored: its lock is free.
        """
        fields = read_state(str(self.root))
        try:
            return LabState(**fields) if fields else None
        except TypeError:
            return None  # Written by another version: no lab to attach to.

    def write_state(self, state: LabState) -> None:
        """Write the state file, which is private as it holds passwords."""
        write_private(self.state_file, json.dumps(state._asdict()))


def own_login_folder() -> str:
    """Return the user's own ``OPENFAAS_CONFIG``; "" if unset or a lab's."""
    folder = os.environ.get("OPENFAAS_CONFIG", "")
    is_lab_folder = Path(folder).parts[-3:] == Workspace(Path()).login_folder.parts
    return "" if is_lab_folder else folder
