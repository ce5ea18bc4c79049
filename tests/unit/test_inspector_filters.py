"""Which requests a list query asks for."""

from __future__ import annotations

import pytest
from arrivals import arrival, callback

from labkit_services.contract.errors import InvalidValueError
from labkit_services.inspector.filters import Filter, Listing, select
from labkit_services.inspector.ids import IdSource
from labkit_services.inspector.record import Record


def matches(query: str, **facts: object) -> bool:
    return Listing.parse(query).filter(Record("id", "bin", 1, arrival(**facts)))


def fits(query: str, call_id: str = "ab12", function: str = "figlet", status: int = 200) -> bool:
    return Listing.parse(query).filter(Record("id", "bin", 1, callback(call_id, function, status)))


def test_no_filter_lets_everything_through() -> None:
    assert matches("")


def test_the_method_is_matched_in_any_letter_case() -> None:
    assert matches("method=post")
    assert not matches("method=GET")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("call_id=ab12", True),
        ("call_id=ab", False),
        ("function=figlet", True),
        ("function=figlet.openfaas-fn", True),
        ("function=figlet.other", False),
        ("function=fig", False),
        ("function_status=200", True),
        ("function_status=500", False),
        ("call_id=ab12&function=figlet&function_status=200&method=POST", True),
        ("call_id=ab12&function_status=404", False),
    ],
)
def test_callbacks_are_found_by_what_they_say(query: str, expected: bool) -> None:
    assert fits(query) is expected


def test_a_function_is_found_with_and_without_the_default_namespace() -> None:
    assert fits("function=figlet", function="figlet.openfaas-fn")
    assert fits("function=figlet.openfaas-fn", function="figlet")
    assert fits("function=figlet.dev", function="figlet.dev")


def test_a_request_that_is_no_callback_fits_no_callback_filter() -> None:
    assert not matches("function_status=200")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=NEEDLE", True),
        ("q=needle&in=body", True),
        ("q=needle&in=query", False),
        ("q=Find%20me&in=headers", True),
        ("q=x-where:&in=headers", True),
        ("q=orders&in=query", True),
        ("q=orders&in=headers", False),
        ("q=nowhere", False),
        ("q=%C3%BC", True),
    ],
)
def test_a_piece_of_text_is_looked_for_where_it_is_said_to_be(query: str, expected: bool) -> None:
    found = matches(
        query,
        body="hay Needle ü \x00".encode(),
        headers=(("X-Where", "find me"),),
        target="/r/bin/Orders?x=1",
    )
    assert found is expected


@pytest.mark.parametrize(
    "query",
    [
        "callid=ab12",
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=x",
        "limit=",
        "min=0",
        "order=up",
        "in=nowhere",
        "bodies=maybe",
        "wait=soon",
        "wait=-1s",
        "function_status=ok",
        "function_status=1000",
        "after=latest",
        "after=01M8572P33HR86FVKR7469B74E&wait=1s",
    ],
)
def test_what_makes_no_sense_is_an_error_and_not_an_empty_list(query: str) -> None:
    with pytest.raises(InvalidValueError):
        Listing.parse(query)


@pytest.mark.parametrize(
    ("wait", "seconds"), [("10s", 10), ("250ms", 0.25), ("3", 3), ("1m30s", 60), ("0ms", 0), ("", 0)]
)
def test_waits_are_durations_and_end_after_a_minute(wait: str, seconds: float) -> None:
    assert Listing.parse(f"wait={wait}").wait == seconds


def test_the_token_is_no_filter() -> None:
    assert Listing.parse("token=secret").filter == Filter()


# -- pages


@pytest.fixture
def records() -> list[Record]:
    ids = IdSource()
    return [
        Record(ids.next(), "a", number, arrival(method="POST" if number % 2 else "GET"))
        for number in range(1, 11)
    ]


def sequence(records: list[Record]) -> list[int]:
    return [record.seq for record in records]


def test_the_newest_come_first_unless_asked_otherwise(records: list[Record]) -> None:
    assert sequence(select(records, Listing.parse("limit=3")).records) == [10, 9, 8]
    assert sequence(select(records, Listing.parse("limit=3&order=oldest")).records) == [1, 2, 3]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_following_next_leads_through_everything_once(records: list[Record], order: str) -> None:
    seen: list[int] = []
    after: str | None = ""
    while after is not None:
        page = select(records, Listing.parse(f"limit=2&order={order}&method=POST&after={after}"))
        assert page.total == 5
        seen += sequence(page.records)
        after = page.next
    assert seen == ([9, 7, 5, 3, 1] if order == "newest" else [1, 3, 5, 7, 9])


def test_after_a_request_that_is_gone_the_list_goes_on(records: list[Record]) -> None:
    listing = Listing.parse(f"order=oldest&after={records[4].id}")
    assert sequence(select(records[6:], listing).records) == [7, 8, 9, 10]


def test_a_page_that_holds_the_last_has_no_next(records: list[Record]) -> None:
    assert select(records, Listing.parse("limit=10")).next is None
    assert select([], Listing.parse("")).next is None
