"""HTTP load from another process: wrk where it is installed, else our own.

``python -m benchmarks.load URL CONNECTIONS SECONDS`` is our own: the services'
HTTP client, one request at a time on each connection. It costs more CPU than
wrk; the rows of the null HTTP server show how much.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile

from benchmarks import programs
from benchmarks.baselines import BODY, on_fast_loop, repeat
from benchmarks.figures import BenchmarkError, Figures
from labkit_services.http import HttpClient

_GRACE_SECONDS = 20.0
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}
_LATENCY = re.compile(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s|m)\s*$", re.MULTILINE)
_WRK_SCRIPT = f"""
wrk.method = "POST"
wrk.body = "{BODY.decode()}"
wrk.headers["Content-Type"] = "text/plain"
"""


def generator() -> str:
    """Return the name of the load generator in use."""
    return "wrk" if shutil.which("wrk") else "benchmarks.load"


async def post(url: str, connections: int, seconds: float) -> Figures:
    """POST ``hello`` on keep-alive connections, one call at a time on each.

    Returns:
        ``requests`` answered, ``per_second``, median and 99th percentile of the
        latency as ``ms`` and ``p99_ms``.

    Raises:
        BenchmarkError: Not every response was a 2xx or 3xx: refusals are fast.
    """
    timeout = seconds + _GRACE_SECONDS
    # wrk counts whole seconds: shorter rounds use our own.
    if seconds >= 1 and (wrk := shutil.which("wrk")):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(_WRK_SCRIPT)
            script.flush()
            flags = ("-t1", f"-c{connections}", f"-d{round(seconds)}s", "--latency", "-s", script.name)
            return parse_wrk(await programs.run(wrk, *flags, url, timeout=timeout))
    arguments = (url, str(connections), str(seconds))
    return await programs.run_module("benchmarks.load", *arguments, timeout=timeout)


def parse_wrk(text: str) -> Figures:
    """Parse the output of ``wrk --latency``.

    Raises:
        BenchmarkError: It reports errors, or is not such an output.
    """
    for problem in (r"Non-2xx or 3xx responses: \d+", r"Socket errors: .*"):
        if found := re.search(problem, text):
            raise BenchmarkError("some calls failed", expected="only 2xx", seen=found[0])
    latencies = {share: float(value) * _MILLISECONDS[unit] for share, value, unit in _LATENCY.findall(text)}
    requests = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if not requests or not rate or "50" not in latencies or "99" not in latencies or not int(requests[1]):
        raise BenchmarkError("not an output of wrk --latency", seen=text[-400:].strip())
    return {
        "requests": int(requests[1]),
        "per_second": float(rate[1]),
        "ms": latencies["50"],
        "p99_ms": latencies["99"],
    }


async def generate(url: str, connections: int, seconds: float) -> Figures:
    """Send load for ``seconds``."""
    client = HttpClient()

    async def once() -> None:
        response = await client.request("POST", url, [("Content-Type", "text/plain")], BODY)
        await response.read()
        if not 200 <= response.status < 300:
            raise BenchmarkError("some calls failed", expected="only 2xx", seen=f"status {response.status}")

    try:
        return await repeat(once, in_flight=connections, seconds=seconds)
    finally:
        client.close()


if __name__ == "__main__":
    print(json.dumps(on_fast_loop(generate(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
