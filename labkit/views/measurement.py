"""A measured run of several calls, and its totals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median

from labkit.language import joined, translated
from labkit.views.formatting import format_seconds
from labkit.views.run_notes import Note
from labkit_services.call_record.log import Call, CallState, Mode

_UNHAPPY = (CallState.FAILED, CallState.DEAD, CallState.CANCELLED)


@dataclass(frozen=True)
class Measurement:
    """A run of several calls to one function.

    Attributes:
        function: The function's name, as the learner wrote it.
        mode: ``sync`` or ``async``.
        calls: The calls, in the order in which they were sent.
        started_ns: Unix nanoseconds of the run's start.
        finished_ns: Unix nanoseconds of the run's end, or of its timeout.
        notes: What else was in the lab, and so is in the times.
    """

    function: str
    mode: Mode
    calls: tuple[Call, ...] = field(repr=False)
    started_ns: int
    finished_ns: int
    notes: tuple[Note, ...] = field(default=(), repr=False)

    @property
    def total(self) -> float:
        """Seconds that the run took, until its last call was settled."""
        return self.seconds_at(self.finished_ns)

    @property
    def accepted_after(self) -> float | None:
        """Seconds until the caller had all responses, or None."""
        return self._after([call.released for call in self.calls])

    @property
    def drained_after(self) -> float | None:
        """Seconds until the last call ended, or None if one has not ended."""
        return self._after([call.ended for call in self.calls])

    def seconds_at(self, time_ns: int) -> float:
        """Return the seconds from the run's start to a Unix time."""
        return (time_ns - self.started_ns) / 1e9

    def _after(self, times: list[int | None]) -> float | None:
        known = [time for time in times if time is not None]
        return self.seconds_at(max(known)) if known and len(known) == len(times) else None

    @property
    def per_call(self) -> float | None:
        """Median of the seconds that the function ran for one call."""
        return _median([call.ran for call in self.calls])

    @property
    def waited_in_queue(self) -> float | None:
        """Median of the seconds that a call was queued; None if none was."""
        return _median([call.waited_in_queue for call in self.calls])

    @property
    def states(self) -> Counter[CallState]:
        """Number of calls in each state."""
        return Counter(call.state for call in self.calls)

    @property
    def _retried(self) -> int:
        return sum(len(call.attempts) > 1 for call in self.calls)

    @property
    def caller(self) -> str:
        """How long the caller waited, as a clause."""
        if not self.calls:
            return "no calls were made"
        if self.accepted_after is None:
            answered = sum(call.released is not None for call in self.calls)
            return f"the caller had {answered} of {len(self.calls)} answers"
        if self.mode == "sync":
            return f"the caller waited {format_seconds(self.accepted_after)}"
        return f"the caller was free after {format_seconds(self.accepted_after)}"

    @property
    def outcome(self) -> str:
        """How the calls ended, as a clause; "" if ``caller`` covers it."""
        if not self.calls:
            return ""
        parts = []
        states = self.states
        if self.drained_after is None:
            ended = sum(call.ended is not None for call in self.calls)
            parts.append(f"{ended} of {len(self.calls)} calls were over")
        elif self.mode == "async":
            verb = "done" if states[CallState.DONE] == len(self.calls) else "over"
            parts.append(f"the last call was {verb} after {format_seconds(self.drained_after)}")
        failed, dead, cancelled = (states[state] for state in _UNHAPPY)
        ends = {
            f"{failed} failed": failed,
            f"{dead} dead-lettered": dead,
            f"{cancelled} cancelled": cancelled,
        }
        parts += [text for text, count in ends.items() if count]
        if self._retried:
            parts.append(f"{self._retried} took more than one attempt")
        return ", ".join(parts)

    @property
    def sentence(self) -> str:
        """``caller`` and ``outcome`` as a sentence without a full stop."""
        return f"{self.caller}, {self.outcome}" if self.outcome else self.caller

    def caption(self, sentence: str) -> str:
        """Return a plot's sentence with the facts of ``notes``."""
        return "; ".join([sentence, *(note.fact for note in self.notes)])

    @property
    def title(self) -> str:
        """What was called: ``10 synchronous calls of long-task``."""
        kind = "synchronous" if self.mode == "sync" else "asynchronous"
        calls = "call" if len(self.calls) == 1 else "calls"
        return f"{len(self.calls)} {kind} {calls} of {self.function}"

    def __repr__(self) -> str:
        clauses = [self.caller, *([self.outcome] if self.outcome else [])]
        sentence = joined(", ".join(clauses).split(", "))
        notes = "".join(translated(". Note: ") + str(note) for note in self.notes)
        return f"<{translated(self.title)}{translated(': ')}{sentence}{notes}>"

    def _repr_markdown_(self) -> str:
        """Return a table for notebooks.

        Markdown follows the notebook's theme, and screen readers recognise the
        table. Nothing is padded to the width of a number, so only the numbers
        differ between two runs.
        """
        done = self.states[CallState.DONE]
        waiting = "the caller waited" if self.mode == "sync" else "the caller was free after"
        rows = [
            ("calls that succeeded", f"{done} of {len(self.calls)}"),
            (waiting, format_seconds(self.accepted_after, "not yet")),
            ("the last call was over after", format_seconds(self.drained_after, "not yet")),
            ("the function worked on one call for (median)", format_seconds(self.per_call, "not known")),
        ]
        if self.mode == "async":
            rows.append(
                ("a call lay in the queue for (median)", format_seconds(self.waited_in_queue, "not known"))
            )
        if self._retried:
            rows.append(("calls that took more than one attempt", str(self._retried)))
        lines = [f"| {translated(self.title)} | |", "|:--|--:|"]
        lines += [f"| {translated(name)} | {translated(value)} |" for name, value in rows]
        return "\n".join(
            [*lines, *(f"\n**{translated('Note:')}** {note}{translated('.')}" for note in self.notes)]
        )


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
