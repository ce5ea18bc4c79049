"""Use a lab's gateway in tests, as any HTTP client would."""

from __future__ import annotations

from typing import Any

import httpx
from eventually import eventually

from labkit import Lab


def client(lab: Lab) -> httpx.Client:
    """Return a client with the lab's credentials, which only /system needs."""
    state = lab.aio.state
    return httpx.Client(
        base_url=state.gateway_url, auth=(state.user, state.password), timeout=30, trust_env=False
    )


def deploy(http: httpx.Client, name: str, fprocess: str, **more: Any) -> None:
    """Deploy or update a function; wait until it accepts calls."""
    body = {"service": name, "image": "functions/alpine:latest", "envProcess": fprocess, **more}
    answer = http.put("/system/functions", json=body)
    if answer.status_code == 404:
        answer = http.post("/system/functions", json=body)
    assert answer.status_code == 202, answer.text
    eventually(lambda: http.get(f"/system/function/{name}").json()["availableReplicas"] > 0)
