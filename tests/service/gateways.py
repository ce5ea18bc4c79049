"""Helpers of tests that use a lab's gateway as any HTTP client would."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import httpx
import psutil
from eventually import eventually

from labkit import Lab


def client(lab: Lab) -> httpx.Client:
    """Return a client with the lab's credentials, which only /system needs."""
    state = lab.aio.state
    return httpx.Client(
        base_url=state.gateway_url, auth=(state.user, state.password), timeout=30, trust_env=False
    )


def deploy(http: httpx.Client, name: str, fprocess: str, **more: Any) -> None:
    """Deploy a function or update it; return when it takes calls."""
    body = {"service": name, "image": "functions/alpine:latest", "envProcess": fprocess, **more}
    answer = http.put("/system/functions", json=body)
    if answer.status_code == 404:
        answer = http.post("/system/functions", json=body)
    assert answer.status_code == 202, answer.text
    eventually(lambda: http.get(f"/system/function/{name}").json()["availableReplicas"] > 0)


def replicas(lab: Lab, name: str) -> list[psutil.Process]:
    """Return the watchdog processes of a function."""
    found = []
    for process in psutil.Process(lab.aio.state.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            if f"/{name}-" in process.cwd() and "labkit_services.watchdog" in process.cmdline():
                found.append(process)
    return found


def until(check: Callable[[], bool], within: float = 10.0) -> None:
    """Wait until ``check`` is true; fail after ``within`` seconds."""
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, f"not within {within:g} s"
        time.sleep(0.02)
