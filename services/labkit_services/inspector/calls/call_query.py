"""Queries for lists of calls: filters, and a cursor."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from labkit_services.call_record.call_index import COUNTED, IndexedCall
from labkit_services.call_record.log import CallState
from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import short_function_name
from labkit_services.contract.numbers import parse_whole_number
from labkit_services.contract.times import parse_rfc3339

MAX_LIMIT = 5000
_PARAMETERS = {"function", "state", "queue", "mode", "since", "until", "q", "limit", "after", "at"}
_STATES = {state.value.replace(" ", "_") for state in CallState}


@dataclass(frozen=True, slots=True)
class CallQuery:
    """Which calls to list; a field that is "", None or empty is ignored.

    Attributes:
        states: Call states and counted groups; a call needs one of them.
        since: Unix nanoseconds: only calls that began then or later.
        until: Unix nanoseconds: only calls that began before.
        q: A text to search for in id, function, queue and errors, in any
            letter case.
        after: The cursor: start and number of the last call of the page
            before.
        at: Unix nanoseconds: the time of a record at which to show the
            calls.
    """

    function: str = ""
    states: frozenset[str] = frozenset()
    queue: str = ""
    mode: str = ""
    since: int | None = None
    until: int | None = None
    q: str = ""
    limit: int = 500
    after: tuple[int, int] | None = None
    at: int | None = None

    @classmethod
    def parse(cls, text: str) -> CallQuery:
        """Parse a query string."""
        given = dict(parse_qsl(text, keep_blank_values=True))
        given.pop("token", None)
        if unknown := given.keys() - _PARAMETERS:
            # A misspelled filter would silently match everything.
            expected = "one of " + ", ".join(sorted(_PARAMETERS))
            raise InvalidValueError(f"unknown parameter: {min(unknown)!a}", expected=expected)
        if given.get("mode") not in (None, "", "sync", "async"):
            raise InvalidValueError(
                "invalid value for mode", expected="sync or async", seen=ascii(given["mode"])
            )
        return cls(
            function=short_function_name(given.get("function", "")),
            states=_states(given.get("state", "")),
            queue=given.get("queue", ""),
            mode=given.get("mode", ""),
            since=parse_time("since", given.get("since", "")),
            until=parse_time("until", given.get("until", "")),
            q=given.get("q", "").lower(),
            limit=parse_whole_number("limit", given.get("limit", "500"), 1, MAX_LIMIT),
            after=_cursor(given.get("after", "")),
            at=parse_time("at", given.get("at", "")),
        )

    def __call__(self, entry: IndexedCall) -> bool:
        """Tell whether a call matches."""
        call = entry.call
        wanted = ((self.function, call.function), (self.queue, call.queue), (self.mode, call.mode))
        return (
            all(value in ("", actual) for value, actual in wanted)
            and (not self.states or bool(self.states & {*entry.groups, call.state.value.replace(" ", "_")}))
            and (self.since is None or entry.start_ns >= self.since)
            and (self.until is None or entry.start_ns < self.until)
            and (not self.q or self._finds(entry))
        )

    def _finds(self, entry: IndexedCall) -> bool:
        call = entry.call
        texts = [call.id, call.function, call.queue, call.client_error, call.dead_reason, call.refusal]
        texts += [str(attempt.status or attempt.error) for attempt in call.attempts]
        texts += [callback.url for callback in call.callbacks]
        return any(self.q in text.lower() for text in texts)


@dataclass(frozen=True, slots=True)
class CallPage:
    """A part of a list, newest first.

    Attributes:
        total: How many calls match, on this or other pages.
        next: The value of ``after`` for the next page, or None.
    """

    calls: list[IndexedCall]
    total: int
    next: str | None


def select_calls(entries: Iterable[IndexedCall], query: CallQuery) -> CallPage:
    """Return the page that ``query`` selects."""
    matching = sorted(filter(query, entries), key=_key, reverse=True)
    following = [entry for entry in matching if query.after is None or _key(entry) < query.after]
    page = following[: query.limit]
    cursor = "{}-{}".format(*_key(page[-1])) if len(following) > len(page) else None
    return CallPage(page, len(matching), cursor)


def _key(entry: IndexedCall) -> tuple[int, int]:
    return entry.start_ns, entry.number


def _states(text: str) -> frozenset[str]:
    states = frozenset(state.strip().replace(" ", "_") for state in text.split(",") if state.strip())
    if unknown := states - _STATES - set(COUNTED):
        expected = ", ".join(sorted({*_STATES, *COUNTED}))
        raise InvalidValueError("invalid value for state", expected=expected, seen=ascii(min(unknown)))
    return states


def parse_time(name: str, text: str) -> int | None:
    """Return Unix nanoseconds of Unix seconds, RFC 3339, or an age."""
    if not text:
        return None
    try:
        seconds = float(text)
        if 0 <= seconds < 1e11:
            return round(seconds * 1e9)
    except ValueError:
        pass
    try:
        # An unquoted plus sign arrives as a blank.
        return parse_rfc3339(text.replace(" ", "+"))
    except (ValueError, OverflowError):
        pass
    try:
        return time.time_ns() - round(parse_duration(text) * 1e9)
    except (InvalidValueError, OverflowError):
        expected = "Unix seconds, an RFC 3339 time, or how long ago, such as 5m"
        raise InvalidValueError(f"invalid value for {name}", expected=expected, seen=ascii(text)) from None


def _cursor(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    start, _, number = text.partition("-")
    if not (start.isascii() and start.isdecimal() and number.isascii() and number.isdecimal()):
        raise InvalidValueError("after is no cursor", expected="next of the page before", seen=ascii(text))
    return int(start[:20]), int(number[:20])
