"""Asking a running supervisor."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from labkit.errors import error_from_json
from labkit.workspace import LabState
from labkit_services.contract.errors import LabTimeoutError

CHANGE_SECONDS = 90.0
"""Patience for a command that stops and starts services: a queue-worker lets running calls finish."""
_LIMIT = 16 * 1024 * 1024


async def ask(state: LabState, command: str, *, patience: float = 5.0, **arguments: Any) -> Any:
    """Send one command to the supervisor and return its answer.

    Raises:
        LabError: What the supervisor had against it.
        LabTimeoutError: No answer within ``patience`` seconds.
        ConnectionError: There is no such supervisor any more.
    """
    host, _, port = state.control.partition(":")
    request = {"token": state.control_token, "command": command, **arguments}
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(host, int(port), limit=_LIMIT)
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                line = await reader.readline()
            finally:
                writer.close()
    except TimeoutError:
        raise LabTimeoutError(
            f"the supervisor did not answer {command!r} in time",
            expected=f"an answer from process {state.pid} within {patience:g} s",
            seen="none",
            next_step="end it with: labkit down",
        ) from None
    if not line:
        raise ConnectionResetError("the supervisor hung up")
    answer = json.loads(line)
    if "error" in answer:
        raise error_from_json(answer["error"])
    return answer["ok"]
