"""A learner's progress as one line, to paste to the instructor; pure."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from labkit.errors import InvalidValueError
from labkit.teaching.progress_file import FORMAT, VERSION, ProgressRecord

_LINE = re.compile(
    rf"(?P<body>{FORMAT} v(?P<version>\d+)(?P<entries>(?: [\w.:-]+)*)) #(?P<sum>[0-9a-f]{{8}})\b"
)
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


def read_summaries(text: str) -> list[tuple[str, ProgressRecord]]:
    """Return the lines in a text, each with what stands before it.

    Raises:
        InvalidValueError: A line is not complete, or of another version.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if f"{FORMAT} v" not in line:
            continue
        match = _LINE.search(line)
        if match is None or _checksum(match["body"]) != match["sum"] or match["version"] != str(VERSION):
            raise InvalidValueError(
                f"line {number} is not a complete summary",
                expected="the whole line of lab.progress().summary, up to its checksum",
                seen=line.strip()[:80],
                next_step="ask the learner for the line again",
            )
        name = line[: match.start()].strip(" \t:,;|<>\"'")
        found.append((name or f"line {number}", _record(match["entries"])))
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
