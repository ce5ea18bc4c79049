"""Hints of an exercise: a question, a pointer, a worked line; counted."""

from __future__ import annotations

from labkit.errors import InvalidValueError
from labkit.teaching.desk import Desk
from labkit.teaching.registry import exercise
from labkit.teaching.verdict import CourseVerdict

LEVELS = 3


def seen_level(desk: Desk, id_: str) -> int:
    """Return how many hints of an exercise the learner has seen."""
    return int(desk.progress.read().exercises.get(exercise(id_).id, {}).get("hints", 0))


def hint(desk: Desk, id_: str, level: int | None = None) -> CourseVerdict:
    """Show a hint, and those before it; by default the next one.

    Raises:
        InvalidValueError: There is no such exercise or level.
    """
    chosen = min(seen_level(desk, id_) + 1, LEVELS) if level is None else level
    if not 1 <= chosen <= LEVELS:
        raise InvalidValueError("there is no such hint", expected=f"1 to {LEVELS}", seen=str(level))
    desk.progress.note_hint(id_, chosen)
    return hints_to(desk, id_, chosen)


def hints_to(desk: Desk, id_: str, level: int) -> CourseVerdict:
    """Return the hints up to a level; count nothing."""
    words = desk.words
    texts = [f"{number}. {words.text(f'hint.{id_}.{number}')}" for number in range(1, level + 1)]
    head = words.text("hint.head", id=id_, level=level, of=LEVELS)
    return CourseVerdict(id_, None, head, "\n".join(texts), key=str(level), language=words.language)
