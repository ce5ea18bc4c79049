"""A learner's progress as one line, to paste to the instructor; pure."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from labkit.errors import InvalidValueError
from labkit.teaching.progress_file import FORMAT, VERSION, ProgressRecord

_BEGIN = re.compile(rf"{FORMAT} v(?P<version>\d+)")
# A mail wraps a long line, and marks a quoted one with >.
_REST = re.compile(r"(?P<entries>([\s>]+\d\d\.[\w-]+:\w+)*)[\s>]+#(?P<sum>[0-9a-f]{8})\b")
_EXERCISE = re.compile(r"(?P<id>\d\d\.[\w-]+):(?P<state>[pt])(?P<tries>\d+)h(?P<hints>\d+)")
_QUESTION = re.compile(r"(?P<id>\d\d\.[\w-]+):(?P<state>[rw])(?P<tries>\d+)(?P<first>[a-z]+)")


def summary_line(record: ProgressRecord) -> str:
    """Return the line: ids with ``p`` passed or ``t`` tried, tries, hints.

    Of a question: ``r`` right or ``w`` wrong, tries, the first answer. The
    checksum at the end finds a line that was cut off, not one that was forged.
    """
    words = [
        f"{id_}:{'p' if 'passed' in entry else 't'}{entry.get('tries', 0)}h{entry.get('hints', 0)}"
        for id_, entry in sorted(record.exercises.items())
    ]
    words += [
        f"{id_}:{'r' if 'passed' in entry else 'w'}{entry.get('tries', 0)}{entry.get('first', '')}"
        for id_, entry in sorted(record.questions.items())
    ]
    body = " ".join([f"{FORMAT} v{VERSION}", *words])
    return f"{body} #{_checksum(body)}"


def read_summaries(text: str, name: str = "the text") -> list[tuple[str, ProgressRecord]]:
    """Return the lines in a text, each with what stands before it.

    A line may be broken between two of its entries.

    Args:
        text: Such as what was copied from a chat.
        name: Of the file, for errors.

    Raises:
        InvalidValueError: A line is not complete, or of another version.
    """
    found = []
    last = 0
    for begin in _BEGIN.finditer(text):
        number = text.count("\n", 0, begin.start()) + 1
        rest = _REST.match(text, begin.end())
        entries = re.sub(r"[\s>]+", " ", rest["entries"]).rstrip() if rest else ""
        is_complete = rest is not None and _checksum(begin[0] + entries) == rest["sum"]
        before = text[max(text.rfind("\n", 0, begin.start()) + 1, last) : begin.start()]
        if not is_complete or begin["version"] != str(VERSION):
            raise InvalidValueError(
                f"line {number} of {name} is not a complete summary",
                expected="the whole line of lab.progress().summary, up to its checksum",
                seen=f"{before}{text[begin.start() :].splitlines()[0]}".strip()[:80],
                next_step="ask the learner for the line again",
            )
        last = rest.end() if rest else last
        found.append((before.strip(" \t:,;|<>\"'") or f"line {number}", _record(entries)))
    return found


def _record(entries: str) -> ProgressRecord:
    record = ProgressRecord.empty()
    for word in entries.split():
        if match := _EXERCISE.fullmatch(word):
            entry: dict[str, Any] = {"tries": int(match["tries"]), "hints": int(match["hints"])}
            record.exercises[match["id"]] = entry
        elif match := _QUESTION.fullmatch(word):
            entry = {"tries": int(match["tries"]), "first": match["first"]}
            record.questions[match["id"]] = entry
        else:
            continue
        if match["state"] in "pr":
            entry["passed"] = ""
    return record


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:8]
