"""Many labs at once, as learners on a JupyterHub: start, memory, CPU."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median

from benchmarks import programs, stack
from benchmarks.stack import Stack

LEARNERS = 30
"""For how many the largest measurement is extrapolated."""
_IDLE_SECONDS = 10.0
_CALLS = 10
_PAUSE_SECONDS = 0.1
_JUPYTER_SECONDS = 120.0
_SLEEP_SECONDS = 1


@dataclass(frozen=True)
class Hub:
    """So many labs on one machine.

    Attributes:
        labs: Their number.
        alone_seconds: Start of the first one, the others not yet there.
        start_seconds: From the start of all others at once until the last of
            them is ready.
        megabytes: PSS of one lab, median, without kernel and JupyterLab.
        idle_cores: Cores that all of them use while nothing is called.
        exercise_seconds: All learners at once queue ten calls of ``sleep 1``;
            how long until the last one has ended. Ten is the ideal.
        exercise_cores: Cores in use meanwhile.
    """

    labs: int
    alone_seconds: float
    start_seconds: float
    megabytes: float
    idle_cores: float
    exercise_seconds: float
    exercise_cores: float


@dataclass(frozen=True)
class Jupyter:
    """What a learner has beside the lab, measured with one learner.

    Attributes:
        megabytes: PSS of JupyterLab's server and of a kernel with a plot.
        result_seconds: From the server's start until a notebook has started a
            lab, called a function and drawn the plot.
        cpu_seconds: Of a core, by server and kernel until then.
    """

    megabytes: float
    result_seconds: float
    cpu_seconds: float


async def measure(counts: Sequence[int], progress: Callable[[str], None]) -> tuple[list[Hub], Jupyter]:
    """Measure each number of labs one after the other, then a JupyterLab."""
    hubs = [await _measure(count, progress) for count in counts]
    progress("JupyterLab and a kernel")
    seen = await programs.run_module("benchmarks.jupyter_learner", timeout=_JUPYTER_SECONDS)
    return hubs, Jupyter(seen["megabytes"], seen["result_seconds"], seen["cpu_seconds"])


async def _measure(count: int, progress: Callable[[str], None]) -> Hub:
    progress(f"{count} labs start")
    labs: list[Stack] = []
    async with AsyncExitStack() as running:

        async def start() -> None:
            lab = await running.enter_async_context(stack.running(timeout=60.0))
            labs.append(lab)

        begin = time.perf_counter()
        await start()
        alone = time.perf_counter() - begin
        begin = time.perf_counter()
        await asyncio.gather(*(start() for _ in range(count - 1)))
        together = time.perf_counter() - begin
        await asyncio.gather(*(lab.deploy("long-task", f"sleep {_SLEEP_SECONDS}") for lab in labs))
        progress(f"{count} labs, nothing is called")
        await asyncio.sleep(_SLEEP_SECONDS)
        idle = await _cores_used(labs, asyncio.sleep(_IDLE_SECONDS))
        progress(f"{count} learners queue {_CALLS} calls each")
        begin = time.perf_counter()
        busy = await _cores_used(labs, _exercises(labs))
        seconds = time.perf_counter() - begin
        memory = median(
            programs.memory_of(programs.lab_processes(lab.supervisor))["megabytes"] for lab in labs
        )
    return Hub(count, alone, together, memory, idle, seconds, busy)


async def _exercises(labs: Sequence[Stack]) -> None:
    async def exercise(lab: Stack) -> None:
        for _ in range(_CALLS):
            await lab.accept("long-task")
        await lab.wait_empty(120.0, pause=_PAUSE_SECONDS)

    await asyncio.gather(*map(exercise, labs))


async def _cores_used(labs: Sequence[Stack], work: Awaitable[None]) -> float:
    async def used() -> float:
        return sum([await lab.total_cpu_seconds() for lab in labs])

    before, begin = await used(), time.perf_counter()
    await work
    return (await used() - before) / (time.perf_counter() - begin)


def extrapolated(hub: Hub, learners: int = LEARNERS) -> Hub:
    """Return a hub with more learners: in proportion to the number of labs.

    Starting one alone, and one lab's memory, do not depend on it; the exercise
    takes as long as its sleeps while the cores suffice.
    """
    times = learners / hub.labs
    return Hub(
        learners,
        hub.alone_seconds,
        hub.start_seconds * (learners - 1) / (hub.labs - 1),
        hub.megabytes,
        hub.idle_cores * times,
        hub.exercise_seconds,
        hub.exercise_cores * times,
    )


def table(hubs: Sequence[Hub], jupyter: Jupyter) -> str:
    """Return the figures as Markdown, extrapolated if need be."""
    lines = [
        "| labs | first one starts | the others, at once | memory (PSS) | of one | idle, cores | "
        f"{_CALLS} calls of `sleep {_SLEEP_SECONDS}` each | meanwhile, cores |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    last = [] if hubs[-1].labs >= LEARNERS else [extrapolated(hubs[-1])]
    for hub in (*hubs, *last):
        is_measured = hub in hubs
        lines.append(
            f"| {hub.labs}{'' if is_measured else ', extrapolated'} | {hub.alone_seconds:.2f} s | "
            f"{hub.start_seconds:.1f} s | {hub.labs * hub.megabytes:,.0f} MB | {hub.megabytes:.0f} MB | "
            f"{hub.idle_cores:.3f} | {hub.exercise_seconds:.1f} s | {hub.exercise_cores:.2f} |"
        )
    gigabytes = LEARNERS * (hubs[-1].megabytes + jupyter.megabytes) / 1e3
    seconds = LEARNERS * jupyter.cpu_seconds
    lines += [
        "",
        f"JupyterLab and a kernel take {jupyter.megabytes:.0f} MB more (one learner, alone). A notebook",
        f"has its first plot {jupyter.result_seconds:.1f} s after JupyterLab's start, for which the two",
        f"use a core for {jupyter.cpu_seconds:.1f} s. {LEARNERS} learners: {gigabytes:.1f} GB, and",
        f"{seconds:.0f} s of a core if they all open it at once.",
    ]
    return "\n".join(lines)
