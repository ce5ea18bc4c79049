"""Where and with what the figures were measured."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks import load
from labkit.supervisor.nats_server import find_nats_server

_PACKAGES = ("httptools", "nats-py", "uvloop")
_LOOK_SECONDS = 5.0


def facts() -> dict[str, Any]:
    """Return machine, system and versions, for the record."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "nats_server": _first_line(find_nats_server(os.environ), "--version").rpartition("v")[2],
        "load_generator": _generator(),
        "commit": _first_line("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"),
        **{name.replace("-", "_"): version(name) for name in _PACKAGES},
    }


def load_average() -> float:
    """Return how many processes wanted a core in the last minute."""
    return round(os.getloadavg()[0], 1)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _generator() -> str:
    if load.generator() != "wrk":
        return load.generator()
    words = _first_line("wrk", "-v").split()
    return " ".join(words[:2])


def _first_line(*command: str) -> str:
    """Return the first line that a program prints, "" if it can't be run."""
    if shutil.which(command[0]) is None:
        return ""
    answer = subprocess.run(command, capture_output=True, text=True, timeout=_LOOK_SECONDS, check=False)
    return next(iter((answer.stdout or answer.stderr).splitlines()), "").strip()
