"""What else was in the lab during a measured run, and so is in its times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from labkit.language import translated
from labkit.views.formatting import format_seconds
from labkit.views.queue_status import QueueStatus
from labkit_services.call_record.fault_spans import FaultSpan
from labkit_services.call_record.log import Mode


@dataclass(frozen=True)
class Note:
    """One thing that changed a run's times, and how to be rid of it."""

    fact: str
    remedy: str = ""

    def __str__(self) -> str:
        parts = (self.fact, self.remedy) if self.remedy else (self.fact,)
        return translated("; ").join(map(translated, parts))


def how_to_cancel(queue: str) -> str:
    """Tell how the calls of a queue are cancelled."""
    return f"cancel them: lab.queue({queue!r}).cancel_calls()" if queue else "cancel them: lab.reset()"


def notes_at_start(
    mode: Mode,
    queue: QueueStatus | None,
    ready_replicas: int | None,
    *,
    cancelled: int = 0,
    is_new: bool = False,
    missing: str = "",
) -> Iterator[Note]:
    """Yield what a run finds when it begins.

    Args:
        mode: Of the run.
        queue: The function's queue, None if it could not be read.
        ready_replicas: The function's, None if it is not known.
        cancelled: Earlier calls that were cancelled for this run.
        is_new: Whether there is no queue: the first call creates it.
        missing: Name of the function, if none of that name is deployed.
    """
    if missing:
        fate = (
            "each call is answered with 404"
            if mode == "sync"
            else "each call is accepted with 202, then retried, then dead-lettered"
            if queue is not None or is_new
            else "each call is accepted with 202, and fails later"
        )
        yield Note(f"there is no function {missing}: {fate}", "deploy it first: lab.deploy(…)")
    if cancelled:
        yield Note(f"cancelled before the run: {_earlier(cancelled)}")
    if ready_replicas == 0:
        yield Note("the function had no ready replica: its start is in the time of the first call")
    if queue is None:
        if mode == "async" and not is_new:
            yield Note("its queue could not be looked at: it is not known whether other calls were in it")
        return
    waiting, running, retried = queue.pending, queue.in_flight, queue.waiting_for_retry
    if earlier := waiting + running + retried:
        counts = {
            f"{waiting} waiting": waiting,
            f"{running} running": running,
            f"{retried} to be retried": retried,
        }
        listed = ", ".join(text for text, count in counts.items() if count)
        effect = "they ran first" if waiting or running else "their retries came in between"
        effect = effect if mode == "async" else "they ran beside it"
        yield Note(
            f"queue {queue.name} held {_earlier(earlier)} ({listed}): {effect}",
            "to cancel such calls first: measure(…, purge=True), "
            f"or lab.queue({queue.name!r}).cancel_calls()",
        )
    if mode == "async":
        if not queue.workers:
            yield Note(f"no queue-worker answered for queue {queue.name}", "look at lab.status()")
        elif len(queue.workers) > 1:
            limits = " + ".join(str(worker.max_inflight) for worker in queue.workers)
            yield Note(f"{len(queue.workers)} queue-workers served the queue, with max_inflight {limits}")


def notes_at_end(before: QueueStatus | None, after: QueueStatus | None, submitted: int) -> Iterator[Note]:
    """Yield what changed in the queue during a run of ``submitted`` calls."""
    if before is None or after is None:
        return
    changes = (
        ("max_inflight", before.max_inflight, after.max_inflight),
        ("the number of queue-workers", len(before.workers), len(after.workers)),
    )
    for name, old, new in changes:
        if old and new and old != new:
            yield Note(f"{name} changed from {old} to {new} during the run")
    others = after.submitted - before.submitted - submitted
    if others > 0:
        yield Note(f"{_other(others)} came into queue {after.name} during the run")


def fault_notes(faults: Iterable[FaultSpan], started_ns: int, finished_ns: int) -> Iterator[Note]:
    """Yield the injected faults that were active during a run."""
    for fault in faults:
        if fault.began > finished_ns or (fault.ended is not None and fault.ended < started_ns):
            continue
        begin = "before the run" if fault.began < started_ns else _at(fault.began, started_ns)
        goes_on = fault.ended is None or fault.ended > finished_ns
        end = "after its end" if goes_on else _at(fault.ended or 0, started_ns)
        yield Note(f"fault injected: {fault.service} {fault.kind}, from {begin} to {end}")


def _at(time_ns: int, started_ns: int) -> str:
    return format_seconds((time_ns - started_ns) / 1e9)


def _earlier(count: int) -> str:
    return f"{count} earlier call" if count == 1 else f"{count} earlier calls"


def _other(count: int) -> str:
    return f"{count} other call" if count == 1 else f"{count} other calls"
