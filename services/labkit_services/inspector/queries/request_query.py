"""Queries for the requests of a bin: filters, order and paging."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import short_function_name
from labkit_services.contract.numbers import parse_whole_number
from labkit_services.contract.times import parse_rfc3339
from labkit_services.inspector.queries.search_text import PLACES, found, header_lines, needle_of
from labkit_services.inspector.records.received_callback import CallbackHeaders
from labkit_services.inspector.records.request_ids import REQUEST_ID
from labkit_services.inspector.records.request_record import RequestRecord

_MAX_LIMIT = 500
_MAX_NS = 2**63 - 1
"""Of SQLite, and in the year 2262: a later time is as good as that."""
_MAX_WAIT_SECONDS = 60.0

_FILTERS = {"method", "status", "call_id", "function", "function_status", "q", "since", "until"}
_PARAMETERS = _FILTERS | {"limit", "order", "after", "wait", "min", "bodies", "in"}
_NUMBER = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?")
_NO_CALLBACK = CallbackHeaders()


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """A condition on records; a field that is "" or None is ignored.

    Attributes:
        status: Of the response that was sent; 0 if the connection was cut.
        function: Name with or without the default namespace.
        since_ns: Received then or later, in Unix nanoseconds.
        until_ns: Received before.
        q: A text to search for, in any letter case.
        place: Where to search: ``any``, ``body``, ``query`` or ``headers``.
    """

    method: str = ""
    call_id: str = ""
    function: str = ""
    function_status: int | None = None
    q: str = ""
    place: str = "any"
    status: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None

    @property
    def conditions(self) -> dict[str, Any]:
        """The same for ``queries.matching``; without text and times."""
        given = {
            "method": self.method,
            "call_id": self.call_id,
            "function": self.function,
            "function_status": self.function_status,
            "status": self.status,
        }
        return {name: value for name, value in given.items() if value not in ("", None)}

    def __call__(self, record: RequestRecord) -> bool:
        """Tell whether ``record`` matches."""
        callback = record.request.callback or _NO_CALLBACK
        conditions = (
            (self.method, record.request.method),
            (self.call_id, callback.call_id),
            (short_function_name(self.function), callback.function),
            (self.function_status, callback.status),
            (self.status, record.response.status if record.response else -1),
        )
        matches = all(wanted in ("", None, actual) for wanted, actual in conditions)
        received = record.request.received_ns
        if self.since_ns is not None and received < self.since_ns:
            return False
        if self.until_ns is not None and received >= self.until_ns:
            return False
        return matches and (not self.q or self._finds(record))

    def _finds(self, record: RequestRecord) -> bool:
        request = record.request
        headers = header_lines(request.headers)
        return found(needle_of(self.q), self.place, request.target, headers, request.body)


@dataclass(frozen=True, slots=True)
class RequestQuery:
    """A query for a list of requests.

    Attributes:
        newest: The newest first, or else the oldest.
        after: Id of the record after which the list starts, in its order; or
            "".
        wait: Seconds to wait for enough matches.
        minimum: How many are enough.
        bodies: Include headers and bodies, not only summaries.
    """

    filter: RequestFilter
    limit: int = 50
    newest: bool = True
    after: str = ""
    wait: float = 0.0
    minimum: int = 1
    bodies: bool = True

    @classmethod
    def parse(cls, text: str) -> RequestQuery:
        """Parse a query string."""
        given = dict(parse_qsl(text, keep_blank_values=True))
        given.pop("token", None)
        given.pop("compat", None)
        if unknown := given.keys() - _PARAMETERS:
            # A misspelled filter would silently match everything.
            expected = "one of " + ", ".join(sorted(_PARAMETERS))
            raise InvalidValueError(f"unknown parameter: {min(unknown)!a}", expected=expected)
        query = cls(
            RequestFilter(
                method=given.get("method", "").upper(),
                call_id=given.get("call_id", ""),
                function=given.get("function", ""),
                function_status=_status(given, "function_status"),
                status=_status(given, "status"),
                since_ns=_time(given, "since"),
                until_ns=_time(given, "until"),
                q=given.get("q", ""),
                place=_one_of("in", given.get("in", "any"), PLACES),
            ),
            limit=parse_whole_number("limit", given.get("limit", "50"), 1, _MAX_LIMIT),
            newest=_one_of("order", given.get("order", "newest"), ("newest", "oldest")) == "newest",
            after=given.get("after", ""),
            wait=min(parse_duration(given["wait"]), _MAX_WAIT_SECONDS) if given.get("wait") else 0.0,
            minimum=parse_whole_number("min", given.get("min", "1"), 1, _MAX_LIMIT),
            bodies=_one_of("bodies", given.get("bodies", "true"), ("true", "false")) == "true",
        )
        if query.after and not REQUEST_ID.fullmatch(query.after):
            expected = "26 letters and digits"
            raise InvalidValueError("after is not a request's id", expected=expected, seen=ascii(query.after))
        if query.after and query.newest and query.wait:
            headline = "wait has no effect with after and newest first, which lists older requests"
            raise InvalidValueError(headline, next_step="add order=oldest")
        return query


@dataclass(frozen=True, slots=True)
class RequestPage:
    """A part of a list.

    Attributes:
        records: In the requested order; read from the store one by one.
        total: How many records of the bin match, on this or other pages.
        next: The value of ``after`` for the next page, or None.
    """

    records: Sequence[RequestRecord]
    total: int
    next: str | None


def _status(given: dict[str, str], name: str) -> int | None:
    return parse_whole_number(name, given[name], 0, 999) if given.get(name) else None


def _time(given: dict[str, str], name: str) -> int | None:
    """Return Unix nanoseconds; None if the parameter is missing."""
    text = given.get(name, "")
    if not text:
        return None
    try:
        time_ns = int(float(text) * 1e9) if _NUMBER.fullmatch(text) else parse_rfc3339(text)
        return max(-_MAX_NS, min(time_ns, _MAX_NS))
    except ValueError:
        expected = "an RFC 3339 time such as 2026-08-22T10:00:00Z, or Unix seconds"
        raise InvalidValueError(f"invalid value for {name}", expected=expected, seen=ascii(text)) from None


def _one_of(name: str, text: str, values: tuple[str, ...]) -> str:
    if text in values:
        return text
    raise InvalidValueError(f"invalid value for {name}", expected=" or ".join(values), seen=ascii(text))
