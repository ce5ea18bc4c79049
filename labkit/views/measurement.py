"""A measured run of several calls, and its totals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median

from labkit.language import translated
from labkit.views.formatting import format_seconds
from labkit.views.run_notes import Note
from labkit.views.words import ENGLISH, ViewWords, words_in_use
from labkit_services.call_record.fault_spans import FaultSpan
from labkit_services.call_record.log import Call, CallState, Mode

_UNSUCCESSFUL = (CallState.FAILED, CallState.DEAD, CallState.CANCELLED)


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
        faults: Injected faults that were active during the run.
    """

    function: str
    mode: Mode
    calls: tuple[Call, ...] = field(repr=False)
    started_ns: int
    finished_ns: int
    notes: tuple[Note, ...] = field(default=(), repr=False)
    faults: tuple[FaultSpan, ...] = field(default=(), repr=False)

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
        return self.caller_in(ENGLISH)

    def caller_in(self, words: ViewWords) -> str:
        """Return ``caller`` in the language of ``words``."""
        if not self.calls:
            return words.text("run.no-calls")
        if self.accepted_after is None:
            answered = sum(call.released is not None for call in self.calls)
            return words.text("run.answers", answered=answered, n=len(self.calls))
        key = "run.waited" if self.mode == "sync" else "run.free"
        return words.text(key, time=format_seconds(self.accepted_after))

    @property
    def outcome(self) -> str:
        """How the calls ended, as a clause; "" if ``caller`` covers it."""
        return self.outcome_in(ENGLISH)

    def outcome_in(self, words: ViewWords) -> str:
        """Return ``outcome`` in the language of ``words``."""
        if not self.calls:
            return ""
        parts = []
        states = self.states
        if self.drained_after is None:
            ended = sum(call.ended is not None for call in self.calls)
            parts.append(words.text("run.some-over", over=ended, n=len(self.calls)))
        elif self.mode == "async":
            key = "run.done" if states[CallState.DONE] == len(self.calls) else "run.over"
            parts.append(words.text(key, time=format_seconds(self.drained_after)))
        counts = {state.value: states[state] for state in _UNSUCCESSFUL} | {"retried": self._retried}
        parts += [words.text(f"run.{name}", n=count) for name, count in counts.items() if count]
        return words.joined(*parts)

    @property
    def sentence(self) -> str:
        """``caller`` and ``outcome`` as a sentence without a full stop.

        It is in the notebook's language, the two are English.
        """
        return self.sentence_in(words_in_use())

    def sentence_in(self, words: ViewWords) -> str:
        """Return ``sentence`` in the language of ``words``."""
        return words.joined(self.caller_in(words), self.outcome_in(words))

    def caption(self, sentence: str, words: ViewWords = ENGLISH) -> str:
        """Return a plot's sentence with the facts of ``notes``.

        Without the faults that the plot draws.
        """
        facts = [note.fact_in(words) for note in self.notes if not (self.faults and note.is_fault)]
        return words.text("join.notes").join([sentence, *facts])

    @property
    def title(self) -> str:
        """What was called: ``10 synchronous calls of long-task``."""
        return self.title_in(ENGLISH)

    def title_in(self, words: ViewWords) -> str:
        """Return ``title`` in the language of ``words``."""
        return words.text(f"run.title.{self.mode}", n=len(self.calls), function=self.function)

    def __repr__(self) -> str:
        words = words_in_use()
        run = words.text("plot.run", title=self.title_in(words), sentence=self.sentence_in(words))
        notes = "".join(translated(". Note: ") + str(note) for note in self.notes)
        return f"<{run}{notes}>"

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
        lines = [f"| {self.title_in(words_in_use())} | |", "|:--|--:|"]
        lines += [f"| {translated(name)} | {translated(value)} |" for name, value in rows]
        return "\n".join(
            [*lines, *(f"\n**{translated('Note:')}** {note}{translated('.')}" for note in self.notes)]
        )


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
