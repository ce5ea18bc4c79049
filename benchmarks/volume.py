"""Cost against data volume: after 1,000 and after a million calls."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from statistics import median

from benchmarks import load, programs, stack
from benchmarks.baselines import BODY
from benchmarks.event_log import empty_log, fill_event_log, in_lanes, publishing_ms
from benchmarks.figures import Figures
from benchmarks.groups import Report
from benchmarks.growth import Bound, Growth
from benchmarks.stack import Stack
from labkit_services.contract.headers import CALL_ID, DURATION_SECONDS, FUNCTION_NAME, FUNCTION_STATUS

SMALL = 1_000
"""Calls in the queue and in the event log at the first measurement."""

_ROUNDS = 3
_REPEATS = 100
_SETTLE_SECONDS = 15.0
"""nats-server keeps what it has just written in memory for ten seconds."""
_READ_SECONDS = 120.0
_CATCH_UP_SECONDS = 300.0
"""For the inspector to read the whole event log."""
_CAPTURES = 100_000
"""More requests than the inspector keeps in all bins together."""
_BIN = "callbacks"
_BINS = 150
_BIN_LIMIT = 500
"""Requests that a bin keeps (``inspector.storage.bin_store``)."""

_NOTEBOOK = "first lab.calls() of a notebook, ms"
_PUBLISHING = "publishing a batch, over an empty log"
_OURS = ("gateway", "queue-worker", "inspector", "the supervisor", "the largest watchdog or fork server")
_BOUNDS = {
    **{f"memory of {name}, MB": Bound(most=60.0) for name in _OURS},
    _NOTEBOOK: Bound(most=500.0),
    _PUBLISHING: Bound(ratio=1.2),
}


async def measure(count: int, report: Report) -> list[Growth]:
    """Measure a lab after 1,000 calls, and again after ``count``.

    Volume goes into JetStream and the inspector directly; the measured calls
    go through the gateway. A first call that never ends occupies the worker,
    so that the rest stays queued.

    Raises:
        LabError: The lab did not start, or a figure could not be measured.
    """
    async with stack.running() as lab:
        await lab.deploy("cat", "cat")
        await lab.deploy("endless", "sleep 3600")
        await _add_volume(lab, SMALL, report)
        small = await _costs(lab, report)
        await _add_volume(lab, count - SMALL, report)
        large = await _costs(lab, report)
    whats = dict.fromkeys([*small, *large, *_BOUNDS])
    return [Growth(what, small.get(what), large.get(what), _BOUNDS.get(what)) for what in whats]


async def _costs(lab: Stack, report: Report) -> dict[str, float]:
    """Return all costs as they are now, by what they are."""
    report("measuring")
    seen: dict[str, float] = {}
    # Memory first: the other measurements use some. All calls are listed, so
    # that the inspector has derived them.
    await _inspect(lab, "/calls?limit=1")
    seen |= await _memory(lab)
    seen["calls on the queue"] = await lab.queued()
    seen["event log on disk, MB"] = await lab.event_bytes() / 1e6
    seen |= await _notebook(lab, report)
    # Before the calls: nats-server writes for seconds what they leave.
    async with empty_log() as empty:
        ms, empty_ms = await publishing_ms(lab.publisher, empty)
    seen["publishing a batch of events, ms"] = ms
    seen[_PUBLISHING] = ms / empty_ms

    async def one_second(function: str, connections: int, *, asynchronous: bool) -> Figures:
        return await load.post(lab.url(function, asynchronous=asynchronous), connections, 1.0)

    one, many, sync = [], [], []
    for _ in range(_ROUNDS):
        one.append((await one_second("endless", 1, asynchronous=True))["ms"])
        many.append(1e3 / (await one_second("endless", 32, asynchronous=True))["per_second"])
        sync.append((await one_second("cat", 1, asynchronous=False))["ms"])
    seen["accept, 1 connection, ms"] = median(one)
    seen["accept, 32 connections, ms per call"] = median(many)
    seen["sync cat, 1 connection, ms"] = median(sync)
    call_id = await lab.accept("endless")
    await lab.wait_known(call_id, _CATCH_UP_SECONDS)
    seen["status of a call, ms"] = await _median_ms(lambda: lab.wait_known(call_id))
    seen["inspector: list of bins, ms"] = await _median_ms(lambda: _inspect(lab, "/bins"))
    listing = f"/bins/{_BIN}/requests?limit=100"
    seen["inspector: 100 requests of a bin, ms"] = await _median_ms(lambda: _inspect(lab, listing))
    begin = time.perf_counter()
    await lab.lab.restart("nats-server")
    seen["restart of nats-server, ms"] = (time.perf_counter() - begin) * 1e3
    await lab.wait_restored()
    return seen


async def _memory(lab: Stack) -> dict[str, float]:
    """Return the memory of each process: what is shared is divided (PSS)."""
    services = {service.pid: service.name for service in (await lab.lab.status()).services}
    services[lab.supervisor] = "the supervisor"
    found = {
        f"memory of {name}, MB": programs.memory_of([pid])["megabytes"] for pid, name in services.items()
    }
    others = programs.lab_processes(lab.supervisor) - services.keys()
    largest = max(programs.memory_of([pid])["megabytes"] for pid in others)
    return {**found, "memory of the largest watchdog or fork server, MB": largest}


async def _notebook(lab: Stack, report: Report) -> dict[str, float]:
    """Return what reading the calls costs new processes: the median."""
    workspace = str(lab.lab.workspace.root)
    notebooks = []
    for _ in range(_ROUNDS):
        notebook = await programs.run_module("benchmarks.learner", "record", workspace, timeout=_READ_SECONDS)
        if "error" in notebook:
            report(f"lab.calls() failed: {notebook['error']}")
            return {}
        notebooks.append(notebook)
    whats = {
        "calls": "calls that lab.calls() returns",
        "first_ms": _NOTEBOOK,
        "again_ms": "lab.calls() again, ms",
        "megabytes": "memory of that notebook, MB",
    }
    return {what: median(notebook[key] for notebook in notebooks) for key, what in whats.items()}


async def _inspect(lab: Stack, path: str) -> None:
    state = lab.lab.state
    headers = [("Authorization", f"Bearer {state.inspector_token}")]
    await lab.request("GET", f"{state.inspector_url}/api/v1{path}", headers)


async def _median_ms(once: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        await once()
        times.append((time.perf_counter() - begin) * 1e3)
    return median(times)


# -- volume


async def _add_volume(lab: Stack, calls: int, report: Report) -> None:
    report(f"{calls:,} calls on the queue")
    await lab.fill(calls, "endless", deduplicated=False)
    report(f"{calls:,} calls in the event log")
    await fill_event_log(lab, calls)
    captures = min(calls, _CAPTURES)
    report(f"{captures:,} requests in the inspector")
    await _fill_inspector(lab, captures)
    report("settling")
    await lab.wait_known(await lab.accept("endless"), _CATCH_UP_SECONDS)
    await asyncio.sleep(_SETTLE_SECONDS)


async def _fill_inspector(lab: Stack, captures: int) -> None:
    """Send callbacks to all bins in turn, and then fill one of them."""
    numbers = itertools.count()

    async def one() -> bool:
        number = next(numbers)
        if number >= captures:
            return False
        name = _BIN if number >= captures - _BIN_LIMIT else f"{_BIN}-{number % _BINS}"
        headers = [
            ("Content-Type", "text/plain"),
            (CALL_ID, f"filled-{number}"),
            (FUNCTION_NAME, "cat"),
            (FUNCTION_STATUS, "200"),
            (DURATION_SECONDS, "0.001"),
        ]
        await lab.request("POST", f"{lab.lab.state.inspector_url}/r/{name}", headers, BODY)
        return True

    await in_lanes(one, 64)
