"""Lines to be put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labkit.errors import InvalidValueError
from labkit.teaching.desk import Desk
from labkit.teaching.registry import arrangement
from labkit.teaching.verdict import CourseVerdict


@dataclass(frozen=True)
class ArrangementText:
    """The lines to order, for where no widget can be shown."""

    text: str
    lines: tuple[tuple[str, str], ...]
    how: str

    def __repr__(self) -> str:
        return "\n".join([self.text, *(f"  {letter}) {line}" for letter, line in self.lines), self.how])


def arrangement_text(desk: Desk, id_: str) -> ArrangementText:
    """Return the lines in the order of their letters, which is no answer."""
    asked = arrangement(id_)
    letters = sorted(asked.right)
    return ArrangementText(
        desk.words.text(f"arrange.{id_}.question"),
        tuple((letter, desk.words.text(f"arrange.{id_}.{letter}")) for letter in letters),
        desk.words.text("arrange.how", id=id_, order="".join(letters)),
    )


def arrange(desk: Desk, id_: str, order: Sequence[str]) -> CourseVerdict:
    """Judge an order of the lines, and count it.

    Args:
        desk: The learner's.
        id_: Such as ``01.o1``.
        order: The lines' letters: ``"cab"`` or ``["c", "a", "b"]``.

    Raises:
        InvalidValueError: There are no such lines, or one is missing.
    """
    asked, words = arrangement(id_), desk.words
    letters = "".join(order)
    if sorted(letters) != sorted(asked.right):
        expected = f"each of these letters once: {', '.join(sorted(asked.right))}"
        raise InvalidValueError(f"{id_} has other lines", expected=expected, seen=repr(order))
    passed = letters == asked.right
    desk.progress.note_answer(id_, letters, passed=passed)
    if passed:
        headline, text, key = words.text("arrange.right"), words.text(f"arrange.{id_}.right"), ""
    else:
        # The first known misconception, else the first line out of place.
        key = next(
            (key for pair, key in asked.mistakes if letters.index(pair[1]) < letters.index(pair[0])), ""
        )
        place = next(place for place, letter in enumerate(letters) if letter != asked.right[place])
        headline = words.text("arrange.wrong")
        first = words.text(f"arrange.{id_}.{letters[place]}")
        misplaced = words.text("arrange.misplaced", line=first, place=place + 1)
        text = words.text(f"arrange.{id_}.wrong.{key}") if key else misplaced
    return CourseVerdict(id_, passed, headline, text=text, key=key, language=words.language)
