"""Queries for the requests of a bin: filters, order and paging."""

from __future__ import annotations

import pytest
from received_requests import callback, received_request

from labkit_services.contract.errors import InvalidValueError
from labkit_services.inspector.queries.request_query import RequestFilter, RequestPage, RequestQuery
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.storage.bin_store import BinStore


def matches(query: str, **fields: object) -> bool:
    return RequestQuery.parse(query).filter(RequestRecord("id", "bin", 1, received_request(**fields)))


def callback_matches(query: str, call_id: str = "ab12", function: str = "figlet", status: int = 200) -> bool:
    return RequestQuery.parse(query).filter(
        RequestRecord("id", "bin", 1, callback(call_id, function, status))
    )


def test_an_empty_query_matches_everything() -> None:
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
def test_callbacks_are_filtered_by_their_headers(query: str, expected: bool) -> None:
    assert callback_matches(query) is expected


def test_a_function_is_found_with_and_without_the_default_namespace() -> None:
    assert callback_matches("function=figlet", function="figlet.openfaas-fn")
    assert callback_matches("function=figlet.openfaas-fn", function="figlet")
    assert callback_matches("function=figlet.dev", function="figlet.dev")


def test_a_callback_filter_matches_callbacks_only() -> None:
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
def test_text_is_searched_in_the_given_place(query: str, expected: bool) -> None:
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
def test_an_invalid_query_is_an_error(query: str) -> None:
    with pytest.raises(InvalidValueError):
        RequestQuery.parse(query)


@pytest.mark.parametrize(
    ("wait", "seconds"), [("10s", 10), ("250ms", 0.25), ("3", 3), ("1m30s", 60), ("0ms", 0), ("", 0)]
)
def test_wait_is_a_duration_of_a_minute_at_most(wait: str, seconds: float) -> None:
    assert RequestQuery.parse(f"wait={wait}").wait == seconds


def test_the_token_is_not_a_filter() -> None:
    assert RequestQuery.parse("token=secret").filter == RequestFilter()


# -- pages


@pytest.fixture
def store() -> BinStore:
    store = BinStore()
    for number in range(1, 11):
        store.add("a", received_request(method="POST" if number % 2 else "GET"))
    return store


def page(store: BinStore, query: str) -> RequestPage:
    return store.select("a", RequestQuery.parse(query))


def sequence(page: RequestPage) -> list[int]:
    return [record.seq for record in page.records]


def test_the_newest_requests_come_first_by_default(store: BinStore) -> None:
    assert sequence(page(store, "limit=3")) == [10, 9, 8]
    assert sequence(page(store, "limit=3&order=oldest")) == [1, 2, 3]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_following_next_returns_every_request_once(store: BinStore, order: str) -> None:
    seen: list[int] = []
    after: str | None = ""
    while after is not None:
        found = page(store, f"limit=2&order={order}&method=POST&after={after}")
        assert found.total == 5
        seen += sequence(found)
        after = found.next
    assert seen == ([9, 7, 5, 3, 1] if order == "newest" else [1, 3, 5, 7, 9])


def test_after_works_with_the_id_of_a_deleted_request(store: BinStore) -> None:
    fifth = list(store.iterate("a"))[4]
    store.delete_record(fifth)
    assert sequence(page(store, f"order=oldest&after={fifth.id}")) == [6, 7, 8, 9, 10]
    assert sequence(page(store, f"order=newest&after={fifth.id}")) == [4, 3, 2, 1]


def test_the_last_page_has_no_next(store: BinStore) -> None:
    assert page(store, "limit=10").next is None
    store.clear(store.bins["a"])
    assert page(store, "").next is None
