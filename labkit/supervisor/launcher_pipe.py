"""What passes between the supervisor and whoever started it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from labkit.errors import LabStartError
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabError


def watch_lifeline(loop: asyncio.AbstractEventLoop, on_end: Callable[[], None]) -> None:
    """Call ``on_end`` when whoever started us has gone, however it went.

    It holds the other end of the pipe and never writes; its kernel closes it.
    """

    def readable() -> None:
        with suppress(BlockingIOError):
            if not os.read(0, 4096):
                loop.remove_reader(0)
                on_end()

    os.set_blocking(0, False)
    loop.add_reader(0, readable)


def as_lab_error(error: Exception) -> LabError:
    """Return what to tell a learner of a failed start; what is unforeseen goes to the log whole."""
    if isinstance(error, LabError):
        return error
    logging.exception("unforeseen")
    return LabStartError(
        "The supervisor has a bug.",
        expected="a lab that is ready, or an error that was foreseen",
        seen=repr(error),
        log=traceback.format_exc().splitlines()[-3:],
        next_step="report it, with the log .labkit/logs/supervisor.log",
    )


def tell(message: Mapping[str, Any]) -> None:
    """Say the one thing that the launcher waits for; it may have gone meanwhile."""
    with suppress(OSError):
        os.write(1, json.dumps(message).encode() + b"\n")


def log_to(workspace: Workspace) -> None:
    """Write what this process says, a crash included, to its log."""
    path = workspace.logs / "supervisor.log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)sZ %(levelname)s supervisor: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.Formatter.converter = time.gmtime
