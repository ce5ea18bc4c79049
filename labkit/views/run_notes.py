"""What else was in the lab during a measured run, and so is in its times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit.language import translated
from labkit.views.formatting import format_seconds
from labkit.views.queue_status import QueueStatus
from labkit.views.words import ENGLISH, ViewWords, words_in_use
from labkit_services.call_record.fault_spans import FaultSpan
from labkit_services.call_record.log import Mode


@dataclass(frozen=True)
class Note:
    """One thing that changed a run's times, and how to be rid of it.

    Attributes:
        code: Its entry in the catalogue, if it has one; ``values`` belong
            to it.
    """

    fact: str
    remedy: str = ""
    code: str = field(default="", repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, code: str, remedy: str = "", **values: Any) -> Note:
        """Return a note from the catalogue.

        A value may be a function of the words, for what has words itself.
        """
        return cls(_fact(code, values, ENGLISH), remedy, code, values)

    @property
    def is_fault(self) -> bool:
        """Whether it tells of an injected fault."""
        return self.code == "note.fault"

    def fact_in(self, words: ViewWords) -> str:
        """Return the fact in the language of ``words``."""
        return _fact(self.code, self.values, words) if self.code else self.fact

    def __str__(self) -> str:
        words = words_in_use()
        fact = self.fact_in(words)
        return words.text("join.notes").join([fact, translated(self.remedy)] if self.remedy else [fact])


def _fact(code: str, values: Mapping[str, Any], words: ViewWords) -> str:
    filled = {name: value(words) if callable(value) else value for name, value in values.items()}
    return words.text(code, **filled)


def _entry(key: str) -> Callable[[ViewWords], str]:
    return lambda words: words.text(key)


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
        fate = "sync" if mode == "sync" else "queued" if queue is not None or is_new else "unknown"
        yield Note.of(
            "note.missing",
            "deploy it first: lab.deploy(…)",
            name=missing,
            fate=_entry(f"note.fate.{fate}"),
        )
    if cancelled:
        yield Note.of("note.cancelled", n=cancelled)
    if ready_replicas == 0:
        yield Note.of("note.no-replica")
    if queue is None:
        if mode == "async" and not is_new:
            yield Note.of("note.no-queue")
        return
    yield from _earlier_calls(mode, queue)
    if mode == "async":
        if not queue.workers:
            yield Note.of("note.no-worker", "look at lab.status()", queue=queue.name)
        elif len(queue.workers) > 1:
            limits = " + ".join(str(worker.max_inflight) for worker in queue.workers)
            yield Note.of("note.workers", n=len(queue.workers), limits=limits)


def _earlier_calls(mode: Mode, queue: QueueStatus) -> Iterator[Note]:
    counts = {"pending": queue.pending, "in_flight": queue.in_flight, "retry": queue.waiting_for_retry}
    if earlier := sum(counts.values()):
        come_first = "first" if queue.pending or queue.in_flight else "between"
        effect = come_first if mode == "async" else "beside"
        yield Note.of(
            "note.earlier",
            "to cancel such calls first: measure(…, purge=True), "
            f"or lab.queue({queue.name!r}).cancel_calls()",
            queue=queue.name,
            n=earlier,
            counts=lambda words: words.joined(
                *(words.text(f"note.count.{state}", n=count) for state, count in counts.items() if count)
            ),
            effect=_entry(f"note.effect.{effect}"),
        )


def notes_at_end(before: QueueStatus | None, after: QueueStatus | None, submitted: int) -> Iterator[Note]:
    """Yield what changed in the queue during a run of ``submitted`` calls."""
    if before is None or after is None:
        return
    changes = (
        ("limit", before.max_inflight, after.max_inflight),
        ("workers", len(before.workers), len(after.workers)),
    )
    for name, old, new in changes:
        if old and new and old != new:
            yield Note.of("note.changed", name=_entry(f"note.changed.{name}"), old=old, new=new)
    others = after.submitted - before.submitted - submitted
    if others > 0:
        yield Note.of("note.others", n=others, queue=after.name)


def faults_during(faults: Iterable[FaultSpan], started_ns: int, finished_ns: int) -> Iterator[FaultSpan]:
    """Yield the injected faults that were active during a run."""
    for fault in faults:
        if fault.began <= finished_ns and (fault.ended is None or fault.ended >= started_ns):
            yield fault


def fault_notes(faults: Iterable[FaultSpan], started_ns: int, finished_ns: int) -> Iterator[Note]:
    """Yield notes of the injected faults that were active during a run."""
    for fault in faults_during(faults, started_ns, finished_ns):
        goes_on = fault.ended is None or fault.ended > finished_ns
        began_before = fault.began < started_ns
        yield Note.of(
            "note.fault",
            service=fault.service,
            kind=fault.kind,
            begin=_entry("note.fault.before") if began_before else _at(fault.began, started_ns),
            end=_entry("note.fault.after") if goes_on else _at(fault.ended or 0, started_ns),
        )


def _at(time_ns: int, started_ns: int) -> str:
    return format_seconds((time_ns - started_ns) / 1e9)
