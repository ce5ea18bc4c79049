"""Asynchronous calls in tests, through the gateway's REST API."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from eventually import eventually
from gateways import deploy

_names = itertools.count(1)

QUICK = {"com.openfaas.retry.attempts": "3", "com.openfaas.retry.min_wait": "50ms"}
"""Retries short enough for a test."""


def script(folder: Path, text: str) -> str:
    """Return a command that runs ``text``; an ``fprocess`` has no quotes."""
    path = folder / f"script-{next(_names)}.sh"
    path.write_text(text)
    return f"sh {path}"


def new_function(
    http: httpx.Client, fprocess: str, annotations: Mapping[str, str] = QUICK, **more: Any
) -> str:
    """Deploy a function under a unique name; return the name."""
    name = f"fn-{next(_names)}"
    deploy(http, name, fprocess, annotations=dict(annotations), **more)
    return name


def accept(http: httpx.Client, function: str, body: str = "", **headers: str) -> str:
    """Queue a call; return its id."""
    answer = http.post(
        f"/async-function/{function}",
        content=body,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    assert answer.status_code == 202, answer.text
    return answer.headers["X-Call-Id"]


def status(http: httpx.Client, call_id: str, wait: float = 0) -> dict[str, Any]:
    """Return the status of a call; wait up to ``wait`` seconds for its end."""
    answer = http.get(f"/async-function/{call_id}", params={"wait": wait} if wait else {})
    assert answer.status_code == 200, answer.text
    call: dict[str, Any] = answer.json()
    return call


def settled(http: httpx.Client, call_id: str, within: float = 15) -> dict[str, Any]:
    """Wait for the end of a call; return its status."""
    call = status(http, call_id, within)
    assert call["settled"], call
    return call


def until_state(http: httpx.Client, call_id: str, state: str) -> None:
    eventually(lambda: status(http, call_id)["state"] == state)


def letters(http: httpx.Client, call_id: str, queue: str = "faas-request") -> list[dict[str, Any]]:
    """Return the dead letters of one call."""
    answer = http.get(f"/system/queues/{queue}/dead-letters/{call_id}")
    found: list[dict[str, Any]] = answer.json() if answer.status_code == 200 else []
    return found
