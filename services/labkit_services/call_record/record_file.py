"""A record of a run: one JSON document a line, readable by later versions.

The first line is ``{"labkit_record": 1, "started": …, "labkit": VERSION,
…}``. Each other one has one key: ``{"event": [time_ns, type, call_id,
function, attempt, data, service]}``, ``{"request": {…}}`` (a captured
request's summary, without headers and body). Unknown keys are
ignored. A cut last line, as after a kill,
is ignored, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.events import Event
from labkit_services.contract.names import VERSION

FORMAT = 1
MAX_EVENTS = 500_000
"""Most events that are read: of a longer record, the first ones."""
MAX_BYTES = 512 * 1024 * 1024
_SECRET_KEYS = frozenset({"authorization", "cookie", "token", "password", "secret"})
_REQUEST_KEYS = (
    *("id", "bin", "seq", "received_at", "method", "path", "content_type", "content_length"),
    *("status", "response", "openfaas", "replay_of"),
)


@dataclass(slots=True)
class RunRecord:
    """What a record file holds.

    Attributes:
        head: Its first line.
        events: In the order of the file.
        requests: Summaries of captured requests.
        skipped: Number of lines that could not be read.
        truncated: Whether there were more events than are kept.
    """

    head: dict[str, Any]
    events: list[Event] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    skipped: int = 0
    truncated: bool = False

    @property
    def start_ns(self) -> int:
        """Time of the first event."""
        return min((event.time_ns for event in self.events), default=0)

    @property
    def end_ns(self) -> int:
        """Time of the last event."""
        return max((event.time_ns for event in self.events), default=0)


def head_line(started_ns: int, **more: Any) -> str:
    """Return the first line, with its line end."""
    return _line({"labkit_record": FORMAT, "started": started_ns / 1e9, "labkit": VERSION, **more})


def event_line(event: Event) -> str:
    """Return the line of an event; secrets among its data are left out."""
    data = {key: value for key, value in event.data.items() if key.lower() not in _SECRET_KEYS}
    row = [event.time_ns, event.type, event.call_id, event.function, event.attempt, data, event.service]
    return _line({"event": row})


def request_line(summary: dict[str, Any]) -> str:
    """Return the line of a captured request: no header, no body, no query."""
    kept = {key: summary[key] for key in _REQUEST_KEYS if key in summary}
    if isinstance(kept.get("response"), dict):
        kept["response"] = {"status": kept["response"].get("status")}
    return _line({"request": kept})


def _line(document: dict[str, Any]) -> str:
    return encode(document) + "\n"


def read_record(lines: Iterable[str | bytes], name: str = "the file") -> RunRecord:
    """Read a record.

    Raises:
        InvalidValueError: It is none, or of a format that is not known yet.
    """
    iterator = iter(lines)
    record = RunRecord(_read_head(next(iterator, b""), name))
    for line in iterator:
        for kind, value in _read_line(line, record):
            match kind:
                case "event" if len(record.events) >= MAX_EVENTS:
                    record.truncated = True
                case "event":
                    record.events.append(value)
                case "request":
                    record.requests.append(value)
    return record


def _read_head(line: str | bytes, name: str) -> dict[str, Any]:
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or not isinstance(head.get("labkit_record"), int):
        raise InvalidValueError(
            f"{name} is not a record of a run",
            expected='a first line {"labkit_record": 1, …}, as lab.record() writes',
            seen=ascii(line[:80]),
        )
    if head["labkit_record"] > FORMAT:
        raise InvalidValueError(
            f"{name} was written by a newer labkit",
            expected=f"format {FORMAT} or older",
            seen=f"format {head['labkit_record']}, labkit {head.get('labkit')!a}",
            next_step="update labkit",
        )
    return head


def _read_line(line: str | bytes, record: RunRecord) -> Iterator[tuple[str, Any]]:
    try:
        document = json.loads(line)
        for kind, value in document.items():
            yield kind, _event(value) if kind == "event" else _object(value)
    except (ValueError, TypeError, AttributeError, RecursionError):
        record.skipped += 1


def _event(row: list[Any]) -> Event:
    time_ns, type_, call_id, function, attempt, data, service, *_ = row
    if not isinstance(time_ns, int) or not isinstance(attempt, int) or not isinstance(data, dict):
        raise ValueError("not an event")
    if not all(isinstance(text, str) for text in (type_, call_id, function, service)):
        raise ValueError("not an event")
    return Event(time_ns, type_, call_id, function, attempt, service, service, data)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
