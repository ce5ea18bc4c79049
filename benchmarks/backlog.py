"""A long queue: accepting it, its memory and disk, and the time to drain."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import load, programs, stack
from benchmarks.drain_model import DrainModel
from benchmarks.stack import Stack
from labkit.service_names import NATS_SERVER, QUEUE_WORKER

WORKERS = (1, 2, 4, 16)
MAX_INFLIGHT = 10
SLEEP_SECONDS = 0.1
_CONNECTIONS = 32
_ROUND_SECONDS = 5.0
_FIRST_ROUND_SECONDS = 1.0
_DRAIN_SECONDS = 12.0
"""How long each number of workers drains, most of the queue remains."""
FEWEST = 30_000
"""So that the queue is never empty while its drain is measured."""
_SHORT_QUEUE = 1000
"""Calls for each worker, drained to the end."""
_SHORT_QUEUE_MOST = 10_000
_SETTLE_SECONDS = 12.0
"""nats-server keeps what it has just written in memory for ten seconds."""
_SHORT_SECONDS = 300.0
_PAUSE_SECONDS = 0.05
_FUNCTION = "sleeper"


@dataclass(frozen=True)
class Backlog:
    """A queue that was filled through the gateway.

    Attributes:
        calls: Calls on the queue, each acknowledged.
        accepted_per_second: By 32 connections, over the whole filling.
        last_per_second: The same for the last seconds of it.
        empty_mb: PSS of nats-server before the first call, in MB.
        nats_mb: The same when the queue was full.
        disk_mb: Files of JetStream, the queue and the events of the calls.
        queue_mb: The part of the queue, as JetStream counts it.
    """

    calls: int
    accepted_per_second: float
    last_per_second: float
    empty_mb: float
    nats_mb: float
    disk_mb: float
    queue_mb: float


@dataclass(frozen=True)
class Drain:
    """How fast some workers drained the queue.

    Attributes:
        workers: Number of queue-workers.
        per_second: Measured.
        cpu: Measured: seconds of a core per call.
        others: Measured: cores that all other programs used meanwhile.
        simulated: Calls per second of the simulation.
        whole_hours: Simulated: hours for the whole queue.
        short_calls: A shorter queue, drained to its end.
        short_seconds: Measured: from its first call to an empty queue.
        short_simulated: Simulated: the same.
        short_others: Measured: cores of other programs meanwhile.
    """

    workers: int
    per_second: float
    cpu: float
    others: float
    simulated: float = 0.0
    whole_hours: float = 0.0
    short_calls: int = 0
    short_seconds: float = 0.0
    short_simulated: float = 0.0
    short_others: float = 0.0


async def measure(count: int, progress: Callable[[str], None]) -> tuple[Backlog, list[Drain]]:
    """Fill the queue of a new lab with ``count`` calls or more; drain some.

    One worker gives the simulation its two numbers; all others are predicted.

    Raises:
        LabError: The lab did not start, or a figure could not be measured.
    """
    async with stack.running(max_inflight=MAX_INFLIGHT) as lab:
        await lab.deploy(_FUNCTION, f"sleep {SLEEP_SECONDS}")
        await lab.call(lab.url(_FUNCTION))
        async with lab.lab.service(QUEUE_WORKER).stopped():
            backlog = await _fill(lab, count, progress)
        drains = []
        for workers in WORKERS:
            progress(f"{workers} workers drain")
            drains.append(await _drain(lab, workers))
        await lab.purge()
        for number, workers in enumerate(WORKERS):
            progress(f"{workers} workers drain a short queue to its end")
            drains[number] = await _drain_whole(lab, drains[number])
    return backlog, simulated(drains, backlog.calls, os.cpu_count() or 1)


async def _fill(lab: Stack, count: int, progress: Callable[[str], None]) -> Backlog:
    url = lab.url(_FUNCTION, asynchronous=True)
    empty = await _nats_megabytes(lab)
    queued, seconds, last = 0, 0.0, 0.0
    while queued < count:
        # The last rounds are as long as it takes to reach the number.
        left = (count - queued) / last if last else _FIRST_ROUND_SECONDS
        length = min(_ROUND_SECONDS, max(_FIRST_ROUND_SECONDS, left))
        begin = time.perf_counter()
        figures = await load.post(url, _CONNECTIONS, length)
        # wrk ends with requests in flight: what counts is in the queue.
        last, seconds = figures["per_second"], seconds + time.perf_counter() - begin
        queued = await lab.queued()
        progress(f"{queued:,} calls queued, {last:,.0f}/s")
    await asyncio.sleep(_SETTLE_SECONDS)
    return Backlog(
        calls=queued,
        accepted_per_second=queued / seconds,
        last_per_second=last,
        empty_mb=empty,
        nats_mb=await _nats_megabytes(lab),
        disk_mb=disk_megabytes(lab.lab.workspace.jetstream),
        queue_mb=await lab.queue_bytes() / 1e6,
    )


async def _nats_megabytes(lab: Stack) -> float:
    pid = (await lab.lab.status()).service(NATS_SERVER).pid
    return programs.memory_of([pid])["megabytes"]


def disk_megabytes(folder: Path) -> float:
    """Return what the files of a folder take on the disk, in MB."""
    files = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
    return sum(path.stat().st_blocks * 512 for path in files) / 1e6


async def _drain(lab: Stack, workers: int) -> Drain:
    await lab.lab.scale_workers(workers)
    await asyncio.sleep(1.0)
    before, cpu_before, begin = await lab.queued(), await lab.total_cpu_seconds(), time.perf_counter()
    busy_before = programs.busy_seconds()
    await asyncio.sleep(_DRAIN_SECONDS)
    calls = before - await lab.queued()
    cpu, busy = await lab.total_cpu_seconds() - cpu_before, programs.busy_seconds() - busy_before
    seconds = time.perf_counter() - begin
    return Drain(workers, calls / seconds, cpu / max(1, calls), max(0.0, busy - cpu) / seconds)


async def _drain_whole(lab: Stack, drain: Drain) -> Drain:
    await lab.lab.scale_workers(drain.workers)
    await lab.wait_empty()
    calls = min(_SHORT_QUEUE_MOST, _SHORT_QUEUE * drain.workers)
    cpu, busy, begin = await lab.total_cpu_seconds(), programs.busy_seconds(), time.perf_counter()
    await lab.fill(calls, _FUNCTION)
    await lab.wait_empty(_SHORT_SECONDS, pause=_PAUSE_SECONDS)
    seconds = time.perf_counter() - begin
    others = programs.busy_seconds() - busy - (await lab.total_cpu_seconds() - cpu)
    return replace(drain, short_calls=calls, short_seconds=seconds, short_others=max(0.0, others) / seconds)


def simulated(drains: Sequence[Drain], calls: int, cores: int) -> list[Drain]:
    """Return the drains with what the model predicts from the first one.

    The lab has the cores that other programs left it at each measurement, and
    all of them for the whole queue.
    """
    first = drains[0]
    wait = first.workers * MAX_INFLIGHT / first.per_second - first.cpu
    model = DrainModel(first.cpu, wait, cores)

    def beside(others: float) -> DrainModel:
        return DrainModel(first.cpu * cores / max(0.1, cores - others), wait, cores)

    found = []
    for drain in drains:
        slots = drain.workers * MAX_INFLIGHT
        sample = max(slots, round(drain.per_second * _DRAIN_SECONDS))
        rate = sample / beside(drain.others).seconds(sample, slots)
        hours = model.seconds(calls, slots) / 3600
        short = beside(drain.short_others).seconds(drain.short_calls, slots)
        found.append(replace(drain, simulated=rate, whole_hours=hours, short_simulated=short))
    return found


def table(backlog: Backlog, drains: Sequence[Drain]) -> str:
    """Return the figures as Markdown."""
    per_call = (backlog.nats_mb - backlog.empty_mb) * 1e6 / backlog.calls
    lines = [
        f"| {backlog.calls:,} queued calls | |",
        "|---|--:|",
        f"| accepted per second, {_CONNECTIONS} connections; at the end | "
        f"{backlog.accepted_per_second:,.0f}; {backlog.last_per_second:,.0f} |",
        f"| memory of nats-server (PSS), empty; full | {backlog.empty_mb:.0f} MB; {backlog.nats_mb:.0f} MB |",
        f"| that is, per call | {per_call:.0f} bytes |",
        f"| the queue, as JetStream counts it; per call | {backlog.queue_mb:.0f} MB; "
        f"{backlog.queue_mb * 1e6 / backlog.calls:.0f} bytes |",
        f"| files of JetStream, with the events | {backlog.disk_mb:.0f} MB |",
        "",
        f"`sleep {SLEEP_SECONDS}`, `max_inflight={MAX_INFLIGHT}`:",
        "",
        "| queue-workers | measured, calls/s | simulated | CPU per call | other programs' cores "
        "| the whole queue, simulated |",
        "|--:|--:|--:|--:|--:|--:|",
        *map(_row, drains),
        "",
        "Shorter queues, to their end:",
        "",
        "| queue-workers | calls | measured | simulated | other programs' cores |",
        "|--:|--:|--:|--:|--:|",
        *map(_short_row, drains),
    ]
    return "\n".join(lines)


def _row(drain: Drain) -> str:
    return (
        f"| {drain.workers} | {drain.per_second:.0f} | {drain.simulated:.0f} | {drain.cpu * 1e3:.2f} ms | "
        f"{drain.others:.1f} | {_duration(drain.whole_hours)} |"
    )


def _short_row(drain: Drain) -> str:
    return (
        f"| {drain.workers} | {drain.short_calls:,} | {drain.short_seconds:.1f} s | "
        f"{drain.short_simulated:.1f} s | {drain.short_others:.1f} |"
    )


def _duration(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.1f} min"
