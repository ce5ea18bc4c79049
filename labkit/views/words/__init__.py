"""The catalogue of texts of measured runs and plots, ``LANGUAGE.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from labkit.language import language
from labkit_services.call_record.phrases import filled


@cache
def view_catalogue(language: str) -> dict[str, Any]:
    """Return all entries of a language: it is a part of the program."""
    found: dict[str, Any] = json.loads(
        files("labkit.views.words").joinpath(f"{language}.json").read_text("utf-8")
    )
    return found


@dataclass(frozen=True)
class ViewWords:
    """The texts in one language, ``en`` or ``zh``."""

    language: str = "en"

    def text(self, key: str, **values: Any) -> str:
        """Return an entry with its values.

        Raises:
            KeyError: There is none.
        """
        return filled(view_catalogue(self.language)[key], values, self.language)

    def joined(self, *parts: str) -> str:
        """Return clauses as a sentence without a full stop, "" left out."""
        return self.text("join").join(part for part in parts if part)


def words_in_use() -> ViewWords:
    """Return those of the language in use."""
    return ViewWords(language())


ENGLISH = ViewWords("en")
