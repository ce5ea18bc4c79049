"""Groups of probes that take turns on one lab: a path, its floors, the path again.

A group is an async context manager: it starts what it needs, yields its probes
by name, and ends everything. The runner calls the probes in order, round by
round, so that a path and its floor meet the same machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from benchmarks import load, processes, programs, stack
from benchmarks.scratch import scratch
from benchmarks.stack import Stack
from benchmarks.statistic import CPU, Figures
from labkit.views.faults import FaultKind

Probe = Callable[[], Awaitable[Figures]]
Probes = Mapping[str, Probe]

_SLEEPS = 10
_SETTLE_SECONDS = 0.5
"""How long a process that has just started is left alone before its memory is read."""


@dataclass(frozen=True)
class Pace:
    """How long to look.

    Attributes:
        rounds: How often every probe has its turn.
        seconds: Of one turn of a probe that runs for a time.
    """

    rounds: int = 5
    seconds: float = 2.0

    @property
    def floor_seconds(self) -> float:
        """Return the same for a floor of our own making: it warms up sooner."""
        return self.seconds / 2

    def calls_to_drain(self, in_flight: int) -> int:
        """Return about ``seconds`` worth of calls."""
        return int((250 if in_flight == 1 else 800) * self.seconds)


Group = Callable[[Pace], AbstractAsyncContextManager[Probes]]


@asynccontextmanager
async def forking(pace: Pace) -> AsyncIterator[Probes]:
    """A process a call: alone, behind a watchdog, behind gateway and watchdog."""
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
                ("spawn", partial(_spawn, connections, pace.floor_seconds)),
                ("watchdog", partial(_load, watchdog, connections, pace.seconds)),
                ("sync", partial(_with_cpu, lab, partial(_load, lab.url("cat"), connections, pace.seconds))),
            )
        }


@asynccontextmanager
async def sleeping(_pace: Pace) -> AsyncIterator[Probes]:
    """Ten times ``sleep 1``: one after the other, and all together."""
    async with stack.running() as lab:
        await lab.deploy("long-task", "sleep 1")
        await lab.set_max_inflight(_SLEEPS)
        floor: asyncio.Task[Figures] | None = None

        async def sequence() -> Figures:
            # The floor runs at the same time, half a second later: both sleep, and
            # ten seconds more a round would measure nothing better.
            nonlocal floor
            floor = asyncio.create_task(_later(0.5, partial(_sleeps, in_flight=1)))
            begin = time.perf_counter()
            for _ in range(_SLEEPS):
                await lab.call(lab.url("long-task"))
            return {"seconds": time.perf_counter() - begin}

        async def bare_sequence() -> Figures:
            assert floor is not None
            return await floor

        async def together() -> Figures:
            begin = time.perf_counter()
            for _ in range(_SLEEPS):
                await lab.call(lab.url("long-task", asynchronous=True), expect=202)
            accepted = time.perf_counter() - begin
            await lab.empty()
            return {"seconds": time.perf_counter() - begin, "accepted_seconds": accepted}

        yield {
            "sequence": sequence,
            "bare-sequence": bare_sequence,
            "together": together,
            "bare-together": partial(_sleeps, in_flight=_SLEEPS),
        }


@asynccontextmanager
async def accepting(pace: Pace) -> AsyncIterator[Probes]:
    """202: an HTTP request whose message JetStream has acknowledged; nobody works them off."""
    async with stack.running() as lab, programs.serving("benchmarks.floors", "http") as null:
        await lab.lab.supervisor.begin_fault(FaultKind.STOP, "queue-worker")
        yield {
            f"{name}-{in_flight}": probe
            for in_flight in (1, 32)
            for name, probe in (
                ("http", partial(_load, null, in_flight, pace.seconds)),
                ("publish", partial(_publish, lab, "nats-py", in_flight, pace.floor_seconds)),
                ("publisher", partial(_publish, lab, "publisher", in_flight, pace.floor_seconds)),
                ("accept", partial(_with_cpu, lab, partial(_accept, lab, in_flight, pace.seconds))),
            )
        }


@asynccontextmanager
async def syncing(pace: Pace) -> AsyncIterator[Probes]:
    """The same with a nats-server that writes every message through to the disk."""
    async with stack.running(sync_interval="always") as lab:
        await lab.lab.supervisor.begin_fault(FaultKind.STOP, "queue-worker")
        file = lab.folder / "fsync.bin"
        probes: dict[str, Probe] = {"fsync": partial(_fsync, file, pace.floor_seconds)}
        for in_flight in (1, 32):
            probes[f"publish-{in_flight}"] = partial(_publish, lab, "nats-py", in_flight, pace.floor_seconds)
            accept = partial(_accept, lab, in_flight, pace.seconds)
            probes[f"accept-{in_flight}"] = partial(_with_cpu, lab, accept)
        yield probes


@asynccontextmanager
async def draining(pace: Pace) -> AsyncIterator[Probes]:
    """A full queue worked off: JetStream, worker, gateway, watchdog, process, ack."""
    async with stack.running() as lab:
        await lab.deploy("cat", "cat")

        async def drain(in_flight: int) -> Figures:
            before = await lab.succeeded("cat")
            count = pace.calls_to_drain(in_flight)
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
                (f"drain-{in_flight}", partial(_with_cpu, lab, partial(drain, in_flight))),
                (f"spawn-{in_flight}", partial(_spawn, in_flight, pace.floor_seconds)),
            )
        }


@asynccontextmanager
async def scaling(_pace: Pace) -> AsyncIterator[Probes]:
    """One replica more, and away with it again."""
    async with stack.running() as lab:
        await lab.deploy("cat", "cat", most_replicas=5)

        async def replica() -> Figures:
            before = processes.lab_processes(lab.supervisor)
            whole = processes.held_by(before)["megabytes"]
            milliseconds = await lab.scale("cat", 2)
            # In turn: each of the two has answered one.
            for _ in range(2):
                await lab.call(lab.url("cat"))
            await asyncio.sleep(_SETTLE_SECONDS)
            after = processes.lab_processes(lab.supervisor)
            added = after - before
            figures = {
                "ms": milliseconds,
                "megabytes": processes.held_by(added)["private"],
                "added_to_the_whole": processes.held_by(after)["megabytes"] - whole,
                "processes": len(added),
            }
            await lab.scale("cat", 1)
            await stack.until(lambda: _none_of(added), "the replica to end")
            return figures

        yield {"replica": replica, "python": partial(_floor, "python")}


@asynccontextmanager
async def starting(_pace: Pace) -> AsyncIterator[Probes]:
    """A lab from nothing, in a fresh process, with compiled bytecode; then what it holds when idle."""

    async def cold() -> Figures:
        with scratch() as folder:
            async with programs.talking("benchmarks.cold", str(folder)) as talk:
                report = await talk.listen()
                supervisor = int(report.pop("supervisor"))
                await asyncio.sleep(_SETTLE_SECONDS)
                with_function = processes.held_by(processes.lab_processes(supervisor))
                await talk.ask()  # to remove the function
                await asyncio.sleep(_SETTLE_SECONDS)
                idle = processes.held_by(processes.lab_processes(supervisor))
        return {**report, **idle, "with_function": with_function["megabytes"]}

    async def nats_server() -> Figures:
        with scratch() as folder:
            return await _floor("nats-server", str(folder))

    await cold()  # compiles the bytecode
    yield {"cold": cold, "nats-server": nats_server, "python": partial(_floor, "python")}


GROUPS: dict[str, Group] = {
    "forking": forking,
    "sleeping": sleeping,
    "accepting": accepting,
    "syncing": syncing,
    "draining": draining,
    "scaling": scaling,
    "starting": starting,
}


# -- what probes are made of


async def _load(url: str, connections: int, seconds: float) -> Figures:
    return (await load.post(url, connections=connections, seconds=seconds)).figures()


async def _with_cpu(lab: Stack, probe: Probe) -> Figures:
    """Add how much CPU each part of the lab has used for a call, in microseconds."""
    before = await lab.worked()
    figures = await probe()
    after = await lab.worked()
    used = {part: (seconds - before.get(part, 0.0)) / figures["requests"] for part, seconds in after.items()}
    return figures | {CPU + part: seconds * 1e6 for part, seconds in used.items()}


async def _accept(lab: Stack, connections: int, seconds: float) -> Figures:
    report = await load.post(lab.url("cat", asynchronous=True), connections=connections, seconds=seconds)
    await lab.expect_queued(report.requests)
    await lab.purge()
    return report.figures()


async def _publish(lab: Stack, by: str, in_flight: int, seconds: float) -> Figures:
    arguments = ["--by", by, "--in-flight", str(in_flight), "--seconds", str(seconds)]
    figures = await _floor("publish", *arguments, stack.QUEUE, environment=lab.nats_environment)
    await lab.expect_queued(int(figures["requests"]))
    await lab.purge()
    return figures


async def _spawn(in_flight: int, seconds: float) -> Figures:
    return await _floor("spawn", "--in-flight", str(in_flight), "--seconds", str(seconds), "cat")


async def _sleeps(*, in_flight: int) -> Figures:
    return await _floor("spawn", "--in-flight", str(in_flight), "--calls", str(_SLEEPS), "--", "sleep", "1")


async def _fsync(file: Path, seconds: float) -> Figures:
    return await _floor("fsync", "--seconds", str(seconds), str(file))


async def _floor(*arguments: str, environment: Mapping[str, str] | None = None) -> Figures:
    return await programs.run_module("benchmarks.floors", *arguments, patience=60.0, environment=environment)


async def _later(seconds: float, probe: Probe) -> Figures:
    await asyncio.sleep(seconds)
    return await probe()


async def _none_of(pids: set[int]) -> bool:
    return not any(psutil.pid_exists(pid) for pid in pids)
