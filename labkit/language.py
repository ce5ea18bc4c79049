"""The language of what a learner reads, and its catalogue of texts.

As with gettext, the English text in the code is the key: it is read where it
is raised or shown, and what the catalogue does not have stays English.
``words/LANGUAGE/*.json`` maps it to the translation, with ``{name}`` in the
place of a value. Unlike gettext it also finds the entry of a finished text,
as errors come over HTTP from services that know no language. An entry
translates a whole text or none of it.

Values are found by the names of their places:

* ``{n}``, ``{m}``, ``{k}`` and those with a digit after it: a number;
* ``{time}``: a duration or an amount with its unit;
* ``{name}``: no blank, such as the name of a function;
* any other: any text. In a translation ``{any*}`` is a text of the catalogue,
  too, or several with commas between them; unknown ones leave it all English.
"""

from __future__ import annotations

import os
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

LANGUAGES = ("en", "zh")
VARIABLE = "LABKIT_LANG"
_KINDS = {"n": r"[\d.,]+", "m": r"[\d.,]+", "k": r"[\d.,]+", "time": r"[\d.,]+ ?\w+", "name": r"\S+?"}
_ANY = r".+?"


def language() -> str:
    """Return ``LABKIT_LANG``, else the notebook's folder's, or English."""
    if (chosen := os.environ.get(VARIABLE, "")[:2]) in LANGUAGES:
        return chosen
    folders = os.environ.get("JPY_SESSION_NAME", os.getcwd()).split(os.sep)
    # Below a folder of notebooks: a user may be called zh.
    for place in range(len(folders) - 1, 0, -1):
        if folders[place] in LANGUAGES and folders[place - 1].endswith("notebooks"):
            return folders[place]
    return LANGUAGES[0]


def translated(text: str) -> str:
    """Return a text in the language in use; itself if it is not known."""
    try:
        lang = language()
    except FileNotFoundError:  # of the current folder
        lang = LANGUAGES[0]
    return text if lang == LANGUAGES[0] or not text else _find(text, lang) or text


def joined(clauses: Iterable[str]) -> str:
    """Return clauses as one sentence, each in the language in use."""
    return translated(", ").join(map(translated, clauses))


class _Pattern(NamedTuple):
    matches: re.Pattern[str]
    translation: str
    letters: int


@cache
def catalogue(lang: str) -> dict[str, str]:
    """Return all entries of a language: English text to translation."""
    import json
    from pathlib import Path

    found: dict[str, str] = {}
    for path in sorted(Path(__file__).with_name("words").joinpath(lang).glob("*.json")):
        found |= json.loads(path.read_text("utf-8"))
    return found


@cache
def _patterns(lang: str) -> list[_Pattern]:
    """Return the entries with places; the most literal first."""
    import re

    found = []
    for text, translation in catalogue(lang).items():
        pieces = re.split(r"\{(\w+)\}", text)
        if len(pieces) > 1:
            parts = [re.escape(pieces[0])]
            for name, after in zip(pieces[1::2], pieces[2::2], strict=True):
                parts += [f"(?P<{name}>{_KINDS.get(name.rstrip('0123456789'), _ANY)})", re.escape(after)]
            pattern = re.compile("".join(parts), re.DOTALL)
            found.append(_Pattern(pattern, translation, sum(map(len, pieces[::2]))))
    return sorted(found, key=lambda one: -one.letters)


@lru_cache(maxsize=1024)
def _find(text: str, lang: str) -> str:
    """Return the translation of a whole text, or ""."""
    if exact := catalogue(lang).get(text):
        return exact
    for pattern in _patterns(lang):
        if (match := pattern.matches.fullmatch(text)) and (found := _filled(pattern, match, lang)):
            return found
    return ""


def _filled(pattern: _Pattern, match: re.Match[str], lang: str) -> str:
    """Return a translation with the values of a match, or ""."""
    import re

    known = True

    def value(place: re.Match[str]) -> str:
        nonlocal known
        text = match[place[1]]
        if place[2]:
            whole = text if re.fullmatch(_KINDS["time"], text) else _find(text, lang)
            parts = [whole] if whole else [_find(part, lang) for part in text.split(", ")]
            known = known and all(parts)
            text = catalogue(lang).get(", ", ", ").join(parts)
        return text

    found = re.sub(r"\{(\w+)(\*?)\}", value, pattern.translation)
    return found if known else ""
