"""The catalogue of texts, ``LANGUAGE/NN.json`` and ``common.json``."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from labkit_services.call_record.phrases import filled


@cache
def catalogue(language: str) -> dict[str, Any]:
    """Return all entries of a language: it is a part of the program."""
    found: dict[str, Any] = {}
    for path in files("labkit.teaching.words").joinpath(language).iterdir():
        if path.name.endswith(".json"):
            found |= json.loads(path.read_text("utf-8"))
    return found


class Words:
    """The texts in one language, ``en`` or ``zh``."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __contains__(self, key: str) -> bool:
        return key in catalogue(self.language)

    def text(self, *keys: str, **values: Any) -> str:
        """Return the first of the entries that there is, with its values.

        Raises:
            KeyError: There is none of them.
        """
        words = catalogue(self.language)
        key = next((each for each in keys if each in words), keys[-1])
        return filled(words[key], values, self.language)
