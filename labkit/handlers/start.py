"""Whether a deployed function starts, read from its log."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Sequence

from labkit.clients.gateway import GatewayClient
from labkit.handlers.errors import HandlerStartError
from labkit.handlers.spec import HandlerSpec
from labkit_services.contract.times import rfc3339

_SECONDS = 30.0
_POLL_SECONDS = 0.02
_STAMP = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ")
_READY = "Writing lock-file to:"
_ENDED = "Forked function has terminated"
_FRAME = re.compile(r'(\s*)File "[^"]*/function/handler\.py", line (\d+)(.*)')
_LOG_LINES = 8


async def wait_until_started(gateway: GatewayClient, spec: HandlerSpec, since_ns: int) -> None:
    """Wait for a replica that was started after a time, and takes calls.

    Raises:
        HandlerStartError: It ended, or was not ready within half a minute.
    """
    deadline = time.monotonic() + _SECONDS
    while True:
        lines = await _log_since(gateway, spec.name, since_ns)
        newest = max(
            (index for index, (_, text) in enumerate(lines) if text.startswith("Forking:")), default=None
        )
        if newest is not None:
            instance = lines[newest][0]
            own = [text for of, text in lines if of == instance]
            if any(text.startswith(_READY) for text in own):
                return
            if any(text.startswith(_ENDED) for text in own):
                raise _start_error(spec, own)
        elif await _wants_none(gateway, spec.name):
            return
        if time.monotonic() > deadline:
            raise HandlerStartError(
                f"{spec.name} is not ready after {_SECONDS:g} s",
                expected="a process that listens; what takes long at import delays it",
                log=[text for _, text in lines[-_LOG_LINES:]],
                next_step=f"look at its log: lab.logs({spec.name!r})",
            )
        await asyncio.sleep(_POLL_SECONDS)


async def _log_since(gateway: GatewayClient, name: str, since_ns: int) -> list[tuple[str, str]]:
    """Return instance and text of each line, without the time."""
    response = await gateway.request("GET", "/system/logs", params={"name": name, "since": rfc3339(since_ns)})
    if response.status_code != 200:
        return []
    messages = [json.loads(line) for line in response.text.split("\n") if line]
    return [(str(message["instance"]), _STAMP.sub("", message["text"], count=1)) for message in messages]


async def _wants_none(gateway: GatewayClient, name: str) -> bool:
    """Tell whether the function is scaled to zero: it starts when called."""
    response = await gateway.request("GET", f"/system/function/{name}")
    return response.status_code == 200 and response.json().get("replicas") == 0


def _start_error(spec: HandlerSpec, log: Sequence[str]) -> HandlerStartError:
    """Return the error of a process that ended, from its traceback."""
    lines = [text.removeprefix("stderr: ") for text in log if text.startswith("stderr: ")]
    frames = [index for index, line in enumerate(lines) if _FRAME.match(line)]
    last = lines[-1] if lines else ""
    if not frames:
        return HandlerStartError(
            f"{spec.name} ended before it took a call",
            expected="a process that listens",
            seen=last or "no output",
            log=[*log[-_LOG_LINES:]],
            next_step="mend the cell and run it again",
        )
    shown = [_as_cell_line(spec, line) for line in lines[frames[0] :]]
    match = _FRAME.match(lines[frames[-1]])
    assert match is not None
    line = int(match[2]) - spec.shift
    next_step = f"mend line {line} and run the cell again"
    if module := re.fullmatch(r"ModuleNotFoundError: No module named '([\w.]+)'", last):
        package = module[1].partition(".")[0]
        next_step = f"install it in the lab's Python with %pip install {package}, or leave it out"
    return HandlerStartError(
        f"{spec.name} does not start: line {line} raises {last.partition(':')[0]}",
        expected="code that can be imported",
        seen=last,
        log=shown[-_LOG_LINES:],
        next_step=next_step,
    )


def _as_cell_line(spec: HandlerSpec, line: str) -> str:
    if match := _FRAME.match(line):
        return f"{match[1]}line {int(match[2]) - spec.shift}{match[3]}"
    return line
