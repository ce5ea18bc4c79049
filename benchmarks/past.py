"""Cost that must not grow with the past: the same lab, measured young and after a million calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks import filling, load, processes, programs, stack
from benchmarks.run import Say
from benchmarks.stack import Stack
from labkit_services.contract.events import EventType, encode_batch
from labkit_services.contract.names import event_subject

YOUNG = 1_000
"""Calls in queue and record when the lab counts as young."""

_FLAT = 1.5
"""A ratio up to this one is noise."""
_ROUNDS = 3
_ASKS = 100
_SETTLE_SECONDS = 15.0
"""nats-server keeps what it has just written in memory for ten seconds."""
_READER_SECONDS = 120.0
_CATCH_UP_SECONDS = 300.0
"""For the inspector, which reads the whole record, to come to its end."""


_BOUNDS = {
    "memory of inspector": "10,000 calls, 64 MB of requests",
    "memory of that notebook": "10,000 calls",
    "lab.calls() again": "10,000 calls",
    "first lab.calls()": "16 MB of record, ten minutes of it",
}
"""What is meant to stop the growth, where something is."""


@dataclass(frozen=True)
class Grown:
    """One cost, young and old.

    Attributes:
        what: What is measured, with its unit.
        young: After a thousand calls; None if it failed.
        old: After as many as were asked for; None if it failed.
    """

    what: str
    young: float | None
    old: float | None

    @property
    def ratio(self) -> float | None:
        """How many times dearer it has become."""
        return self.old / self.young if self.young and self.old is not None else None

    @property
    def verdict(self) -> str:
        """Whether it grows."""
        if self.ratio is None:
            return "FAILED" if self.old is None else ""
        return "flat" if self.ratio <= _FLAT else "GROWS"


async def measure(count: int, say: Say) -> list[Grown]:
    """Measure a lab after a thousand calls, and again after ``count``.

    The past is put into JetStream and the inspector directly; the calls that
    are measured go through the gateway. The worker is held up by a first call
    that does not end, so the rest stays queued.

    Raises:
        LabError: The lab did not start, or something was not measured.
    """
    async with stack.running() as lab:
        await lab.deploy("cat", "cat")
        await lab.deploy("endless", "sleep 3600")
        await _age(lab, YOUNG, say)
        young = await _look(lab, say)
        await _age(lab, count - YOUNG, say)
        old = await _look(lab, say)
    return [Grown(what, young.get(what), old.get(what)) for what in dict.fromkeys([*young, *old])]


async def _age(lab: Stack, calls: int, say: Say) -> None:
    say(f"{calls:,} calls on the queue")
    await lab.fill(calls, "endless", of_the_past=True)
    say(f"{calls:,} calls in the record")
    await filling.fill_record(lab, calls)
    captures = min(calls, filling.CAPTURES)
    say(f"{captures:,} requests in the inspector")
    await filling.fill_inspector(lab, captures)
    say("settling")
    await lab.known(await lab.accept("endless"), _CATCH_UP_SECONDS)
    await asyncio.sleep(_SETTLE_SECONDS)


async def _look(lab: Stack, say: Say) -> dict[str, float]:
    """Return all costs as they are now, by what they are."""
    say("looking")
    seen: dict[str, float] = {}
    # Memory first: the other looks leave some behind.
    for service in (await lab.lab.status()).services:
        seen[f"memory of {service.name}, MB"] = processes.held_by([service.pid])["megabytes"]
    seen["memory of the supervisor, MB"] = processes.held_by([lab.supervisor])["megabytes"]
    seen["calls on the queue"] = await lab.queued()
    seen["record on disk, MB"] = await lab.recorded_bytes() / 1e6
    reader = await _read_record(lab)
    if "error" in reader:
        say(f"lab.calls() failed: {reader['error']}")
    for key, what in (
        ("calls", "calls that lab.calls() gives"),
        ("first_ms", "first lab.calls() of a notebook, ms"),
        ("again_ms", "lab.calls() again, ms"),
        ("megabytes", "memory of that notebook, MB"),
    ):
        if key in reader:
            seen[what] = reader[key]
    accepted, sync, many = [], [], []
    for _ in range(_ROUNDS):
        accepted.append((await _load(lab, "endless", 1, asynchronous=True)).ms)
        many.append(1e3 / (await _load(lab, "endless", 32, asynchronous=True)).per_second)
        sync.append((await _load(lab, "cat", 1)).ms)
    seen["accept, 1 connection, ms"] = median(accepted)
    seen["accept, 32 connections, ms a call"] = median(many)
    seen["sync cat, 1 connection, ms"] = median(sync)
    call_id = await lab.accept("endless")
    await lab.known(call_id, _CATCH_UP_SECONDS)
    seen["status of a call, ms"] = await _typical(lambda: lab.known(call_id))
    seen["publishing a batch of events, ms"] = await _typical(lambda: _publish_batch(lab))
    seen["inspector: list of bins, ms"] = await _typical(lambda: _inspect(lab, "/bins"))
    listing = f"/bins/{filling.BIN}/requests?limit=100"
    seen["inspector: 100 requests of a bin, ms"] = await _typical(lambda: _inspect(lab, listing))
    begin = time.perf_counter()
    await lab.lab.restart("nats-server")
    seen["restart of nats-server, ms"] = (time.perf_counter() - begin) * 1e3
    await lab.restored()
    return seen


async def _load(
    lab: Stack, function: str, connections: int, *, asynchronous: bool = False
) -> load.LoadReport:
    url = lab.url(function, asynchronous=asynchronous)
    return await load.post(url, connections=connections, seconds=1.0)


async def _read_record(lab: Stack) -> dict[str, Any]:
    return await programs.run_module(
        "benchmarks.reader", str(lab.lab.workspace.root), patience=_READER_SECONDS
    )


async def _publish_batch(lab: Stack) -> None:
    rows = [[time.time_ns(), str(EventType.CALL_RECEIVED), "probe", "cat", 1, {}] for _ in range(50)]
    await lab.publisher.publish(event_subject("gateway"), encode_batch("gateway", "probe", rows), {})


async def _inspect(lab: Stack, path: str) -> None:
    state = lab.lab.state
    headers = [("Authorization", f"Bearer {state.inspector_token}")]
    response = await lab.http.request("GET", f"{state.inspector_url}/api/v1{path}", headers)
    await response.read()
    assert response.status == 200, response.status


async def _typical(once: Callable[[], Awaitable[None]]) -> float:
    """Return the median of many times, in milliseconds."""
    times = []
    for _ in range(_ASKS):
        begin = time.perf_counter()
        await once()
        times.append((time.perf_counter() - begin) * 1e3)
    return median(times)


def table(rows: list[Grown], count: int) -> str:
    """Return the comparison as text."""
    lines = [("", f"after {YOUNG:,}", f"after {count:,}", "ratio", "")]
    for row in rows:
        ratio = f"{row.ratio:.2f} x" if row.ratio is not None else ""
        lines.append((row.what, _say(row.young), _say(row.old), ratio, _judge(row)))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    told = []
    for what, *figures, verdict in lines:
        numbers = (figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=True))
        told.append("  ".join([what.ljust(widths[0]), *numbers, verdict]).rstrip())
    return "\n".join(told)


def _judge(row: Grown) -> str:
    if row.what.startswith(("calls", "record")):
        return ""  # how long the past is, is not a cost
    bounds = (bound for what, bound in _BOUNDS.items() if row.what.startswith(what))
    bound = next(bounds, "") if row.verdict != "flat" else ""
    return f"{row.verdict}; bound: {bound}" if bound else row.verdict


def _say(value: float | None) -> str:
    if value is None:
        return "failed"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
