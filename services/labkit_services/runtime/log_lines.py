"""The lines of services' logs: time, level, and the call they are about."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from labkit_services.contract.times import parse_rfc3339, rfc3339

_OWN = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z (\w+) [\w-]+: (.*)", re.DOTALL)
_NATS = re.compile(r"\[\d+\] (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+) \[(\w{3})\] (.*)", re.DOTALL)
_JUPYTER = re.compile(r"\[([DIWEC]) (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) (\w+)\] (.*)", re.DOTALL)
_JUPYTER_LEVELS = {"D": "debug", "I": "info", "W": "warning", "E": "error", "C": "error"}
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

    A line without a time of its own has none here: see ``with_times``. The
    worker names a call once and numbers its lines: ``[#4] Invoked: …``.
    """

    service: str
    _calls: dict[str, str] = field(default_factory=dict)

    def read(self, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Yield ``{"service", "time", "level", "text", "call_id"}``."""
        for line in lines:
            if line:
                yield self._parse(line)

    def _parse(self, line: str) -> dict[str, Any]:
        time, level, text = None, "info", line
        if own := _OWN.match(line):
            time, level, text = f"{own[1]}.000000Z", own[2].lower(), own[3]
        elif nats := _NATS.match(line):
            time, level, text = (
                _local_time(nats[1], "%Y/%m/%d %H:%M:%S.%f"),
                _NATS_LEVELS.get(nats[2], "info"),
                nats[3],
            )
        elif jupyter := _JUPYTER.match(line):
            time, level = _local_time(jupyter[2], "%Y-%m-%d %H:%M:%S.%f"), _JUPYTER_LEVELS[jupyter[1]]
            text = f"{jupyter[3]}: {jupyter[4]}"
        return {
            "service": self.service,
            "time": time,
            "exact": time is not None,
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


def with_times(lines: list[dict[str, Any]], end_ns: int) -> list[dict[str, Any]]:
    """Give lines without a time one between those of their neighbours.

    OpenFaaS's own lines have no time. The last line is of ``end_ns``, when the
    log was written.
    """
    known = [(number, parse_rfc3339(line["time"])) for number, line in enumerate(lines) if line["time"]]
    known = [(-1, known[0][1] if known else end_ns), *known, (len(lines), end_ns)]
    for (left, start), (right, end) in pairwise(known):
        step = max(0, end - start) // (right - left)
        for number in range(left + 1, right):
            lines[number]["time"] = rfc3339(start + step * (number - left))
    return lines


def merged(logs: Iterable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the lines of several logs by time, each log in its order."""
    return list(heapq.merge(*logs, key=lambda line: str(line["time"])))


def is_since(line: dict[str, Any], since_ns: int) -> bool:
    """Tell whether a line is of that time or later."""
    return parse_rfc3339(line["time"]) >= since_ns


def _local_time(text: str, style: str) -> str | None:
    try:
        # nats-server and JupyterLab write local time.
        local = datetime.strptime(text, style).astimezone(UTC)
    except ValueError:
        return None
    return rfc3339(round(local.timestamp() * 1e6) * 1000)
