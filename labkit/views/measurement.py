"""What one measured run was, and what it adds up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median

from labkit_services.call_record.log import Call, CallState, Mode


def format_seconds(seconds: float) -> str:
    """Write a duration with the digits that matter: ``10.1 s``, ``1.02 s``, ``0.003 s``.

    Always a decimal number and `` s``, so that one pattern finds all of them.
    """
    if abs(seconds) >= 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.2f} s" if abs(seconds) >= 0.01 else f"{seconds:.3f} s"


@dataclass(frozen=True)
class Measurement:
    """A run of several calls to one function.

    Attributes:
        function: Name as the learner wrote it.
        mode: How they were called.
        calls: The calls, in the order in which they were sent.
        started_ns: Unix nanoseconds at which the run began.
        finished_ns: And at which it was over, or the waiting for it was.
    """

    function: str
    mode: Mode
    calls: tuple[Call, ...] = field(repr=False)
    started_ns: int
    finished_ns: int

    @property
    def total(self) -> float:
        """Seconds that the run took, waiting for its calls to be worked off included."""
        return (self.finished_ns - self.started_ns) / 1e9

    @property
    def accepted_after(self) -> float | None:
        """Seconds until the caller had every answer and was free; None if one is missing."""
        return self._after([call.released for call in self.calls])

    @property
    def drained_after(self) -> float | None:
        """Seconds until the function's part in the last call was over; None if one is not."""
        return self._after([call.ended for call in self.calls])

    def _after(self, times: list[int | None]) -> float | None:
        known = [time for time in times if time is not None]
        if not known or len(known) < len(times):
            return None
        return (max(known) - self.started_ns) / 1e9

    @property
    def per_call(self) -> float | None:
        """Median of the seconds that the function worked on one call."""
        return _median([call.ran for call in self.calls])

    @property
    def waited_in_queue(self) -> float | None:
        """Median of the seconds that a call lay in the queue; None for synchronous calls."""
        return _median([call.waited_in_queue for call in self.calls])

    @property
    def states(self) -> Counter[CallState]:
        """How many calls are in which state."""
        return Counter(call.state for call in self.calls)

    @property
    def caller(self) -> str:
        """What the run meant for the caller, as half a sentence."""
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
        """What became of the calls, as half a sentence; "" where the caller's half says it all."""
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
        parts += [
            f"{states[state]} {word}"
            for state, word in (
                (CallState.FAILED, "failed"),
                (CallState.DEAD, "dead-lettered"),
                (CallState.CANCELLED, "cancelled"),
            )
            if states[state]
        ]
        if retried := sum(len(call.attempts) > 1 for call in self.calls):
            parts.append(f"{retried} took more than one attempt")
        return ", ".join(parts)

    @property
    def sentence(self) -> str:
        """The whole run in one sentence without a full stop."""
        return f"{self.caller}, {self.outcome}" if self.outcome else self.caller

    @property
    def title(self) -> str:
        """Which calls these were: ``10 synchronous calls of long-task``."""
        kind = "synchronous" if self.mode == "sync" else "asynchronous"
        return f"{len(self.calls)} {kind} call{'' if len(self.calls) == 1 else 's'} of {self.function}"

    def __repr__(self) -> str:
        return f"<{self.title}: {self.sentence}>"

    def _repr_markdown_(self) -> str:
        """Show a table in notebooks.

        Markdown takes on the notebook's theme, and is a real table to a screen
        reader. Nothing in it is padded to the width of a figure, so only the
        figures differ between two runs.
        """
        done = self.states[CallState.DONE]
        waiting = "the caller waited" if self.mode == "sync" else "the caller was free after"
        rows = [
            ("calls that succeeded", f"{done} of {len(self.calls)}"),
            (waiting, _or(self.accepted_after, "not yet")),
            ("the last call was over after", _or(self.drained_after, "not yet")),
            ("the function worked on one call for (median)", _or(self.per_call, "not known")),
        ]
        if self.mode == "async":
            rows.append(("a call lay in the queue for (median)", _or(self.waited_in_queue, "not known")))
        if retried := sum(len(call.attempts) > 1 for call in self.calls):
            rows.append(("calls that took more than one attempt", str(retried)))
        lines = [f"| {self.title} | |", "|:--|--:|", *(f"| {name} | {value} |" for name, value in rows)]
        return "\n".join(lines)


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _or(seconds: float | None, otherwise: str) -> str:
    return otherwise if seconds is None else format_seconds(seconds)
