"""Run a real Jupyter server for a test, as on a Hub: below a prefix, with a token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eventually import eventually

TOKEN = "j0pyter-t0ken"


@dataclass(frozen=True)
class JupyterServer:
    """A running server; ``url`` ends with its base URL."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]


@contextmanager
def jupyter_server(
    root: Path, home: Path, *arguments: str, application: str = "jupyter_server", **variables: str
) -> Iterator[JupyterServer]:
    """Run a Jupyter server, or ``jupyterlab``, in ``root`` for a block."""
    log, runtime = home / "jupyter.log", home / "runtime"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    places = {"JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_CONFIG_DIR": str(home / "config")}
    environment = {**inherited, "HOME": str(home), "JUPYTER_TOKEN": TOKEN, **places, **variables}
    command = [sys.executable, "-m", application, "--no-browser", "--allow-root", "--ServerApp.port=0"]
    command += ["--ServerApp.base_url=/user/x/", f"--ServerApp.root_dir={root}", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        url = eventually(lambda: _url(runtime), log.read_text, within=60)
        eventually(lambda: _answers(url), log.read_text, within=60)
        yield JupyterServer(url, log, process)
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()


def _url(runtime: Path) -> str:
    for path in runtime.glob("jpserver-*.json"):
        try:
            return str(json.loads(path.read_text())["url"])
        except ValueError:
            break  # it is being written
    return ""


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}api", timeout=5):
            return True
    except OSError:
        return False
