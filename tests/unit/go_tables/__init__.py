"""What Go's libraries make of texts, as measured with them.

One file a library: what was measured, and the cases: the text, the result, and the error if there is one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def table(name: str) -> dict[str, Any]:
    """Return a file's content."""
    content: dict[str, Any] = json.loads(Path(__file__).with_name(f"{name}.json").read_text(encoding="utf-8"))
    return content


def cases(name: str) -> list[tuple[str, Any, str]]:
    """Return text, result and error; one of the latter two is empty."""
    return [(text, result, "".join(error)) for text, result, *error in table(name)["cases"]]
