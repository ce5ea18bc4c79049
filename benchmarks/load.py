"""Load from another process: wrk where it is installed, else a small one of our own."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks import programs
from benchmarks.failure import BenchmarkError
from benchmarks.statistic import Figures

_SCRIPT = Path(__file__).with_name("post.lua")
_OVERTIME_SECONDS = 20.0
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}


@dataclass(frozen=True)
class LoadReport:
    """What a load generator saw.

    Attributes:
        requests: How many were answered.
        per_second: The same, a second.
        ms: Median latency in milliseconds.
        p99_ms: 99 of 100 took no longer than this.
    """

    requests: int
    per_second: float
    ms: float
    p99_ms: float

    def figures(self) -> Figures:
        """Return it as one round's figures."""
        return {
            "requests": self.requests,
            "per_second": self.per_second,
            "ms": self.ms,
            "p99_ms": self.p99_ms,
        }


def generator() -> str:
    """Return the name of the load generator that is used."""
    return "wrk" if shutil.which("wrk") else "benchmarks.own_load"


async def post(url: str, *, connections: int, seconds: float) -> LoadReport:
    """POST ``hello`` over so many keep-alive connections, each with one call at a time.

    Raises:
        BenchmarkError: Not every answer was a 2xx or 3xx: a refusal is fast, too.
    """
    patience = seconds + _OVERTIME_SECONDS
    # wrk counts whole seconds: a shorter look is for our own.
    if seconds >= 1 and (program := shutil.which("wrk")):
        arguments = ["-t1", f"-c{connections}", f"-d{round(seconds)}s", "--latency", "-s", str(_SCRIPT), url]
        return parse_wrk(await programs.run(program, *arguments, patience=patience))
    figures = await programs.run_module(
        "benchmarks.own_load", url, str(connections), str(seconds), patience=patience
    )
    return LoadReport(**figures)


def parse_wrk(text: str) -> LoadReport:
    """Read what ``wrk --latency`` prints.

    Raises:
        BenchmarkError: It reports errors, or is not such a report.
    """
    for complaint in (r"Non-2xx or 3xx responses: \d+", r"Socket errors: .*"):
        if found := re.search(complaint, text):
            raise BenchmarkError("not every call was answered well", expected="2xx only", seen=found[0])
    latencies = {share: _milliseconds(value, unit) for share, value, unit in _LATENCY.findall(text)}
    requests = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if not requests or not rate or "50" not in latencies or "99" not in latencies or not int(requests[1]):
        raise BenchmarkError("this is no report of wrk --latency", seen=text[-400:].strip())
    return LoadReport(int(requests[1]), float(rate[1]), latencies["50"], latencies["99"])


_LATENCY = re.compile(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s|m)\s*$", re.MULTILINE)


def _milliseconds(value: str, unit: str) -> float:
    return float(value) * _UNITS[unit]
