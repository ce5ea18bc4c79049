"""What a container writes: the engine's stream of both outputs, as lines."""

from __future__ import annotations

import json
import struct
from typing import Any

from labkit_services.contract.events import EventType
from labkit_services.gateway.functions.replica import WatchdogReports
from labkit_services.runtime.line_splitter import LineSplitter
from labkit_services.runtime.log_marks import MAX_CHARACTERS

_HEADER = struct.Struct(">BxxxI")
"""Of each frame (Docker Engine API, "Attach to a container"): the output's
number, and the length of what follows."""
_STDOUT = 1
_EVENTS = (EventType.PROCESS_STARTED, EventType.PROCESS_EXITED)
_READY = '{"ready": "watchdog"'


class ContainerOutput:
    """Passes on log lines and events.

    The lab's watchdog writes its events to standard output, and all log lines
    to standard error. OpenFaaS's watchdogs have no events, and log to both.
    """

    def __init__(self, reports: WatchdogReports) -> None:
        self._reports = reports
        self._stdout = LineSplitter(self._on_stdout, limit=2 * MAX_CHARACTERS)
        self._stderr = LineSplitter(reports.log, limit=2 * MAX_CHARACTERS)
        self._data = bytearray()
        self._current = self._stderr
        self._missing = 0  # bytes of the current frame

    def feed(self, data: bytes) -> None:
        """Add bytes of the stream."""
        self._data += data
        while self._data:
            if not self._missing:
                if len(self._data) < _HEADER.size:
                    return
                number, self._missing = _HEADER.unpack_from(self._data)
                self._current = self._stdout if number == _STDOUT else self._stderr
                del self._data[: _HEADER.size]
            part = bytes(self._data[: self._missing])
            del self._data[: self._missing]
            self._missing -= len(part)
            self._current.feed(part)

    def end(self) -> None:
        """Pass on what follows the last line's end."""
        self._stdout.end()
        self._stderr.end()

    def _on_stdout(self, line: str) -> None:
        if event := _event_of(line):
            self._reports.event(event)
        elif not line.startswith(_READY):
            self._reports.log(line)


def _event_of(line: str) -> list[Any] | None:
    """Return the event that the lab's watchdog has written, or None."""
    if not line.startswith("["):
        return None
    try:
        row = json.loads(line)
    except ValueError:
        return None
    match row:
        case [int(), str(type_), str(), dict()] if type_ in _EVENTS:
            return list(row)
    return None
