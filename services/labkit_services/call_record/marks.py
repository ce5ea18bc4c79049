"""Colours and shapes of spans and moments: ``web/marks.json``.

Pages read the same file, so that a bar looks alike wherever it is drawn.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parents[1] / "web" / "marks.json"


@cache
def marks() -> dict[str, dict[str, Any]]:
    """Return the tables ``colours``, ``spans``, ``moments``, ``states``."""
    document: dict[str, dict[str, Any]] = json.loads(_FILE.read_text("utf-8"))
    return document
