"""A learner's JupyterLab and kernel, in which a notebook has run.

    python -m benchmarks.jupyter_learner

Prints their memory and the time until the notebook has its first result, as
JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
from jupyter_client.blocking.client import BlockingKernelClient

from benchmarks.figures import BenchmarkError
from benchmarks.programs import memory_of, scratch_folder

T = TypeVar("T")

_SECONDS = 60.0
_TOKEN = "learner"
_CELLS = """
from labkit import Lab
lab = Lab.start(gateway_port=0, inspector_port=0)
lab.deploy("long-task", fprocess="sleep 0.1")
run = lab.measure("long-task", calls=5, mode="async", wait=True, progress=False)
figure = lab.plot(run)
"""


def measure(folder: Path) -> dict[str, float]:
    """Run JupyterLab, a kernel in it, and the cells in that."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
    options = [f"--IdentityProvider.token={_TOKEN}", f"--ServerApp.root_dir={folder}"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen([*command, *options], cwd=folder, stdout=log, stderr=log)
    try:
        address = json.loads(_wait(lambda: _content(folder, "jpserver-*.json")))["url"]
        served = time.perf_counter() - begin
        kernel = _start_kernel(address)
        client = BlockingKernelClient(connection_file=_connection_file(folder, kernel))
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=_SECONDS)
        reply = client.execute_interactive(_CELLS, timeout=_SECONDS, output_hook=lambda _: None)
        client.stop_channels()
        if reply["content"]["status"] != "ok":
            raise BenchmarkError("the notebook failed", seen=str(reply["content"])[:500])
        done = time.perf_counter() - begin
        jupyter = [server.pid, *(kernel.pid for kernel in psutil.Process(server.pid).children())]
        return {
            "server_seconds": served,
            "result_seconds": done,
            "cpu_seconds": sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in jupyter),
            "megabytes": memory_of(jupyter)["megabytes"],
        }
    finally:
        server.terminate()
        server.wait(_SECONDS)


def _start_kernel(address: str) -> str:
    headers = {"Authorization": f"token {_TOKEN}"}
    response = httpx.post(f"{address}api/kernels", headers=headers, timeout=_SECONDS, trust_env=False)
    response.raise_for_status()
    return str(response.json()["id"])


def _connection_file(folder: Path, kernel: str) -> str:
    return _wait(lambda: next(map(str, folder.glob(f"kernel-{kernel}.json")), ""))


def _content(folder: Path, pattern: str) -> str:
    return next((path.read_text() for path in folder.glob(pattern)), "")


def _wait(check: Callable[[], T]) -> T:
    deadline = time.monotonic() + _SECONDS
    while not (found := check()):
        if time.monotonic() > deadline:
            raise BenchmarkError(expected=f"JupyterLab within {_SECONDS:g} s")
        time.sleep(0.05)
    return found


def main() -> None:
    """Measure in a scratch folder."""
    with scratch_folder() as folder:
        os.environ["JUPYTER_RUNTIME_DIR"] = folder
        os.environ["LABKIT_WORKSPACE"] = folder
        print(json.dumps(measure(Path(folder))))


if __name__ == "__main__":
    main()
