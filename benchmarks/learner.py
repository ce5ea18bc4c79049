"""A learner's process: ``python -m benchmarks.learner cold|record FOLDER``.

``cold`` starts a lab, deploys, calls, and prints a JSON line with the times.
On a line of input it removes the function; it ends with its input.
``record`` attaches to a running lab and prints what reading its calls costs.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

imported = time.perf_counter()
from labkit import Lab, LabError  # noqa: E402 - the import is part of what is measured

begin = time.perf_counter()


def cold(folder: str) -> None:
    """Start, deploy, call; print the milliseconds to each."""

    def elapsed() -> float:
        return (time.perf_counter() - begin) * 1e3

    lab = Lab.start(folder, gateway_port=0, inspector_port=0, attach=False)
    ready = elapsed()
    lab.deploy("cat", fprocess="cat")
    deployed = elapsed()
    response = lab.invoke("cat", "hello")
    times = {"ms": elapsed(), "ready_ms": ready, "deployed_ms": deployed}
    assert response.body == b"hello", response
    print(json.dumps({**times, "import_ms": (begin - imported) * 1e3}), flush=True)
    if sys.stdin.readline():
        lab.remove("cat")
        print("{}", flush=True)
        sys.stdin.read()
    lab.stop()


def record(folder: str) -> dict[str, Any]:
    """Read the lab's calls twice; return times and memory."""
    import psutil

    lab = Lab.attach(folder)
    start, cpu = time.perf_counter(), time.process_time()
    try:
        calls = lab.calls()
        first, cpu = time.perf_counter() - start, time.process_time() - cpu
        lab.calls()
    except LabError as error:
        return {"error": str(error)}
    return {
        "first_ms": first * 1e3,
        "first_cpu_ms": cpu * 1e3,
        "again_ms": (time.perf_counter() - start - first) * 1e3,
        "calls": len(calls),
        "megabytes": psutil.Process().memory_full_info().uss / 1e6,
    }


if __name__ == "__main__":
    if sys.argv[1] == "cold":
        cold(sys.argv[2])
    else:
        print(json.dumps(record(sys.argv[2])))
