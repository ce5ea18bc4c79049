"""How many seconds the cells of each notebook take, measured; kept in ``timings.json``."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Sequence
from typing import Any

from tools.course.build import Course
from tools.course.guide import TIMINGS
from tools.course.runs import run


def measure(course: Course, notebooks: Sequence[str] = ()) -> None:
    """Run the solved notebooks one after the other, and keep their seconds and the machine's data."""
    known: dict[str, Any] = json.loads(TIMINGS.read_text(encoding="utf-8")) if TIMINGS.exists() else {}
    seconds = dict(known.get("seconds", {}))
    for number in notebooks or [path.stem[:2] for path in course.sources()]:
        seconds[number] = round(run(course.english(number)), 1)
        print(f"{number}: {seconds[number]} s", flush=True)
        document = {**_machine(), "seconds": dict(sorted(seconds.items()))}
        TIMINGS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _machine() -> dict[str, Any]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"date": time.strftime("%Y-%m-%d"), "cores": cores, "python": platform.python_version()}
