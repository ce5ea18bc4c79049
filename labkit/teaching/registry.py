"""Find what the notebooks ask, by id."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TypeVar

from labkit.errors import InvalidValueError
from labkit.teaching import course
from labkit.teaching.exercise import Arrangement, Exercise, Prediction, Question

Part = TypeVar("Part", Exercise, Question, Arrangement, Prediction)


@dataclass(frozen=True)
class CourseNotebook:
    """What one notebook asks; ``number`` is such as ``01``."""

    number: str
    exercises: tuple[Exercise, ...]
    questions: tuple[Question, ...]
    arrangements: tuple[Arrangement, ...]
    predictions: tuple[Prediction, ...]


@cache
def course_notebooks() -> tuple[CourseNotebook, ...]:
    """Return what every notebook asks, in their order."""
    found = []
    for name in sorted(module.name for module in pkgutil.iter_modules(course.__path__)):
        module = import_module(f"{course.__name__}.{name}")
        parts = (
            getattr(module, each, ()) for each in ("EXERCISES", "QUESTIONS", "ARRANGEMENTS", "PREDICTIONS")
        )
        found.append(CourseNotebook(name.removeprefix("n"), *parts))
    return tuple(found)


def exercise(id_: str) -> Exercise:
    """Return an exercise; InvalidValueError if there is none."""
    return _find(id_, "exercise", [each for book in course_notebooks() for each in book.exercises])


def question(id_: str) -> Question:
    """Return a question; InvalidValueError if there is none."""
    return _find(id_, "question", [each for book in course_notebooks() for each in book.questions])


def arrangement(id_: str) -> Arrangement:
    """Return lines to order; InvalidValueError if there are none."""
    return _find(id_, "arrangement", [each for book in course_notebooks() for each in book.arrangements])


def prediction(id_: str) -> Prediction:
    """Return a prediction; InvalidValueError if there is none."""
    return _find(id_, "prediction", [each for book in course_notebooks() for each in book.predictions])


def _find(id_: str, what: str, parts: list[Part]) -> Part:
    for part in parts:
        if part.id == id_:
            return part
    near = [part.id for part in parts if part.id[:2] == id_[:2]] or [part.id for part in parts]
    raise InvalidValueError(
        f"there is no {what} {id_!r}",
        expected=f"one of: {', '.join(near)}",
        seen=repr(id_),
        next_step="copy the cell from a fresh notebook: lab.fresh_copy()",
    )
