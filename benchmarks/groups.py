"""Groups of probes that take turns on one lab: a path, its baselines, repeat.

A group is an async context manager: it starts what it needs, yields its probes
by name, and stops everything. The probes run in order, round by round, so that
a path and its baseline run under the same conditions.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from benchmarks import load, programs, stack
from benchmarks.figures import CPU, Figures
from benchmarks.rows import Row
from benchmarks.stack import Stack
from labkit.views.faults import FaultKind
from labkit.workspace import Workspace

Probe = Callable[[], Awaitable[Figures]]
Probes = Mapping[str, Probe]
Results = dict[str, list[Figures]]
"""The figures of every round, by ``group/probe``."""
Report = Callable[[str], None]
"""Shows progress."""

_SLEEP = ["sleep", "1"]
_SLEEPS = 10
_CELL_SECONDS = 60.0
_SETTLE_SECONDS = 0.5
"""Time from a process's start to the reading of its memory."""


@dataclass(frozen=True)
class Pace:
    """How often every probe runs, and the seconds that a rate is measured."""

    rounds: int = 5
    seconds: float = 2.0

    @property
    def short_seconds(self) -> float:
        """The same for a baseline, which warms up sooner."""
        return self.seconds / 2


Group = Callable[[Pace], AbstractAsyncContextManager[Probes]]


@asynccontextmanager
async def forking(pace: Pace) -> AsyncIterator[Probes]:
    """One process per call: alone, behind a watchdog, behind the gateway."""
    async with AsyncExitStack() as opened:
        lab = await opened.enter_async_context(stack.running())
        await lab.deploy("cat", "cat")
        watchdog = await opened.enter_async_context(
            programs.serving("labkit_services.watchdog", fprocess="cat", healthcheck_interval="0")
        )
        yield {
            f"{name}-{connections}": probe
            for connections in (1, 32)
            for name, probe in (
                ("spawn", _spawn(["cat"], connections, seconds=pace.short_seconds)),
                ("watchdog", partial(load.post, watchdog, connections, pace.seconds)),
                (
                    "sync",
                    _with_cpu(lab, partial(load.post, lab.url("cat"), connections, pace.seconds)),
                ),
            )
        }


@asynccontextmanager
async def sleeping(_pace: Pace) -> AsyncIterator[Probes]:
    """Ten times ``sleep 1``: in sequence, and all at the same time."""
    async with stack.running() as lab:
        await lab.deploy("long-task", "sleep 1")
        await lab.set_max_inflight(_SLEEPS)
        baseline: asyncio.Task[Figures] | None = None
        in_sequence = _spawn(_SLEEP, 1, calls=_SLEEPS)

        async def bare() -> Figures:
            await asyncio.sleep(0.5)  # not at the same moments as the path
            return await in_sequence()

        async def sequence() -> Figures:
            # The baseline runs at the same time: both sleep, and another ten
            # seconds per round would measure nothing better.
            nonlocal baseline
            baseline = asyncio.get_running_loop().create_task(bare(), name="bare sequence")
            begin = time.perf_counter()
            for _ in range(_SLEEPS):
                await lab.call(lab.url("long-task"))
            return {"seconds": time.perf_counter() - begin}

        async def bare_sequence() -> Figures:
            assert baseline is not None
            return await baseline

        async def together() -> Figures:
            begin = time.perf_counter()
            for _ in range(_SLEEPS):
                await lab.call(lab.url("long-task", asynchronous=True), expect=202)
            accepted = time.perf_counter() - begin
            await lab.wait_empty()
            return {"seconds": time.perf_counter() - begin, "accepted_seconds": accepted}

        yield {
            "sequence": sequence,
            "bare-sequence": bare_sequence,
            "together": together,
            "bare-together": _spawn(_SLEEP, _SLEEPS, calls=_SLEEPS),
        }


@asynccontextmanager
async def accepting(pace: Pace) -> AsyncIterator[Probes]:
    """202: a request that JetStream has acknowledged; no worker runs."""
    async with stack.running() as lab, programs.serving("benchmarks.baselines", "http") as null:
        await lab.lab.supervisor.begin_fault(FaultKind.STOP, "queue-worker")
        yield {
            f"{name}-{in_flight}": probe
            for in_flight in (1, 32)
            for name, probe in (
                ("http", partial(load.post, null, in_flight, pace.seconds)),
                ("publish", partial(_publish, lab, "nats-py", in_flight, pace.short_seconds)),
                ("publisher", partial(_publish, lab, "publisher", in_flight, pace.short_seconds)),
                ("accept", _with_cpu(lab, partial(_accept, lab, in_flight, pace.seconds))),
            )
        }


@asynccontextmanager
async def capturing(pace: Pace) -> AsyncIterator[Probes]:
    """200: a request that the inspector has saved."""
    async with (
        stack.running() as lab,
        programs.serving("benchmarks.baselines", "http-capture") as null,
        programs.serving("benchmarks.baselines", "http") as empty,
    ):
        bin_url = f"{lab.lab.state.inspector_url}/r/bench"
        yield {
            f"{name}-{connections}": probe
            for connections in (1, 32)
            for name, probe in (
                ("http", partial(load.post, empty, connections, pace.seconds)),
                ("null", partial(load.post, null, connections, pace.seconds)),
                ("capture", _with_cpu(lab, partial(load.post, bin_url, connections, pace.seconds))),
            )
        }


@asynccontextmanager
async def syncing(pace: Pace) -> AsyncIterator[Probes]:
    """The same with a nats-server that calls fsync for every message."""
    async with stack.running(sync_interval="always") as lab:
        await lab.lab.supervisor.begin_fault(FaultKind.STOP, "queue-worker")
        file = str(lab.lab.workspace.folder / "fsync.bin")
        yield {"fsync": partial(_baseline, "fsync", file=file, seconds=pace.short_seconds)} | {
            f"{name}-{in_flight}": probe
            for in_flight in (1, 32)
            for name, probe in (
                ("publish", partial(_publish, lab, "nats-py", in_flight, pace.short_seconds)),
                ("accept", _with_cpu(lab, partial(_accept, lab, in_flight, pace.seconds))),
            )
        }


@asynccontextmanager
async def draining(pace: Pace) -> AsyncIterator[Probes]:
    """Drain a full queue: worker, gateway, watchdog, process, ack."""
    async with stack.running() as lab:
        await lab.deploy("cat", "cat")

        async def drain(in_flight: int) -> Figures:
            before = await lab.succeeded("cat")
            count = int((250 if in_flight == 1 else 800) * pace.seconds)
            await lab.set_max_inflight(in_flight)
            await lab.fill(count, "cat")
            rate = await lab.drain_rate()
            await lab.expect_succeeded("cat", before + count)
            await lab.purge()
            return {"per_second": rate, "requests": count}

        yield {
            name: probe
            for in_flight in (1, 10, 100)
            for name, probe in (
                (f"drain-{in_flight}", _with_cpu(lab, partial(drain, in_flight))),
                (f"spawn-{in_flight}", _spawn(["cat"], in_flight, seconds=pace.short_seconds)),
            )
        }


@asynccontextmanager
async def invoking(_pace: Pace) -> AsyncIterator[Probes]:
    """Accept calls from a terminal: a process each; no worker runs."""
    async with stack.running() as lab:
        await lab.deploy("cat", "cat")
        await lab.lab.supervisor.begin_fault(FaultKind.STOP, "queue-worker")
        environment = {"LABKIT_WORKSPACE": str(lab.lab.workspace.root), "LABKIT_FAAS_CLI": "builtin"}
        program = str(Path(sys.executable).with_name("faas-cli"))

        async def invoke() -> Figures:
            figures = await programs.ten_times(program, "invoke", "cat", "--async", environment=environment)
            await lab.expect_queued(10)
            await lab.purge()
            return figures

        await invoke()  # compiles the bytecode
        yield {
            "invoke": invoke,
            "python": partial(programs.ten_times, sys.executable, "-c", "pass"),
        }


@asynccontextmanager
async def scaling(_pace: Pace) -> AsyncIterator[Probes]:
    """Add a replica, and remove it."""
    async with stack.running() as lab:
        await lab.deploy("cat", "cat", max_replicas=5)

        async def replica() -> Figures:
            before = programs.lab_processes(lab.supervisor)
            milliseconds = await lab.scale("cat", 2)
            # The gateway takes replicas in turn: one call each.
            for _ in range(2):
                await lab.call(lab.url("cat"))
            await asyncio.sleep(_SETTLE_SECONDS)
            after = programs.lab_processes(lab.supervisor)
            added = after - before
            figures = {
                "ms": milliseconds,
                "megabytes": programs.memory_of(added)["private"],
            }
            await lab.scale("cat", 1)
            await stack.until(partial(_have_ended, added), "the replica to end")
            return figures

        yield {"replica": replica, "python": partial(_baseline, "python")}


@asynccontextmanager
async def starting(_pace: Pace) -> AsyncIterator[Probes]:
    """Start a lab in a fresh process or kernel; read its idle memory."""

    async def cold() -> Figures:
        with programs.scratch_folder() as folder:
            async with programs.running("benchmarks.learner", "cold", folder) as learner:
                times = await learner.read_line()
                state = Workspace(Path(folder)).read_state()
                assert state is not None
                await asyncio.sleep(_SETTLE_SECONDS)
                with_function = programs.memory_of(programs.lab_processes(state.pid))
                await learner.ask()  # removes the function
                await asyncio.sleep(_SETTLE_SECONDS)
                idle = programs.memory_of(programs.lab_processes(state.pid))
        return {**times, **idle, "with_function": with_function["megabytes"]}

    async def nats_server() -> Figures:
        with programs.scratch_folder() as folder:
            return await _baseline("nats-server", folder=folder)

    async def cell() -> Figures:
        with programs.scratch_folder() as folder:
            return await programs.run_module("benchmarks.first_cell", folder, timeout=_CELL_SECONDS)

    await cold()  # compiles the bytecode
    yield {
        "cold": cold,
        "cell": cell,
        "nats-server": nats_server,
        "python": partial(_baseline, "python"),
    }


GROUPS: dict[str, Group] = {
    "forking": forking,
    "sleeping": sleeping,
    "accepting": accepting,
    "capturing": capturing,
    "syncing": syncing,
    "draining": draining,
    "invoking": invoking,
    "scaling": scaling,
    "starting": starting,
}


async def measure(rows: Sequence[Row], pace: Pace, report: Report) -> Results:
    """Measure all that the rows need, each probe once a round.

    Raises:
        LabError: A lab did not start, or a figure could not be measured.
    """
    results: Results = defaultdict(list)
    for group, open_probes in GROUPS.items():
        wanted = {probe for row in rows if row.group == group for probe in row.probes()}
        if not wanted:
            continue
        report(f"{group}: starting")
        async with open_probes(pace) as probes:
            for number in range(1, pace.rounds + 1):
                for name, probe in probes.items():
                    if name in wanted:
                        report(f"{group}: round {number} of {pace.rounds}, {name}")
                        results[f"{group}/{name}"].append(await probe())
    return dict(results)


# -- parts of probes


def _with_cpu(lab: Stack, probe: Probe) -> Probe:
    """Return a probe that adds the CPU time per call of each service."""

    async def measured() -> Figures:
        before = await lab.cpu_seconds()
        figures = await probe()
        for part, seconds in (await lab.cpu_seconds()).items():
            figures[CPU + part] = (seconds - before.get(part, 0.0)) / figures["requests"] * 1e6
        return figures

    return measured


async def _accept(lab: Stack, connections: int, seconds: float) -> Figures:
    figures = await load.post(lab.url("cat", asynchronous=True), connections, seconds)
    await lab.expect_queued(int(figures["requests"]))
    await lab.purge()
    return figures


async def _publish(lab: Stack, by: str, in_flight: int, seconds: float) -> Figures:
    arguments = {"by": by, "subject": stack.QUEUE, "in_flight": in_flight, "seconds": seconds}
    figures = await _baseline("publish", lab.nats_environment, **arguments)
    await lab.expect_queued(int(figures["requests"]))
    await lab.purge()
    return figures


def _spawn(command: list[str], in_flight: int, **limits: Any) -> Probe:
    return partial(_baseline, "spawn", command=command, in_flight=in_flight, **limits)


async def _baseline(kind: str, environment: Mapping[str, str] | None = None, **arguments: Any) -> Figures:
    command = ("benchmarks.baselines", kind, json.dumps(arguments))
    return await programs.run_module(*command, timeout=60.0, environment=environment)


async def _have_ended(pids: set[int]) -> bool:
    return not any(psutil.pid_exists(pid) for pid in pids)
