"""A notebook that looks at the record: ``python -m benchmarks.reader FOLDER``.

Attaches to the lab of a folder and asks for its calls, once from nothing and
once more; prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import psutil

from labkit import Lab
from labkit_services.contract.errors import LabError


def look(folder: str) -> dict[str, Any]:
    """Return how long it took, and what it cost this process."""
    lab = Lab.attach(folder)
    begin = time.perf_counter()
    try:
        calls = lab.calls()
    except LabError as error:
        return {"error": f"{error.headline}; expected: {error.expected}"}
    first = time.perf_counter() - begin
    begin = time.perf_counter()
    lab.calls()
    again = time.perf_counter() - begin
    return {
        "first_ms": first * 1e3,
        "again_ms": again * 1e3,
        "calls": len(calls),
        "megabytes": psutil.Process().memory_full_info().uss / 1e6,
    }


if __name__ == "__main__":
    print(json.dumps(look(sys.argv[1])))
