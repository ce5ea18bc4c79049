"""Throughput of a sleeping function with 1, 2 and 4 queue-workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.programs import scratch_folder
from labkit import Lab

WORKERS = (1, 2, 4)
MAX_INFLIGHT = 2
SLEEP_SECONDS = 0.5
_CALLS_PER_WORKER = 40
_START_SECONDS = 60.0
_FUNCTION = "sleeper"


@dataclass(frozen=True)
class WorkerRun:
    """One run: how long its calls took with so many workers.

    Attributes:
        workers: Number of queue-workers.
        calls: Number of calls.
        seconds: From the first call's POST to the last call's end.
    """

    workers: int
    calls: int
    seconds: float

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds

    @property
    def share(self) -> float:
        """Part of the rate at which only the sleep would take time."""
        return self.rate * SLEEP_SECONDS / (self.workers * MAX_INFLIGHT)


def measure(progress: Callable[[str], None]) -> tuple[str, list[WorkerRun]]:
    """Measure in a lab of its own; ``$LABKIT_NATS`` makes it use that NATS.

    Return what NATS it was, and the runs.
    """
    runs = []
    with scratch_folder() as folder:
        lab = Lab.start(
            folder, max_inflight=MAX_INFLIGHT, gateway_port=0, inspector_port=0, timeout=_START_SECONDS
        )
        try:
            nats = lab.status().service("nats-server")
            lab.deploy(_FUNCTION, fprocess=f"sleep {SLEEP_SECONDS}")
            lab.invoke(_FUNCTION)  # the first call also waits for the function's start
            for count in WORKERS:
                progress(f"{count} workers")
                lab.scale_workers(count)
                calls = _CALLS_PER_WORKER * count
                run = lab.measure(_FUNCTION, calls=calls, mode="async", progress=False)
                assert run.drained_after is not None
                runs.append(WorkerRun(count, calls, run.drained_after))
        finally:
            lab.stop(force=True)
    servers = nats.address.count(",") + 1
    return ("the lab's own nats-server" if nats.pid else f"a NATS of {servers} nodes"), runs


def table(nats: str, runs: Sequence[WorkerRun]) -> str:
    """Return the runs as Markdown."""
    lines = [
        f"`sleep {SLEEP_SECONDS}`, `max_inflight={MAX_INFLIGHT}`, on {nats}:",
        "",
        "| queue-workers | calls | seconds | calls/s | times one worker | of what the sleep allows |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for run in runs:
        times = run.rate / runs[0].rate
        figures = f"{run.seconds:.1f} | {run.rate:.2f} | {times:.2f} | {run.share:.0%}"
        lines.append(f"| {run.workers} | {run.calls} | {figures} |")
    return "\n".join(lines)
