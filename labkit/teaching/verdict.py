"""What a learner is told: the verdict of a check, a quiz, a hint."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from labkit.teaching.words import Words
from labkit.views.box import box_style

_ACCENTS = {
    True: "var(--jp-success-color1,#2e7d32)",
    False: "var(--jp-warn-color1,#ef6c00)",
    None: "var(--jp-info-color1,#1976d2)",
}
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class CourseVerdict:
    """What a learner is told, as text and as a box; true if it is passed.

    Attributes:
        id: Of the exercise, the question or the prediction: ``01.3``.
        passed: Whether it is right; None if nothing was judged.
        headline: One sentence.
        text: What is said below it, without a label, or "".
        expected: What should be there, or "".
        seen: What is there, or "".
        next_step: What to do next, or "".
        key: Name of the finding, such as that of a misconception, or "".
        language: Of the texts.
    """

    id: str
    passed: bool | None
    headline: str
    text: str = ""
    expected: str = ""
    seen: str = ""
    next_step: str = ""
    key: str = ""
    language: str = "en"

    def __bool__(self) -> bool:
        return self.passed is True

    def __repr__(self) -> str:
        rows = [f"  {label}: {text}" for label, text in self._rows()]
        return "\n".join([f"{self._symbol}{self.headline}", *([self.text] if self.text else []), *rows])

    def _repr_html_(self) -> str:
        return self.html()

    def html(self) -> str:
        """Return it as a box."""
        name = f"labkit-verdict-{ {True: 'passed', False: 'not-yet', None: 'note'}[self.passed] }"
        rows = "".join(f"<dt>{html.escape(label)}</dt><dd>{shown(text)}</dd>" for label, text in self._rows())
        return (
            f'<section class="{name}" role="status">'
            f"<style>{box_style(name, _ACCENTS[self.passed])}</style>"
            f"<strong>{self._symbol}{shown(self.headline)}</strong>"
            + (f"<div>{shown(self.text)}</div>" if self.text else "")
            + (f"<dl>{rows}</dl>" if rows else "")
            + "</section>"
        )

    @property
    def _symbol(self) -> str:
        return {True: "✓ ", False: "○ ", None: ""}[self.passed]

    def _rows(self) -> list[tuple[str, str]]:
        words = Words(self.language)
        rows = (("expected", self.expected), ("seen", self.seen), ("next", self.next_step))
        return [(words.text(f"verdict.{name}"), text) for name, text in rows if text]


def shown(text: str) -> str:
    """Return a text as HTML: what is between backticks is code."""
    return _CODE.sub(r"<code>\1</code>", html.escape(text)).replace("\n", "<br>")
