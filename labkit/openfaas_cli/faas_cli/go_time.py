"""Durations, times and their layouts as Go's ``time`` reads and writes them.

The errors are ValueErrors in Go's words, for the flags that take such values.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from labkit.openfaas_cli.pflag import quoted

RFC3339 = "2006-01-02T15:04:05Z07:00"
_STRING = "2006-01-02 15:04:05.999999999 -0700 MST"
LAYOUTS = {
    "ansic": "Mon Jan _2 15:04:05 2006",
    "unixdate": "Mon Jan _2 15:04:05 MST 2006",
    "rubydate": "Mon Jan 02 15:04:05 -0700 2006",
    "rfc822": "02 Jan 06 15:04 MST",
    "rfc822z": "02 Jan 06 15:04 -0700",
    "rfc850": "Monday, 02-Jan-06 15:04:05 MST",
    "rfc1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "rfc1123z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "rfc3339": RFC3339,
    "rfc3339nano": "2006-01-02T15:04:05.999999999Z07:00",
}
"""Layouts that ``faas-cli logs --time-format`` knows by name."""

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_MAX_SECONDS = (1 << 63) / 1e9
_ELEMENT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|__2|_2(?!006)|3|4|5|PM|pm"
    r"|([-Z])07(:00:00|0000|:00|00|)|[.,](?:0+|9+)(?![0-9])"
)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[-+]\d\d:\d\d)", re.ASCII)


class Moment(NamedTuple):
    """A time: whole seconds with a zone, and nanoseconds."""

    seconds: datetime
    nanoseconds: int = 0


ZERO = Moment(datetime(1, 1, 1, tzinfo=UTC))
"""Go's zero value, that of a missing time."""


def duration(text: str) -> float:
    """Return the seconds of a duration such as ``1m5s``, perhaps below 0."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    total, parts = 0.0, 0
    while rest and text.lstrip("+-") != "0":
        number = re.match(r"\d*\.?\d*", rest, re.ASCII)
        length = number.end() if number else 0
        digits, rest = rest[:length], rest[length:]
        if not digits.strip("."):
            break
        unit = re.split(r"[.0-9]", rest, maxsplit=1)[0]
        if not unit:
            raise ValueError(f"time: missing unit in duration {quoted(text)}")
        if unit not in _UNITS:
            raise ValueError(f"time: unknown unit {quoted(unit)} in duration {quoted(text)}")
        total, rest, parts = total + float(digits) * _UNITS[unit], rest[len(unit) :], parts + 1
    if (rest or not parts or total >= _MAX_SECONDS) and text.lstrip("+-") != "0":
        raise ValueError(f"time: invalid duration {quoted(text)}")
    return -total if text.startswith("-") else total


def check_duration(text: str) -> str:
    """Return the text of a duration; the ``check`` of a flag."""
    duration(text)
    return text


def parse_time(text: str) -> Moment:
    """Parse a time in RFC 3339."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(_syntax_problem(text))
    whole, fraction, zone = match.groups()
    for position, name, least, most in ((5, "month", 1, 12), (11, "hour", 0, 23), (14, "minute", 0, 59)):
        if not least <= int(whole[position : position + 2]) <= most:
            raise ValueError(f"parsing time {quoted(text)}: {name} out of range")
    if int(whole[17:19]) > 59:
        raise ValueError(f"parsing time {quoted(text)}: second out of range")
    try:
        seconds = datetime.fromisoformat(whole + zone)
    except ValueError:
        raise ValueError(f"parsing time {quoted(text)}: day out of range") from None
    return Moment(seconds, int((fraction or "0").ljust(9, "0")[:9]))


def _syntax_problem(text: str) -> str:
    """Return which element of RFC 3339 a text lacks, and where."""
    rest = text
    for element, pattern in (
        *(("2006", r"\d{4}"), ("-", "-"), ("01", r"\d\d"), ("-", "-"), ("02", r"\d\d"), ("T", "T")),
        *(("15", r"\d\d"), (":", ":"), ("04", r"\d\d"), (":", ":"), ("05", r"\d\d(?:[.,]\d+)?")),
        ("Z07:00", r"Z|[-+]\d\d:\d\d"),
    ):
        match = re.match(pattern, rest, re.ASCII)
        if match is None:
            start = f"parsing time {quoted(text)} as {quoted(RFC3339)}"
            return f"{start}: cannot parse {quoted(rest)} as {quoted(element)}"
        rest = rest[match.end() :]
    return f"parsing time {quoted(text)}: extra text: {quoted(rest)}"


def check_time(text: str) -> str:
    """Return the text of a time in RFC 3339; the ``check`` of a flag."""
    parse_time(text)
    return text


def go_string(moment: Moment) -> str:
    """Return a time like Go's ``Time.String``: ``2026-01-02 … +0000 UTC``."""
    return format_time(moment, _STRING)


def format_time(moment: Moment, layout: str) -> str:
    """Format a time by a layout, Go's reference time in some form."""
    return _ELEMENT.sub(lambda match: _element(moment, match), layout)


def _element(moment: Moment, match: re.Match[str]) -> str:
    text, time = match[0], moment.seconds
    if text[0] in ".,":
        digits = f"{moment.nanoseconds:09}"[: len(text) - 1].ljust(len(text) - 1, "0")
        digits = digits.rstrip("0") if text[1] == "9" else digits
        return text[0] + digits if digits else ""
    if match[1]:
        return _zone(time, match[1], match[2])
    hour = time.hour % 12 or 12
    values: dict[str, str | int] = {
        "2006": f"{time.year:04}",
        "06": f"{time.year % 100:02}",
        "January": f"{time:%B}",
        "Jan": f"{time:%b}",
        "01": f"{time.month:02}",
        "1": time.month,
        "Monday": f"{time:%A}",
        "Mon": f"{time:%a}",
        "02": f"{time.day:02}",
        "_2": f"{time.day:2}",
        "2": time.day,
        "002": f"{time:%j}",
        "__2": f"{int(f'{time:%j}'):3}",
        "15": f"{time.hour:02}",
        "03": f"{hour:02}",
        "3": hour,
        "PM": f"{time:%p}",
        "pm": f"{time:%p}".lower(),
        "04": f"{time.minute:02}",
        "4": time.minute,
        "05": f"{time.second:02}",
        "5": time.second,
        "MST": "UTC" if not time.utcoffset() else _zone(time, "-", "00"),
    }
    return str(values[text])


def _zone(time: datetime, kind: str, form: str) -> str:
    """Return the offset of a zone: ``Z`` for none, ``+0130``, ``+01:30``."""
    offset = time.utcoffset() or timedelta()
    if kind == "Z" and not offset:
        return "Z"
    sign = "-" if offset < timedelta() else "+"
    minutes, seconds = divmod(int(abs(offset).total_seconds()), 60)
    fields = [minutes // 60, minutes % 60, seconds][: 1 + form.count("00")]
    return sign + (":" if ":" in form else "").join(f"{field:02}" for field in fields)


def local(now: float) -> Moment:
    """Return a Unix time in this machine's zone."""
    time = datetime.fromtimestamp(int(now), tz=UTC).astimezone()
    zone = timezone(time.utcoffset() or timedelta())
    return Moment(time.astimezone(zone), int(now % 1 * 1e9))
