"""The table of colours and shapes that pages, widgets and plots share.

``labkit_services/web/marks.json`` holds it, beside the catalogue of words.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

_WEB = files("labkit_services.web")
_TABLE = json.loads(_WEB.joinpath("marks.json").read_text("utf-8"))

COLOURS: dict[str, dict[str, str]] = _TABLE["colours"]
"""``#rrggbb`` by name, and by ``light`` or ``dark``."""
SPANS: dict[str, dict[str, Any]] = _TABLE["spans"]
r"""How the bars of each kind of span look, in the order of legends: ``colour``
(a name), ``lane``, ``height`` (pixels, in a row of ``ROW``), ``fill``,
``hatch`` ("", "/", "\", "x" or "|"), ``line`` ("solid", "dashed" or
"dotted")."""
MOMENTS: dict[str, dict[str, Any]] = _TABLE["moments"]
"""How moments look: ``colour``, ``fill``, ``path`` (SVG, within ±6 pixels),
``plot`` (matplotlib's marker)."""
STATES: dict[str, dict[str, Any]] = _TABLE["states"]
"""How the state of a call looks: ``colour``, ``fill``, ``path``."""
ROW = 26
"""Height of a row in pixels."""


def label_of(kind: str, language: str = "en") -> str:
    """Return what legends call a kind of span or a moment."""
    return str(_words(language)[f"span.{kind}"])


def state_label(state: str, language: str = "en") -> str:
    """Return what pages call the state of a call."""
    return str(_words(language)[f"state.{state}"])


@cache
def _words(language: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_WEB.joinpath("words", f"{language}.json").read_text("utf-8"))
    return found
