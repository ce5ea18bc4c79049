"""The first cell of a notebook, in a real kernel.

    python -m benchmarks.first_cell FOLDER

Starts a kernel, runs the cell as a frontend does, and prints as JSON the
milliseconds from the request to the kernel's idle message, also of a cell that
does nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from benchmarks.figures import BenchmarkError

_SECONDS = 30.0
_CELL = """
from labkit import Lab
lab = Lab.start(gateway_port=0, inspector_port=0)
lab.reset()
lab
"""


def measure(folder: str) -> dict[str, float]:
    """Run both cells in a new kernel, whose lab is in ``folder``."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=folder, env={**os.environ, "LABKIT_WORKSPACE": folder})
    try:
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=_SECONDS)
        figures = {"pass_ms": _run(client, "pass"), "ms": _run(client, _CELL)}
        _run(client, "lab.stop()")
        client.stop_channels()
        return figures
    finally:
        manager.shutdown_kernel(now=True)


def _run(client: BlockingKernelClient, code: str) -> float:
    begin = time.perf_counter()
    # It returns when the kernel is idle again, and has sent all outputs.
    reply = client.execute_interactive(code, timeout=_SECONDS, output_hook=lambda _: None)
    milliseconds = (time.perf_counter() - begin) * 1e3
    if reply["content"]["status"] != "ok":
        raise BenchmarkError("the cell failed", seen=str(reply["content"])[:500])
    return milliseconds


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
