"""Sentences from the words catalogue, which pages read in every language.

A phrase is a code and its values; ``web/words/LANGUAGE.json`` has its text
under ``outcome.CODE``, with ``{name}`` in the place of a value. A value may be
a phrase itself, a list of phrases, or a list of numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_WORDS = Path(__file__).parents[1] / "web" / "words"
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One sentence, or a part of one."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Phrase:
        """Read what ``to_json`` returns."""
        values = document["values"]
        return cls(document["code"], {name: _from_json(value) for name, value in values.items()})

    def to_json(self) -> dict[str, Any]:
        """Return ``{"code", "values"}``; phrases among the values as well."""
        return {"code": self.code, "values": {name: _json(value) for name, value in self.values.items()}}

    def text(self, language: str = "en") -> str:
        """Return the text of the catalogue, with its values."""
        return filled(_words(language).get(f"outcome.{self.code}", self.code), self.values, language)


def filled(entry: Any, values: Mapping[str, Any], language: str) -> str:
    """Return an entry of a catalogue with its values in their places.

    Args:
        entry: A text, or ``{"one", "other"}`` for the number ``n``.
        values: Texts, numbers, phrases, or lists of them, by name.
        language: ``en`` or ``zh``.
    """
    if isinstance(entry, dict):
        # Chinese has one form only; English one for 1.
        is_one = language == "en" and values.get("n") == 1
        entry = entry.get("one", entry["other"]) if is_one else entry["other"]
    return _PLACE.sub(lambda place: _shown(values.get(place[1], place[0]), language), entry)


def _json(value: Any) -> Any:
    if isinstance(value, Phrase):
        return value.to_json()
    return [_json(one) for one in value] if isinstance(value, list) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return Phrase.from_json(value)
    return [_from_json(one) for one in value] if isinstance(value, list) else value


def _shown(value: Any, language: str) -> str:
    if isinstance(value, Phrase):
        return value.text(language)
    if isinstance(value, list):
        words = _words(language)
        parts = [_shown(one, language) for one in value]
        if not value or isinstance(value[0], Phrase):
            return str(words["outcome.sentences"]).join(parts)
        *most, last = parts
        before = str(words["outcome.list"]).join(most)
        return f"{before}{words['outcome.list.last']}{last}" if most else last
    return f"{value:.2g}" if isinstance(value, float) and value < 10 else _plain(value)


def _plain(value: Any) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)


@cache
def _words(language: str) -> dict[str, Any]:
    """Return a catalogue: it is a part of the program, as code is."""
    words: dict[str, Any] = json.loads((_WORDS / f"{language}.json").read_text("utf-8"))
    return words
