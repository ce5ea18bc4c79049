"""The log files of a lab's services."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from labkit.errors import ServiceError
from labkit.service_names import full_name
from labkit.workspace import Workspace
from labkit_services.files.own_file import read_own

POLL_SECONDS = 0.2


def log_path(workspace: Workspace, service: str) -> Path:
    """Return the path of a service's log file."""
    path = workspace.logs / f"{full_name(service)}.log"
    names = sorted(file.stem for file in workspace.logs.glob("*.log"))
    if path.stem not in names:
        raise ServiceError(
            f"There is no log of {service!r}.",
            expected=" or ".join(names) or "the log of a lab that has run here",
            seen=f"no such file in {workspace.logs}",
            next_step="" if names else "start a lab with: labkit up",
        )
    return path


def follow(path: Path, position: int, wait: Callable[[float], None] = time.sleep) -> Iterator[str]:
    """Yield a log from byte ``position`` on, and then what is added.

    The iterator never ends by itself: the caller stops, or ``wait`` raises.
    """
    while True:
        text, position = read_on(path, position)
        if text:
            yield text
        else:
            wait(POLL_SECONDS)


def read_on(path: Path, position: int) -> tuple[str, int]:
    """Return what a log has from byte ``position`` on, and its new end.

    A log that the supervisor has truncated is read from its new beginning.
    """
    size = path.stat().st_size
    if size < position:
        position = 0
    if size == position:
        return "", position
    with read_own(path) as file:
        file.seek(position)
        # A character that is only half there is left for the next time.
        text, used = codecs.utf_8_decode(file.read(), "replace", False)
    return text, position + used
