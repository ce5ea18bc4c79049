"""Verification and diff of captured requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from received_requests import callback, received_request

from labkit_services.contract.errors import InvalidValueError
from labkit_services.inspector.live.event_journal import EventJournal
from labkit_services.inspector.queries.diff import diff
from labkit_services.inspector.queries.verify import Expectation, Expected, Verdict, judge, near_misses
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import StoredBin


def records(*requests: Any) -> list[RequestRecord]:
    return [RequestRecord(f"id{seq}", "bin", seq, request) for seq, request in enumerate(requests, 1)]


def verdict(found: list[RequestRecord], *expect: dict[str, Any], **flags: bool) -> Verdict:
    return judge(found, Expected(tuple(map(Expectation.parse, expect)), **flags))


TWO = records(callback("a", "figlet", 200), callback("b", "figlet", 500))
OK = {"match": {"function": "figlet", "function_status": 200}}
BAD = {"match": {"function": "figlet", "function_status": 500}}


@pytest.mark.parametrize(
    ("times", "verified"),
    [
        (None, True),
        (2, True),
        (1, False),
        (3, False),
        ({"min": 2}, True),
        ({"min": 3}, False),
        ({"max": 1}, False),
        ({"max": 2}, True),
        ({"min": 1, "max": 2}, True),
        (0, False),
    ],
)
def test_the_number_of_matches_decides(times: Any, verified: bool) -> None:
    expect: dict[str, Any] = {"match": {"function": "figlet"}}
    if times is not None:
        expect["times"] = times
    assert verdict(TWO, expect).verified is verified


def test_never_holds_for_no_match_and_fails_for_good_by_one() -> None:
    assert verdict(TWO, {"match": {"function": "other"}, "never": True}).verified
    failed = verdict(TWO, {"match": {"function": "figlet"}, "never": True})
    assert failed.is_final
    assert failed.message == (
        "Expected no requests with function = 'figlet', but 2 requests came: "
        "the newest is POST /r/bin (number 2)."
    )


def test_a_near_miss_says_what_differed() -> None:
    result = verdict(TWO[1:], OK).to_json()["results"][0]
    assert result["near_misses"] == [{"id": "id2", "why": ("function_status was 500, expected 200",)}]
    assert "function_status was 500, expected 200" in result["message"]


def test_the_near_miss_with_the_fewest_differences_comes_first() -> None:
    found = records(callback("a", "other", 500), callback("b", "figlet", 500), received_request())
    missed = near_misses(found, {"function": "figlet", "function_status": 200, "method": "POST"})
    assert [miss.id for miss in missed] == ["id2", "id3", "id1"]


def test_ordered_expectations_hold_only_in_their_order() -> None:
    assert verdict(TWO, OK, BAD, ordered=True).verified
    reversed_ = verdict(TWO, BAD, OK, ordered=True)
    assert not reversed_.verified
    assert "1 request came before those of expectation 1" in reversed_.message
    assert verdict(TWO, BAD, OK).verified


def test_no_extra_names_the_requests_that_match_nothing() -> None:
    found = records(callback("a", "figlet"), received_request(method="PUT"))
    failed = verdict(found, OK, no_extra=True)
    assert failed.to_json()["extra"] == ("id2",)
    assert failed.message == "1 request matched no expectation: the first is PUT /r/bin (number 2)."
    assert verdict(found[:1], OK, no_extra=True).verified


def test_a_verdict_without_requests_says_so() -> None:
    assert verdict([], OK).message == (
        "Expected at least 1 request with function = 'figlet', function_status = 200, but no requests came."
    )


@pytest.mark.parametrize(
    "document",
    [
        1,
        {},
        {"match": []},
        {"match": {"nonsense": 1}},
        {"match": {}, "times": -1},
        {"match": {}, "times": {"min": 2, "max": 1}},
        {"match": {}, "times": {"least": 1}},
        {"match": {}, "times": "2"},
        {"match": {}, "times": True},
        {"match": {}, "never": True, "times": 1},
        {"matches": {}},
    ],
)
def test_an_invalid_expectation_is_refused(document: Any) -> None:
    if document == {}:
        assert Expectation.parse({}).least == 1  # any request
        return
    with pytest.raises(InvalidValueError):
        Expectation.parse(document)


def test_equal_exchanges_have_no_difference() -> None:
    one = TWO[0]
    assert diff(one, replace(one, id="other")) == {"request": [], "response": []}


def test_a_diff_names_each_field_and_shows_the_lines_of_a_body() -> None:
    one = replace(
        records(received_request(body=b"a\nb\nc\n", headers=(("X", "1"), ("Y", "1"))))[0],
        response=SentResponse(200, (("X-Request-Id", "1"),), b"ok"),
    )
    other = replace(
        records(
            received_request(method="PUT", body=b"a\nB\nc\n", headers=(("x", "1"), ("Y", "1"), ("Y", "2")))
        )[0],
        response=SentResponse(503, (("X-Request-Id", "2"),), b"\xff"),
    )

    found = diff(one, other)

    assert {"field": "method", "from": "POST", "to": "PUT"} in found["request"]
    assert {"field": "headers.Y", "from": "1", "to": "1, 2"} in found["request"]
    body = next(each for each in found["request"] if each["field"] == "body")
    assert [line for line in body["lines"] if line[0] in "+-"] == ["-b", "+B"]
    assert found["response"] == [
        {"field": "status", "from": 200, "to": 503},
        {"field": "body", "from": "2 bytes", "to": "1 bytes"},
    ]


def test_a_diff_with_an_open_exchange_has_no_status() -> None:
    answered = replace(TWO[0], response=SentResponse(200))
    assert diff(TWO[0], answered)["response"] == [{"field": "status", "from": None, "to": 200}]


def journal(kept: int = 100) -> tuple[BinStore, EventJournal]:
    store = BinStore()

    def to_json(stored: StoredBin) -> dict[str, Any]:
        return {"name": stored.name, "count": stored.kept}

    return store, EventJournal(store, to_json, kept)


def test_the_journal_returns_what_came_after_a_number() -> None:
    store, kept = journal()
    store.create("a")
    begin = kept.number
    record, _ = store.add("a", received_request())
    store.add("b", received_request())
    store.answered(record.id, SentResponse(200))

    names = [event.name for event in kept.since(begin)]
    assert names == ["request.received", "bin.created", "request.received", "request.answered"]
    assert [event.name for event in kept.since(begin, "a")] == ["request.received", "request.answered"]
    assert kept.covers(begin)


def test_the_journal_leaves_out_requests_that_are_gone_but_not_their_end() -> None:
    store, kept = journal()
    record, _ = store.add("a", received_request())
    store.delete_record(record)
    store.delete(store.bins["a"])

    assert [event.name for event in kept.since(0)] == ["request.deleted", "bin.deleted"]


def test_the_journal_does_not_cover_what_it_has_dropped_or_never_had() -> None:
    store, kept = journal(kept=2)
    for _ in range(5):
        store.add("a", received_request())
    assert not kept.covers(0)
    assert kept.covers(kept.number - 2)
    assert not kept.covers(kept.number + 1)
