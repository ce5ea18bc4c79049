"""Where a lab keeps its files, and how others find a running one."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from labkit_services.contract.names import inspector_page
from labkit_services.runtime.private_files import write_private

FOLDER = ".labkit"


# Named tuples: importing dataclasses would cost every command in a terminal 25 ms.
class LabState(NamedTuple):
    """What the supervisor writes down once the lab is ready.

    The file holds passwords, so it is readable by its owner only.

    Attributes:
        pid: The supervisor's process id.
        run_id: New for every start; tells a stale handle from a live one.
        gateway_url: ``http://127.0.0.1:8080`` when that port was free.
        inspector_url: ``http://127.0.0.1:8090`` when that port was free.
        inspector_token: Opens the inspector's page and API.
        nats_url: ``nats://127.0.0.1:PORT``.
        nats_token: Token that nats-server asks of every client.
        user: Basic-auth user of the gateway's ``/system`` routes.
        password: And its password.
        control: ``127.0.0.1:PORT`` of the supervisor's control channel.
        control_token: Its token.
        started_ns: Unix nanoseconds of the start.
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

    @property
    def inspector_page(self) -> str:
        """The inspector's page with the token that opens it."""
        return inspector_page(self.inspector_url, self.inspector_token)


class Workspace(NamedTuple):
    """A folder that holds one lab."""

    root: Path

    @property
    def folder(self) -> Path:
        """The lab's own folder inside the workspace."""
        return self.root / FOLDER

    @property
    def logs(self) -> Path:
        """One file per service."""
        return self.folder / "logs"

    @property
    def images(self) -> Path:
        """What ``faas-cli build`` made."""
        return self.folder / "images"

    @property
    def jetstream(self) -> Path:
        """nats-server's file store: the queue survives a restart here."""
        return self.folder / "jetstream"

    @property
    def login_folder(self) -> Path:
        """The lab's login as a real faas-cli reads it (``OPENFAAS_CONFIG``); it goes with the lab."""
        return self.folder / "run" / "openfaas"

    @property
    def state_file(self) -> Path:
        """Written when ready, removed at the end."""
        return self.folder / "state.json"

    @property
    def lock_file(self) -> Path:
        """Locked by the supervisor for as long as it lives."""
        return self.folder / "lock"

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """Return the workspace that ``start`` (default: the current folder) belongs to.

        ``$LABKIT_WORKSPACE`` wins; else the nearest folder upwards that holds
        a lab; else the nearest one that holds a git clone, so that a notebook in
        ``notebooks/en`` and a terminal in the root meet; else ``start``.
        """
        if chosen := os.environ.get("LABKIT_WORKSPACE"):
            return cls(Path(chosen).expanduser().resolve())
        start = (start or Path.cwd()).resolve()
        folders = [start, *start.parents]
        for mark in (FOLDER, ".git"):
            for folder in folders:
                if (folder / mark).exists():
                    return cls(folder)
        return cls(start)

    def is_locked(self) -> bool:
        """Tell whether a supervisor lives: its lock dies with it, however it ends."""
        try:
            with self.lock_file.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return True
                return False
        except OSError:
            return False

    def lock_holder(self) -> int | None:
        """Return the process id of the supervisor that lives, or None."""
        if not self.is_locked():
            return None
        try:
            return int(self.lock_file.read_text())
        except (OSError, ValueError):
            return None  # it has only just taken the lock

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """Hold the workspace's lock; yield False if another supervisor has it."""
        with self.lock_file.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                self.lock_file.write_text(f"{os.getpid()}\n")
                yield True

    def read_state(self) -> LabState | None:
        """Return the running lab's state, or None when none runs here.

        A file left by a lab that was killed is recognised by its free lock.
        """
        if not self.is_locked():
            return None
        try:
            return LabState(**json.loads(self.state_file.read_text()))
        except (OSError, ValueError, TypeError):
            # Not written yet, or of another version: no lab to attach to.
            return None

    def write_state(self, state: LabState) -> None:
        """Write the state in one step, so that no reader sees half of it."""
        write_private(self.state_file, json.dumps(state._asdict()))


def own_login_folder() -> str:
    """Return the ``OPENFAAS_CONFIG`` that the user has set, which is no lab's; "" if there is none."""
    chosen = os.environ.get("OPENFAAS_CONFIG", "")
    is_a_lab_s = Path(chosen).parts[-3:] == Workspace(Path()).login_folder.parts
    return "" if is_a_lab_s else chosen
