"""The lines of services' logs: time, level, and the call they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from labkit_services.contract.times import parse_rfc3339, rfc3339

_OWN = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (\w+) [\w-]+: (.*)", re.DOTALL)
_NATS = re.compile(r"\[\d+\] (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+) \[(\w{3})\] (.*)", re.DOTALL)
_NATS_LEVELS = {
    "INF": "info",
    "WRN": "warning",
    "ERR": "error",
    "FTL": "error",
    "DBG": "debug",
    "TRC": "debug",
}
_CALL_FIELD = re.compile(r"\bcall_id=(?:\"((?:[^\"\\]|\\.)*)\"|(\S+))")
_GATEWAYS = re.compile(r"\[([^\s\]\"]{8,})\] (?:Queueing|Already queued)")
_NUMBERED = re.compile(r"\[#([\w-]+)\] ")
_RECEIVED = re.compile(r"\"CallId\": \"([^\"]+)\"")
_NAMED = re.compile(r"(?:, call|dead letter) (\S+?),?(?: |$)")
_MAX_NUMBERS = 2000


@dataclass(slots=True)
class LogReader:
    """Parses the lines of one log, in their order.

    A line without a time of its own has that of the line before. The worker
    names a call once and numbers its lines: ``[#4] Invoked: …``.
    """

    service: str
    _time: str | None = None
    _calls: dict[str, str] = field(default_factory=dict)

    def read(self, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Yield ``{"service", "time", "level", "text", "call_id"}``."""
        for line in lines:
            if line:
                yield self._parse(line)

    def _parse(self, line: str) -> dict[str, Any]:
        level, text = "info", line
        if own := _OWN.match(line):
            self._time, level, text = own[1], own[2].lower(), own[3]
        elif nats := _NATS.match(line):
            self._time = _nats_time(nats[1])
            level, text = _NATS_LEVELS.get(nats[2], "info"), nats[3]
        return {
            "service": self.service,
            "time": self._time,
            "level": level,
            "text": text,
            "call_id": self._call_of(text),
        }

    def _call_of(self, text: str) -> str | None:
        if found := _CALL_FIELD.search(text):
            return found[2] or found[1].replace('\\"', '"')
        if found := _GATEWAYS.match(text):
            return found[1]
        if numbered := _NUMBERED.match(text):
            number = numbered[1]
            if found := _RECEIVED.search(text):
                self._calls[number] = found[1]
                if len(self._calls) > _MAX_NUMBERS:
                    del self._calls[next(iter(self._calls))]
            elif number not in self._calls and (found := _NAMED.search(text)):
                self._calls[number] = found[1]
            return self._calls.get(number)
        return None


def is_since(line: dict[str, Any], since_ns: int) -> bool:
    """Tell whether a line is of that time or later; unknown times are not."""
    return line["time"] is not None and parse_rfc3339(line["time"]) >= since_ns


def _nats_time(text: str) -> str | None:
    try:
        # nats-server writes local time.
        local = datetime.strptime(text, "%Y/%m/%d %H:%M:%S.%f").astimezone(UTC)
    except ValueError:
        return None
    return rfc3339(round(local.timestamp() * 1e6) * 1000)
