"""Cost against data volume: after 1,000 and after a million calls."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median

from benchmarks import load, programs, stack
from benchmarks.baselines import BODY
from benchmarks.figures import Figures
from benchmarks.groups import Report
from benchmarks.stack import Stack
from labkit_services.contract.events import EventType, Row, encode_batch
from labkit_services.contract.headers import CALL_ID, DURATION_SECONDS, FUNCTION_NAME, FUNCTION_STATUS
from labkit_services.contract.names import event_subject

SMALL = 1_000
"""Calls in the queue and in the event log at the first measurement."""

_FLAT = 1.5
"""Ratios up to this one are noise."""
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
_BATCH = 100

_FINISHED_CALL: tuple[tuple[str, float, EventType, dict[str, object]], ...] = (
    ("gateway", 0.0, EventType.CALL_RECEIVED, {"mode": "async", "method": "POST"}),
    ("gateway", 0.3, EventType.CALL_QUEUED, {"queue": "faas-request", "seq": 1, "bytes": 5}),
    ("queue-worker", 0.5, EventType.DELIVERY_RECEIVED, {"seq": 1}),
    ("queue-worker", 0.6, EventType.INVOCATION_STARTED, {}),
    ("gateway", 0.8, EventType.CALL_RECEIVED, {"mode": "sync", "method": "POST"}),
    ("gateway", 0.9, EventType.CALL_FORWARDED, {"replica": "cat-4711"}),
    ("watchdog", 1.2, EventType.PROCESS_STARTED, {"pid": 4712}),
    ("watchdog", 2.2, EventType.PROCESS_EXITED, {"pid": 4712, "code": 0}),
    ("gateway", 2.4, EventType.CALL_ANSWERED, {"status": 200, "bytes": 5}),
    ("queue-worker", 2.6, EventType.INVOCATION_FINISHED, {"status": 200, "bytes": 5}),
    ("queue-worker", 2.7, EventType.DELIVERY_ACKED, {}),
)
"""The events of one call: service, milliseconds after the call, type, data."""


@dataclass(frozen=True)
class Growth:
    """One cost at two volumes.

    ``small`` is after 1,000 calls, ``large`` after the requested number; None
    if it failed.
    """

    what: str
    small: float | None
    large: float | None

    @property
    def ratio(self) -> float | None:
        """The large cost as a multiple of the small one."""
        return self.large / self.small if self.small and self.large is not None else None

    @property
    def verdict(self) -> str:
        """Whether it grows; "" for the volume itself, which is no cost."""
        if self.what.startswith(("calls", "event log")):
            return ""
        if self.ratio is None:
            return "FAILED" if self.large is None else ""
        return "flat" if self.ratio <= _FLAT else "GROWS"


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
    return [Growth(what, small.get(what), large.get(what)) for what in dict.fromkeys([*small, *large])]


async def _costs(lab: Stack, report: Report) -> dict[str, float]:
    """Return all costs as they are now, by what they are."""
    report("measuring")
    seen: dict[str, float] = {}
    # Memory first: the other measurements use some.
    for service in (await lab.lab.status()).services:
        seen[f"memory of {service.name}, MB"] = programs.memory_of([service.pid])["megabytes"]
    seen["memory of the supervisor, MB"] = programs.memory_of([lab.supervisor])["megabytes"]
    seen["calls on the queue"] = await lab.queued()
    seen["event log on disk, MB"] = await lab.event_bytes() / 1e6
    workspace = str(lab.lab.workspace.root)
    notebook = await programs.run_module("benchmarks.learner", "record", workspace, timeout=_READ_SECONDS)
    if "error" in notebook:
        report(f"lab.calls() failed: {notebook['error']}")
    for key, what in (
        ("calls", "calls that lab.calls() returns"),
        ("first_ms", "first lab.calls() of a notebook, ms"),
        ("again_ms", "lab.calls() again, ms"),
        ("megabytes", "memory of that notebook, MB"),
    ):
        if key in notebook:
            seen[what] = notebook[key]

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
    seen["publishing a batch of events, ms"] = await _median_ms(lambda: _publish_batch(lab))
    seen["inspector: list of bins, ms"] = await _median_ms(lambda: _inspect(lab, "/bins"))
    listing = f"/bins/{_BIN}/requests?limit=100"
    seen["inspector: 100 requests of a bin, ms"] = await _median_ms(lambda: _inspect(lab, listing))
    begin = time.perf_counter()
    await lab.lab.restart("nats-server")
    seen["restart of nats-server, ms"] = (time.perf_counter() - begin) * 1e3
    await lab.wait_restored()
    return seen


async def _publish_batch(lab: Stack) -> None:
    rows = [[time.time_ns(), str(EventType.CALL_RECEIVED), "probe", "cat", 1, {}] for _ in range(50)]
    await lab.publisher.publish(event_subject("gateway"), encode_batch("gateway", "probe", rows), {})


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
    await _fill_event_log(lab, calls)
    captures = min(calls, _CAPTURES)
    report(f"{captures:,} requests in the inspector")
    await _fill_inspector(lab, captures)
    report("settling")
    await lab.wait_known(await lab.accept("endless"), _CATCH_UP_SECONDS)
    await asyncio.sleep(_SETTLE_SECONDS)


async def _fill_event_log(lab: Stack, calls: int) -> None:
    """Publish events of finished calls, in batches as the services do."""
    numbers = iter(range(0, calls, _BATCH))

    async def one() -> bool:
        first = next(numbers, None)
        if first is None:
            return False
        ids = [f"filled-{time.time_ns():x}-{first + n}" for n in range(min(_BATCH, calls - first))]
        for service, rows in finished_calls(ids, time.time_ns()).items():
            batch = encode_batch(service, f"{service}-1", rows)
            await lab.publisher.publish(event_subject(service), batch, {})
        return True

    await _in_lanes(one, 8)


def finished_calls(ids: list[str], now: int) -> dict[str, list[Row]]:
    """Return the events of async calls that are done, by service."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for call_id in ids:
        for service, after_ms, type_, data in _FINISHED_CALL:
            rows[service].append([now + int(after_ms * 1e6), str(type_), call_id, "cat", 1, data])
    return rows


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

    await _in_lanes(one, 64)


async def _in_lanes(one: Callable[[], Awaitable[bool]], lanes: int) -> None:
    """Repeat something in parallel until it returns False."""

    async def lane() -> None:
        while await one():
            pass

    async with asyncio.TaskGroup() as group:
        for number in range(lanes):
            group.create_task(lane(), name=f"lane {number}")


# -- as text


def table(rows: list[Growth], count: int) -> str:
    """Return the comparison as text."""
    lines = [("", f"after {SMALL:,}", f"after {count:,}", "ratio", "")]
    for row in rows:
        ratio = f"{row.ratio:.2f} x" if row.ratio is not None else ""
        lines.append((row.what, _format(row.small), _format(row.large), ratio, row.verdict))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([what.ljust(widths[0]), *map(str.rjust, figures, widths[1:]), verdict]).rstrip()
        for what, *figures, verdict in lines
    )


def _format(value: float | None) -> str:
    if value is None:
        return "failed"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
