"""Which requests of a bin are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import short_function_name
from labkit_services.inspector.ids import FORM
from labkit_services.inspector.record import Record

MAX_LIMIT = 500
LONGEST_WAIT_SECONDS = 60.0

_PLACES = ("any", "body", "query", "headers")


@dataclass(frozen=True, slots=True)
class Filter:
    """A test of records; what is "" or None is not looked at.

    Attributes:
        method: HTTP method, in upper case.
        call_id: ``X-Call-Id``.
        function: Name with or without the default namespace.
        function_status: ``X-Function-Status``.
        q: A piece of text, in any letter case.
        place: Where ``q`` is looked for: ``any``, ``body``, ``query`` or ``headers``.
    """

    method: str = ""
    call_id: str = ""
    function: str = ""
    function_status: int | None = None
    q: str = ""
    place: str = "any"

    def __call__(self, record: Record) -> bool:
        """Tell whether ``record`` is asked for."""
        arrival = record.arrival
        if self.method and arrival.method != self.method:
            return False
        if self.call_id or self.function or self.function_status is not None:
            said = arrival.callback
            if said is None:
                return False
            if self.call_id and said.call_id != self.call_id:
                return False
            if self.function and said.function != short_function_name(self.function):
                return False
            if self.function_status is not None and said.status != self.function_status:
                return False
        return not self.q or self._finds(record)

    def _finds(self, record: Record) -> bool:
        arrival, wanted = record.arrival, self.q.lower()
        if self.place in ("any", "query") and wanted in arrival.target.lower():
            return True
        if self.place in ("any", "headers") and any(
            wanted in f"{name}: {value}".lower() for name, value in arrival.headers
        ):
            return True
        # Letters beyond ASCII are found in their own case only: bytes are not text.
        return self.place in ("any", "body") and wanted.encode().lower() in arrival.body.lower()


@dataclass(frozen=True, slots=True)
class Listing:
    """A whole query for a list.

    Attributes:
        filter: Which records.
        limit: How many at most.
        newest: The newest first, else the oldest.
        after: Id of the record that the list goes on from, in its order; or "".
        wait: Seconds to wait for enough matches.
        minimum: How many are enough.
        bodies: Tell headers and bodies too, not only summaries.
    """

    filter: Filter
    limit: int = 50
    newest: bool = True
    after: str = ""
    wait: float = 0.0
    minimum: int = 1
    bodies: bool = True

    @classmethod
    def parse(cls, query: str) -> Listing:
        """Read a query string.

        Raises:
            InvalidValueError: A parameter is unknown, or its value does not fit.
        """
        given = dict(parse_qsl(query, keep_blank_values=True))
        given.pop("token", None)
        known = {"limit", "order", "after", "wait", "min", "bodies", "in"} | _FILTERS
        if unknown := given.keys() - known:
            # A misspelled filter would silently let everything through.
            raise InvalidValueError(
                f"unknown parameter: {min(unknown)!a}", expected="one of " + ", ".join(sorted(known))
            )
        status = given.get("function_status", "")
        listing = cls(
            Filter(
                method=given.get("method", "").upper(),
                call_id=given.get("call_id", ""),
                function=given.get("function", ""),
                function_status=_whole("function_status", status, 0, 999) if status else None,
                q=given.get("q", ""),
                place=_one_of("in", given.get("in", "any"), _PLACES),
            ),
            limit=_whole("limit", given.get("limit", "50"), 1, MAX_LIMIT),
            newest=_one_of("order", given.get("order", "newest"), ("newest", "oldest")) == "newest",
            after=given.get("after", ""),
            wait=min(parse_duration(given["wait"]), LONGEST_WAIT_SECONDS) if given.get("wait") else 0.0,
            minimum=_whole("min", given.get("min", "1"), 1, MAX_LIMIT),
            bodies=_one_of("bodies", given.get("bodies", "true"), ("true", "false")) == "true",
        )
        if listing.after and not FORM.fullmatch(listing.after):
            raise InvalidValueError(
                "after is not a request's id", expected="26 letters and digits", seen=ascii(listing.after)
            )
        if listing.after and listing.newest and listing.wait:
            raise InvalidValueError(
                "there is nothing to wait for: after, newest first, leads to older requests",
                next_step="add order=oldest",
            )
        return listing

    def reaches(self, record: Record) -> bool:
        """Tell whether ``record`` lies beyond ``after``, in this list's order."""
        return not self.after or (record.id < self.after if self.newest else record.id > self.after)


_FILTERS = {"method", "call_id", "function", "function_status", "q"}


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a list.

    Attributes:
        records: In the order asked for.
        total: How many in the bin match, here or on other pages.
        next: What ``after`` has to be for the next page, or None.
    """

    records: list[Record]
    total: int
    next: str | None


def select(records: Iterable[Record], listing: Listing) -> Page:
    """Return the page of ``records``, which come oldest first, that ``listing`` asks for."""
    matching = [record for record in records if listing.filter(record)]
    reached = [record for record in matching if listing.reaches(record)]
    if listing.newest:
        reached.reverse()
    page = reached[: listing.limit]
    return Page(page, len(matching), page[-1].id if len(reached) > len(page) else None)


def _whole(name: str, text: str, lowest: int, highest: int) -> int:
    if text.isascii() and text.isdecimal() and lowest <= int(text[:10]) <= highest:
        return int(text)
    raise InvalidValueError(
        f"{name} is out of range", expected=f"a whole number from {lowest} to {highest}", seen=ascii(text)
    )


def _one_of(name: str, text: str, values: tuple[str, ...]) -> str:
    if text in values:
        return text
    raise InvalidValueError(f"{name} has no such value", expected=" or ".join(values), seen=ascii(text))
