"""A learner's progress on the disk: ``.labkit/progress.json``.

It is keyed by ids such as ``01.3``, for the path of a notebook differs from
language to language. It survives resets of the lab. Two notebooks, which are
two processes, may change it at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from labkit.errors import InvalidValueError
from labkit.file_lock import file_lock
from labkit.workspace import Workspace
from labkit_services.files.one_step import write_in_one_step

FORMAT = "labkit-progress"
VERSION = 1
_LARGEST_BYTES = 1_000_000
_KINDS = ("exercises", "questions", "predictions")

Entry = dict[str, Any]
"""Of an exercise: ``tries``, ``hints``, ``passed`` (a time); of a question:
``tries``, ``first`` (the first answer), ``passed``; of a prediction:
``value``, ``at``."""


class ProgressRecord(NamedTuple):
    """All entries, by id."""

    exercises: dict[str, Entry]
    questions: dict[str, Entry]
    predictions: dict[str, Entry]

    @classmethod
    def empty(cls) -> ProgressRecord:
        """Return the progress of who has not begun."""
        return cls({}, {}, {})

    def to_json(self) -> dict[str, Any]:
        """Return the file's document."""
        return {"format": FORMAT, "version": VERSION, **self._asdict()}

    @classmethod
    def from_json(cls, text: str, name: str) -> ProgressRecord:
        """Read a file's document.

        Raises:
            InvalidValueError: It is none.
        """
        try:
            document = json.loads(text)
            is_ours = document["format"] == FORMAT and document["version"] == VERSION
            parts = [document[kind] for kind in _KINDS]
            is_ours &= all(isinstance(entry, dict) and all(map(_is_entry, entry.values())) for entry in parts)
        except (ValueError, KeyError, TypeError, RecursionError):
            is_ours = False
        if not is_ours:
            raise InvalidValueError(
                f"{name} is no progress of a learner",
                expected=f'a file that lab.progress().export("…") wrote, version {VERSION}',
                seen=text[:60] or "an empty file",
            )
        return cls(*parts)

    def merged(self, other: ProgressRecord) -> ProgressRecord:
        """Return both together: what is passed in one of them is passed."""
        return ProgressRecord(*(_merged(mine, theirs) for mine, theirs in zip(self, other, strict=True)))


def _is_entry(entry: Any) -> bool:
    counts = ("tries", "hints")
    return isinstance(entry, dict) and all(type(entry.get(each, 0)) is int for each in counts)


def _merged(mine: Mapping[str, Entry], theirs: Mapping[str, Entry]) -> dict[str, Entry]:
    found = {}
    for id_ in sorted({*mine, *theirs}):
        one, two = theirs.get(id_, {}), mine.get(id_, {})
        both = {**one, **two}
        for count in {"tries", "hints"} & both.keys():
            both[count] = max(int(one.get(count, 0)), int(two.get(count, 0)))
        found[id_] = both
    return found


def now() -> str:
    """Return the local time, as it is kept: ``2026-11-30T14:05:09+0100``."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


class ProgressFile:
    """The progress of a workspace's learner."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return self._workspace.folder / "progress.json"

    def read(self) -> ProgressRecord:
        """Return the progress; empty if nothing was done yet.

        A file that can't be read is put aside as ``progress.json.damaged``.
        """
        try:
            with self.path.open("rb") as file:
                content = file.read(_LARGEST_BYTES)
            return ProgressRecord.from_json(content.decode("utf-8", "replace"), str(self.path))
        except FileNotFoundError:
            return ProgressRecord.empty()
        except InvalidValueError:
            self.path.replace(self.path.with_suffix(".json.damaged"))
            return ProgressRecord.empty()

    def change(self, change: Callable[[ProgressRecord], ProgressRecord | None]) -> ProgressRecord:
        """Change the progress and write it in one step; return it.

        ``change`` changes what it gets, or returns another record.
        """
        with file_lock(self._workspace, "progress.lock", "writing your progress"):
            record = self.read()
            record = change(record) or record
            content = json.dumps(record.to_json(), indent=1, ensure_ascii=False) + "\n"
            write_in_one_step(self.path, content.encode())
        return record

    # -- what happens

    def note_check(self, id_: str, *, passed: bool) -> None:
        """Count a check of an exercise."""
        self.change(lambda record: _note(record.exercises, id_, passed=passed))

    def note_answer(self, id_: str, answer: str, *, passed: bool) -> None:
        """Count an answer to a question; the first one is kept."""

        def change(record: ProgressRecord) -> None:
            record.questions.setdefault(id_, {"first": answer})
            _note(record.questions, id_, passed=passed)

        self.change(change)

    def note_hint(self, id_: str, level: int) -> None:
        """Keep the highest level of the hints that were seen."""

        def change(record: ProgressRecord) -> None:
            entry = record.exercises.setdefault(id_, {})
            entry["hints"] = max(level, int(entry.get("hints", 0)))

        self.change(change)

    def note_prediction(self, id_: str, value: float) -> None:
        """Keep a prediction; a later one takes its place."""

        def change(record: ProgressRecord) -> None:
            record.predictions[id_] = {"value": value, "at": now()}

        self.change(change)


def _note(entries: dict[str, Entry], id_: str, *, passed: bool) -> None:
    entry = entries.setdefault(id_, {})
    entry["tries"] = int(entry.get("tries", 0)) + 1
    if passed:
        entry.setdefault("passed", now())
