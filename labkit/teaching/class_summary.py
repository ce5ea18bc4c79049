"""A class: the progress of several learners side by side; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from labkit.errors import InvalidValueError
from labkit.teaching.progress_file import ProgressRecord
from labkit.teaching.summary_line import read_summaries
from labkit.views.plots.lettering import lettering
from labkit.views.tables import text_table
from labkit.views.words import ViewWords, words_in_use

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def read_learners(text: str, name: str) -> list[tuple[str, ProgressRecord]]:
    """Return the learners in a file: pasted lines, or one exported progress.

    Args:
        text: The file's content.
        name: Its name; without the ending it is the learner of an exported
            progress.

    Raises:
        InvalidValueError: It is neither, or a line is not complete.
    """
    if text.lstrip().startswith("{"):
        return [(PurePath(name).stem, ProgressRecord.from_json(text, name))]
    found = read_summaries(text, name)
    if not found:
        raise InvalidValueError(
            f"{name} has no progress of a learner",
            expected="lines of lab.progress().summary, or a file that lab.progress().export() wrote",
            seen=_seen(text),
        )
    return found


@dataclass(frozen=True)
class ExerciseRow:
    """An exercise or a question in a class.

    Attributes:
        id: Such as ``01.3``, ``01.q1``.
        passed: How many learners have passed it; of a question, how many
            answered rightly at first.
        tried: How many have tried it.
        tries: Tries per learner who has.
        hints: Hints per learner who has; None for a question.
        wrong: The most frequent wrong first answer and how many gave it.
    """

    id: str
    passed: int
    tried: int
    tries: float
    hints: float | None = None
    wrong: tuple[str, int] | None = None


@dataclass(frozen=True)
class ClassSummary:
    """The progress of several learners.

    Attributes:
        learners: Their names, each with how many exercises are passed.
        rows: Every exercise and question that somebody tried, by id.
    """

    learners: tuple[tuple[str, int], ...]
    rows: tuple[ExerciseRow, ...]

    @classmethod
    def of(cls, learners: Sequence[tuple[str, ProgressRecord]]) -> ClassSummary:
        """Put learners together; of two with one name both count."""
        named = tuple(
            (name, sum("passed" in entry for entry in record.exercises.values())) for name, record in learners
        )
        records = [record for _, record in learners]
        exercises = [_exercise_row(id_, found) for id_, found in _by_id([each.exercises for each in records])]
        questions = [_question_row(id_, found) for id_, found in _by_id([each.questions for each in records])]
        return cls(named, tuple(sorted(exercises + questions, key=lambda row: row.id)))

    def to_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "learners": [{"name": name, "passed": passed} for name, passed in self.learners],
            "rows": [
                {
                    "id": row.id,
                    "passed": row.passed,
                    "tried": row.tried,
                    "tries": row.tries,
                    "hints": row.hints,
                    "wrong_answer": row.wrong and {"answer": row.wrong[0], "learners": row.wrong[1]},
                }
                for row in self.rows
            ],
        }

    def text(self) -> str:
        """Return the tables: exercises and questions, then learners."""
        count = len(self.learners)
        rows = [("", "passed", "tried", "tries each", "hints each", "most frequent wrong answer")]
        for row in self.rows:
            wrong = f"{row.wrong[0]}: {row.wrong[1]}/{row.tried}" if row.wrong else ""
            hints = "" if row.hints is None else f"{row.hints:.1f}"
            rows.append((row.id, f"{row.passed}/{count}", str(row.tried), f"{row.tries:.1f}", hints, wrong))
        named = [("learner", "exercises passed"), *((name, str(passed)) for name, passed in self.learners)]
        return f"{text_table(rows, right=(2, 3, 4))}\n\n{text_table(named, right=(1,))}"

    def figure(self) -> Figure:
        """Draw how many of the class have passed and tried each."""
        with lettering(words_in_use()) as words:
            return self._drawn(words)

    def _drawn(self, words: ViewWords) -> Figure:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        count = len(self.learners)
        places = self._places()
        last = max(places, default=0.0)
        figure = Figure(figsize=(8, 1.3 + 0.3 * (1 + last)), layout="constrained")
        axes = figure.add_subplot()
        tried = [row.tried for row in self.rows]
        axes.barh(places, tried, color="#d3d8dd", label=words.text("class.tried"))
        for key, color, is_question in (("passed", "#1f6fb2", False), ("at-once", "#d9822b", True)):
            bars = [
                (place, row.passed)
                for place, row in zip(places, self.rows, strict=True)
                if (row.hints is None) is is_question
            ]
            ys, widths = [place for place, _ in bars], [passed for _, passed in bars]
            axes.barh(ys, widths, color=color, height=0.5, label=words.text(f"class.{key}"))
        for place, row in zip(places, self.rows, strict=True):
            if row.wrong:
                note = f"{row.wrong[0]}: {row.wrong[1]}"
                axes.annotate(note, (count, place), (6, 0), textcoords="offset points", va="center", size=8)
        axes.set_yticks(places, [row.id for row in self.rows])
        axes.set_ylim(last + 0.7, -0.7)
        axes.set_xlim(0, max(1, count))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(words.text("class.axis", n=count))
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
        return figure

    def _places(self) -> list[float]:
        """Return where each row is drawn: a gap separates two notebooks."""
        gaps = [one.id[:2] != other.id[:2] for one, other in pairwise(self.rows)]
        return list(accumulate((1.5 if gap else 1.0 for gap in gaps), initial=0.0))[: len(self.rows)]


def _seen(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        return "an empty file"
    return words[:60] if words.isprintable() and "\ufffd" not in words else "no text"


def _by_id(
    records: Sequence[Mapping[str, dict[str, Any]]],
) -> list[tuple[str, list[dict[str, Any]]]]:
    ids = sorted({id_ for record in records for id_ in record})
    return [(id_, [record[id_] for record in records if id_ in record]) for id_ in ids]


def _exercise_row(id_: str, entries: Sequence[Mapping[str, Any]]) -> ExerciseRow:
    count = len(entries)
    passed = sum("passed" in entry for entry in entries)
    hints = sum(int(entry.get("hints", 0)) for entry in entries) / count
    return ExerciseRow(id_, passed, count, _tries(entries), hints)


def _question_row(id_: str, entries: Sequence[Mapping[str, Any]]) -> ExerciseRow:
    at_once = [entry for entry in entries if "passed" in entry and int(entry.get("tries", 0)) == 1]
    wrong = Counter(str(entry.get("first", "")) for entry in entries if entry not in at_once)
    most = wrong.most_common(1)
    return ExerciseRow(id_, len(at_once), len(entries), _tries(entries), wrong=most[0] if most else None)


def _tries(entries: Sequence[Mapping[str, Any]]) -> float:
    return sum(int(entry.get("tries", 0)) for entry in entries) / len(entries)
