"""Numbers that a learner commits to before a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

from labkit.errors import InvalidValueError
from labkit.teaching.desk import Desk
from labkit.teaching.exercise import Prediction
from labkit.teaching.progress_file import ProgressFile
from labkit.teaching.registry import course_notebooks, prediction
from labkit.teaching.verdict import CourseVerdict
from labkit.teaching.words import Words
from labkit.views.formatting import format_seconds
from labkit.views.measurement import Measurement
from labkit.views.plots import PredictedWait
from labkit.views.plots.strips import strips_of
from labkit.views.tables import html_table, text_table

_CLOSE = 0.15
"""Off by this part at most is close."""
_FACTOR = 1.5
"""From here on it is told as a factor."""
_COUNTED = ("calls", "times")
"""Units of what is counted."""
_MANY = 10
"""Fewer things are counted, not compared in percent."""


def predict(desk: Desk, id_: str, value: Any) -> CourseVerdict:
    """Keep a prediction; once its run has begun it is locked.

    Raises:
        InvalidValueError: There is no such prediction, or it is no number.
    """
    asked, words = prediction(id_), desk.words
    work = desk.work()
    kept = work.predicted.get(id_)
    about = words.text(f"predict.{id_}")

    def told(key: str, number: float | None = None, *, passed: bool | None) -> CourseVerdict:
        shown = "" if number is None else _as_given(words, asked, number)
        headline = words.text(f"predict.{key}", about=about, value=shown)
        step = words.text(f"predict.{key}.next") if f"predict.{key}.next" in words else ""
        return CourseVerdict(id_, passed, headline, next_step=step, key=key, language=words.language)

    if asked.begun(work):
        return told("too-late", passed=False) if kept is None else told("locked", kept, passed=None)
    if value is ...:
        return told("missing", passed=False)
    number = _number(id_, value)
    desk.progress.note_prediction(id_, number)
    return told("kept", number, passed=None)


def _number(id_: str, value: Any) -> float:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    number = float(value) if is_number else math.nan
    if not 0 <= number < 1e9:
        raise InvalidValueError(
            f"the prediction {id_} is no number",
            expected="a number from 0 on",
            seen=repr(value)[:60],
            next_step="write a number in its place, without quotes, such as 3 or 0.5",
        )
    return number


def amount(words: Words, asked: Prediction, number: float) -> str:
    """Return a number with its unit."""
    if asked.unit == "s":
        return format_seconds(number)
    # Not with .2g: 13 calls are not 13.0.
    return words.text(f"unit.{asked.unit}", n=int(number) if number == int(number) else round(number, 2))


def _as_given(words: Words, asked: Prediction, number: float) -> str:
    # Not 5.00 s, where the learner wrote 5.
    return f"{number:g} s" if asked.unit == "s" else amount(words, asked, number)


@dataclass(frozen=True)
class PredictionRow:
    """One prediction beside what was observed; both in words."""

    id: str
    predicted: float
    observed: float | None
    row: tuple[str, str, str, str]


class PredictionTable(tuple[PredictionRow, ...]):
    """Predictions beside what was observed."""

    __slots__ = ()
    heading: ClassVar[tuple[str, ...]] = ("about", "predicted", "observed", "compared")

    def rows(self, words: Words) -> list[tuple[str, ...]]:
        """Return the table, with its heading."""
        return [
            tuple(words.text(f"predictions.{name}") for name in self.heading),
            *(each.row for each in self),
        ]


@dataclass(frozen=True)
class PredictionReport:
    """What ``lab.predictions()`` shows; ``rows`` has the numbers."""

    rows: PredictionTable
    language: str

    def __repr__(self) -> str:
        words = Words(self.language)
        return text_table(self.rows.rows(words)) if self.rows else words.text("predictions.none")

    def _repr_html_(self) -> str:
        words = Words(self.language)
        table = html_table(self.rows.rows(words))
        return table if self.rows else f"<p>{words.text('predictions.none')}</p>"


def predictions(desk: Desk) -> PredictionReport:
    """Return the learner's predictions beside what was observed.

    Those of the notebook: the runs of another one are gone with its kernel.
    """
    work, words = desk.work(), desk.words
    rows = []
    for asked in _asked_in(desk.notebook):
        if asked.id in work.predicted:
            predicted, observed = work.predicted[asked.id], asked.observed(work)
            seen = words.text("predictions.not-yet") if observed is None else amount(words, asked, observed)
            of = compare_counts if asked.unit in _COUNTED else compare
            compared = "" if observed is None else of(words, predicted, observed)
            row = (words.text(f"predict.{asked.id}"), _as_given(words, asked, predicted), seen, compared)
            rows.append(PredictionRow(asked.id, predicted, observed, row))
    return PredictionReport(PredictionTable(rows), words.language)


def compare_counts(words: Words, predicted: float, observed: float) -> str:
    """Tell in words how far a prediction of a number of things was off."""
    difference = round(abs(observed - predicted), 2)
    if not difference:
        return words.text("compared.same")
    if min(predicted, observed) >= _MANY:
        return compare(words, predicted, observed)
    more = "more" if observed > predicted else "less"
    return words.text(f"compared.difference.{more}", n=f"{difference:g}")


def compare(words: Words, predicted: float, observed: float) -> str:
    """Tell in words how far a prediction was off."""
    if abs(predicted - observed) <= _CLOSE * max(observed, predicted) or predicted == observed:
        return words.text("compared.close")
    more = "more" if observed > predicted else "less"
    low, high = sorted((predicted, observed))
    if low > 0 and high / low < _FACTOR:
        return words.text(f"compared.percent.{more}", n=round(100 * abs(observed - predicted) / predicted))
    if low <= 0 or high / low > 1000:
        return words.text(f"compared.much.{more}")
    factor = high / low
    return words.text(f"compared.factor.{more}", n=round(factor) if factor >= 9.5 else round(factor, 1))


def _asked_in(notebook: str) -> list[Prediction]:
    """Return the predictions of a notebook; without a number, of all."""
    books = [book for book in course_notebooks() if notebook in ("", book.number)]
    return [each for book in books for each in book.predictions]


def lines_of(progress: ProgressFile, notebook: str = "") -> Callable[[Measurement], PredictedWait | None]:
    """Return what finds the prediction that belongs into a run's plot.

    Notebooks share the names of functions: one of ``notebook`` is meant, and
    the one that tells more about the run before the one that tells less.
    """
    kept = progress.read().predictions
    asked = sorted(
        (each for each in _asked_in(notebook) if each.id in kept), key=lambda each: -len(each.run or ())
    )

    def line_of(run: Measurement) -> PredictedWait | None:
        most = strips_of(run)[1].most if run.calls else 0
        for each in asked:
            if each.run in ((run.function, run.mode), (run.function, run.mode, len(run.calls), most)):
                return _predicted_wait(float(kept[each.id]["value"]), run, is_end=len(each.run) > 2)
        return None

    return line_of


def _predicted_wait(seconds: float, run: Measurement, *, is_end: bool) -> PredictedWait:
    observed = run.drained_after if is_end else run.accepted_after

    def compared(language: str) -> str:
        return "" if observed is None else compare(Words(language), seconds, observed)

    return PredictedWait(seconds, compared, is_end)
