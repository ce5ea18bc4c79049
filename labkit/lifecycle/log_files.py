"""Reading the services' log files, as ``labkit logs`` shows them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from labkit.errors import ServiceError
from labkit.service_names import full_name
from labkit.workspace import Workspace

_BLOCK = 64 * 1024
_LOOK_SECONDS = 0.2


def log_path(workspace: Workspace, service: str) -> Path:
    """Return the log file of a service.

    Raises:
        ServiceError: There is none.
    """
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


def last_lines(path: Path, count: int) -> tuple[list[str], int]:
    """Return the last ``count`` lines, and the position behind them to ``follow`` from.

    No more of the file is read than that takes.
    """
    with path.open("rb") as file:
        position = end = file.seek(0, os.SEEK_END)
        data = b""
        while count > 0 and position > 0 and data.count(b"\n") <= count:
            step = min(_BLOCK, position)
            position -= step
            file.seek(position)
            data = file.read(step) + data
    lines = data.decode("utf-8", "replace").splitlines()
    return lines[max(0, len(lines) - count) :], end


def follow(path: Path, position: int, wait: Callable[[float], None] = time.sleep) -> Iterator[str]:
    """Yield what is in a log from ``position`` on, and what is added, until the caller has had enough.

    A log that was bounded meanwhile is read on from its new beginning.
    """
    while True:
        size = path.stat().st_size
        if size < position:
            position = 0
        if size > position:
            with path.open("rb") as file:
                file.seek(position)
                data = file.read()
            position += len(data)
            yield data.decode("utf-8", "replace")
        else:
            wait(_LOOK_SECONDS)
