"""What is done about one copy of a notebook: pure, bytes in, decision out.

A copy names the original that it was made from in its metadata, as a
fingerprint of the original's cells. JupyterLab keeps that when it saves. So a
copy that was only opened can be told from one that was run or edited, also
after labkit has brought another original.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

_OWNER, _KEY = "labkit", "original"


class CopyState(StrEnum):
    """How a learner's copy compares with its original."""

    MISSING = "missing"
    UNTOUCHED = "untouched"
    CHANGED = "changed"
    OUTDATED = "new version available"


class CopyAction(StrEnum):
    """What is done about a copy."""

    CREATE = "created"
    UPDATE = "updated"
    RENAME = "renamed"
    """The copy gets another name, and a fresh one takes its place."""
    KEEP = "kept"


class Comparison(NamedTuple):
    """A copy beside its original.

    Attributes:
        state: What is shown.
        has_work: Whether the learner edited the copy, or ran a cell of it.
    """

    state: CopyState
    has_work: bool


def compare(original: bytes, copy: bytes | None) -> Comparison:
    """Compare a copy, or None if there is none, with its original.

    What can't be read as a notebook, and is not the original's bytes, counts
    as the learner's work.
    """
    if copy is None:
        return Comparison(CopyState.MISSING, has_work=False)
    if copy == original:
        return Comparison(CopyState.UNTOUCHED, has_work=False)
    mine, theirs = _read(copy), _read(original)
    if mine is None or theirs is None:
        return Comparison(CopyState.CHANGED, has_work=True)
    current, now, made_from = _fingerprint(theirs), _fingerprint(mine), _made_from(mine)
    has_work = now not in (current, made_from) or _was_run(mine)
    if now != current and made_from not in ("", current):
        return Comparison(CopyState.OUTDATED, has_work)
    return Comparison(CopyState.CHANGED if has_work else CopyState.UNTOUCHED, has_work)


def at_start(copy: Comparison) -> CopyAction:
    """Return what a start of the lab does: it adds, and keeps all work."""
    if copy.state is CopyState.MISSING:
        return CopyAction.CREATE
    if copy.state is CopyState.OUTDATED and not copy.has_work:
        return CopyAction.UPDATE
    return CopyAction.KEEP


def for_fresh_copy(copy: Comparison) -> CopyAction:
    """Return what is done if the learner asks for a fresh copy."""
    return CopyAction.RENAME if copy.has_work else at_start(copy)


def as_copy(original: bytes) -> bytes:
    """Return what is written as the copy of an original.

    It is the original and its fingerprint. What is no notebook, such as a
    picture, is copied as it is.
    """
    notebook = _read(original)
    if notebook is None:
        return original
    metadata = notebook.setdefault("metadata", {})
    metadata[_OWNER] = {**metadata.get(_OWNER, {}), _KEY: _fingerprint(notebook)}
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def backup_name(name: str, now: datetime, is_taken: Callable[[str], bool]) -> str:
    """Return a free name for a copy that makes room for a fresh one.

    ``01-x.ipynb`` becomes ``01-x.2026-11-30-1405.ipynb``, or, if that name is
    taken, ``01-x.2026-11-30-1405-2.ipynb`` and so on.
    """
    stem, dot, extension = name.rpartition(".")
    stamped = f"{stem}.{now:%Y-%m-%d-%H%M}"
    number = 1
    while True:
        candidate = f"{stamped}{f'-{number}' if number > 1 else ''}{dot}{extension}"
        if not is_taken(candidate):
            return candidate
        number += 1


def _read(content: bytes) -> dict[str, Any] | None:
    """Return a notebook's document, or None if the content is none."""
    try:
        notebook = json.loads(content)
        cells, metadata = notebook["cells"], notebook.get("metadata", {})
        is_notebook = isinstance(metadata, dict) and all(isinstance(cell, dict) for cell in cells)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return notebook if is_notebook else None


def _fingerprint(notebook: dict[str, Any]) -> str:
    """Hash what an author writes: kinds and sources, no ids, no outputs."""
    cells = [[cell.get("cell_type"), _text(cell.get("source"))] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:16]


def _text(source: object) -> str:
    # A list of lines in a file, or one string: the format allows both.
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _made_from(notebook: dict[str, Any]) -> str:
    mark = notebook.get("metadata", {}).get(_OWNER)
    return str(mark.get(_KEY, "")) if isinstance(mark, dict) else ""


def _was_run(notebook: dict[str, Any]) -> bool:
    return any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"])
