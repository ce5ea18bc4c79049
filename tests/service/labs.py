"""Start labs in tests, and use them as other programs would."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labkit import Lab
from labkit.lab.async_lab import AsyncLab
from labkit.lab.background_loop import background_loop
from labkit.lab.call import CallHandle
from labkit.supervisor.settings import Settings
from labkit.workspace import LabState
from labkit_services.call_record.log import CallState
from tests.eventually import eventually

STANDIN = Path(__file__).with_name("standin.py")


def start_lab(workspace: Path, **settings: Any) -> Lab:
    """Start a lab on any free ports, or attach to it; takes every setting."""
    chosen = {"gateway_port": 0, "inspector_port": 0, **settings}
    return Lab(background_loop().run(AsyncLab.start(Settings(workspace=str(workspace), **chosen)), 30))


def standin(name: str, manner: str) -> dict[str, list[str]]:
    """Return the setting that replaces a service by a stand-in."""
    return {name: [sys.executable, str(STANDIN), name, manner]}


def until_running(call: CallHandle, *, within: float = 20) -> None:
    """Wait until a queue-worker has the call run; fail with all that is known of it."""
    try:
        eventually(lambda: call.status().state is CallState.RUNNING, within=within)
    except AssertionError as error:
        events = "\n".join(map(str, call.status().events))
        raise AssertionError(f"{error}; {call.status()}\n{events}") from None


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def deploy(lab: Lab, name: str, process: str = "cat") -> None:
    """Deploy a function through the REST API."""
    body = {"service": name, "image": "alpine", "envProcess": process}
    _system(lab.gateway_url, lab.aio.state, "POST", json.dumps(body).encode())


def functions(lab: Lab) -> list[str]:
    """Return the names of the deployed functions."""
    answer = _system(lab.gateway_url, lab.aio.state, "GET")
    return sorted(function["name"] for function in json.loads(answer))


def call_async(lab: Lab, name: str) -> None:
    """Queue one asynchronous call."""
    request = urllib.request.Request(f"{lab.gateway_url}/async-function/{name}", data=b"", method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 202


def authorization(state: LabState) -> str:
    """Return the header value with the credentials of the lab's gateway."""
    return "Basic " + base64.b64encode(f"{state.user}:{state.password}".encode()).decode()


def _system(url: str, state: LabState, method: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(
        f"{url}/system/functions",
        data=body,
        method=method,
        headers={"Authorization": authorization(state), "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return bytes(answer.read())


OWNER = """
import sys, time
sys.path.insert(0, {here!r})
from labs import start_lab
lab = start_lab({workspace!r}, **{settings})
print(lab.aio.state.pid, flush=True)
time.sleep(60)
"""


def owner_code(workspace: Path, **settings: Any) -> str:
    """Return a program that starts or attaches to a lab, and waits."""
    return OWNER.format(here=str(STANDIN.parent), workspace=str(workspace), settings=repr(settings))


@contextmanager
def owner_process(workspace: Path, **settings: Any) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run ``owner_code``; yield the process and the supervisor's pid."""
    command = [sys.executable, "-c", owner_code(workspace, **settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None
            line = owner.stdout.readline()
            assert line.strip().isdecimal(), f"no lab: {line!r}"
            yield owner, int(line)
        finally:
            owner.kill()
