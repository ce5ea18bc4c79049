"""Multiple choice: each wrong answer names its misconception."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from labkit.errors import InvalidValueError
from labkit.teaching.desk import Desk
from labkit.teaching.exercise import Question
from labkit.teaching.registry import question
from labkit.teaching.verdict import CourseVerdict


@dataclass(frozen=True)
class QuestionText:
    """A question and its options, for where no widget can be shown."""

    text: str
    options: tuple[tuple[str, str], ...]
    how: str

    def __repr__(self) -> str:
        lines = [f"  {letter}) {option}" for letter, option in self.options]
        return "\n".join([self.text, *lines, self.how])


def options_of(desk: Desk, asked: Question) -> list[tuple[str, str]]:
    """Return letters and texts, shuffled: for one learner always the same."""

    def place(letter: str) -> bytes:
        return hashlib.sha256(f"{desk.seed} {asked.id} {letter}".encode()).digest()

    return [
        (letter, desk.words.text(f"choose.{asked.id}.{letter}"))
        for letter in sorted(asked.options, key=place)
    ]


def question_text(desk: Desk, id_: str) -> QuestionText:
    """Return a question as text, its options in the order of their letters."""
    asked = question(id_)
    how = desk.words.text("choose.how", id=id_, letter=asked.options[0])
    return QuestionText(
        desk.words.text(f"choose.{id_}.question"), tuple(sorted(options_of(desk, asked))), how
    )


def answer(desk: Desk, id_: str, letter: str) -> CourseVerdict:
    """Judge an answer, and count it.

    Raises:
        InvalidValueError: There is no such question or option.
    """
    asked = question(id_)
    if letter not in tuple(asked.options):
        expected = f"one of: {', '.join(asked.options)}"
        raise InvalidValueError(f"{id_} has no such option", expected=expected, seen=repr(letter))
    passed = letter == asked.right
    desk.progress.note_answer(id_, letter, passed=passed)
    words = desk.words
    return CourseVerdict(
        id_,
        passed,
        words.text("choose.right" if passed else "choose.wrong", option=words.text(f"choose.{id_}.{letter}")),
        text=words.text(f"choose.{id_}.{letter}.why"),
        next_step="" if passed else words.text("choose.again"),
        key=letter,
        language=words.language,
    )
