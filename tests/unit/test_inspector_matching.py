"""Conditions on requests, and the sentences about what differs."""

from __future__ import annotations

from typing import Any

import pytest
from received_requests import received_request

from labkit_services.contract.errors import InvalidValueError
from labkit_services.http import Headers
from labkit_services.inspector.queries.matching import check_conditions, match
from labkit_services.inspector.records.received_callback import parse_callback_headers
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse

HEADERS = (
    ("Content-Type", "application/json"),
    ("X-A", "1"),
    ("x-a", "2"),
    ("X-Call-Id", "c1"),
    ("X-Function-Name", "figlet.openfaas-fn"),
    ("X-Function-Status", "500"),
)
RECORD = RequestRecord(
    "id",
    "b",
    1,
    received_request(
        path="/r/b/orders/7",
        subpath="/orders/7",
        query="n=1&n=2&empty=",
        headers=HEADERS,
        body=b'{"a": {"b": [1, {"c": "x"}]}, "yes": true, "none": null}',
        callback=parse_callback_headers(Headers(HEADERS)),
    ),
    response=SentResponse(503),
)


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"method": "post"},
        {"path": "/r/b/*", "subpath": "/orders/7"},
        {"subpath": {"contains": "orders"}},
        {"query": {"n": "2", "empty": "", "gone": {"present": False}}},
        {"headers": {"x-A": "2", "X-CALL-ID": {"present": True}}},
        {"header": {"X-A": {"equals": "1"}}},
        {"body": '"a"'},
        {"body": {"starts_with": "{"}},
        {"json": {"a": {"b": [1, {"c": "x"}]}}},
        {"json": {"yes": True, "none": None}},
        {"function": "figlet"},
        {"function": "figlet.openfaas-fn", "function_status": 500, "call_id": "c1"},
        {"content_type": {"starts_with": "application/"}},
        {"status": 503},
    ],
)
def test_a_request_matches(conditions: dict[str, Any]) -> None:
    assert match(RECORD, check_conditions(conditions)) == []


@pytest.mark.parametrize(
    ("conditions", "sentences"),
    [
        ({"method": "PUT"}, ["method was 'POST', expected 'PUT'"]),
        ({"subpath": "/orders"}, ["subpath was '/orders/7', expected '/orders'"]),
        ({"subpath": "/x/*"}, ["subpath was '/orders/7', expected a value that starts with '/x/'"]),
        ({"query": {"n": "3"}}, ["query.n was '1, 2', expected '3'"]),
        ({"query": {"m": "3"}}, ["query.m was missing, expected '3'"]),
        ({"headers": {"X-A": {"present": False}}}, ["headers.X-A was '1, 2', expected none"]),
        ({"headers": {"X-Z": {"present": True}}}, ["headers.X-Z was missing, expected any value"]),
        ({"function_status": 200}, ["function_status was 500, expected 200"]),
        (
            {"status": 200, "call_id": "c2"},
            ["status was 503, expected 200", "call_id was 'c1', expected 'c2'"],
        ),
        ({"json": {"a": {"b": [1, {"c": "y"}]}}}, ["json.a.b[1].c was 'x', expected 'y'"]),
        ({"json": {"a": {"b": [1]}}}, ['json.a.b was [1, {"c": "x"}], expected [1]']),
        ({"json": {"yes": 1, "no": 2}}, ["json.yes was true, expected 1", "json.no was missing, expected 2"]),
    ],
)
def test_what_differs_is_said_in_a_sentence(conditions: dict[str, Any], sentences: list[str]) -> None:
    assert [each.sentence for each in match(RECORD, check_conditions(conditions))] == sentences


def test_a_request_without_callback_headers_or_response_lacks_them() -> None:
    plain = RequestRecord("id", "b", 1, received_request())
    conditions = {"function": "f", "call_id": "c", "function_status": 200, "status": 200, "json": {"a": 1}}
    assert [each.seen for each in match(plain, conditions)] == [None] * 5


@pytest.mark.parametrize(
    "conditions",
    [
        *([], "POST", None, 5),
        *(
            {"metod": "POST"},
            {"method": 5},
            {"method": {"is": "POST"}},
            {"method": {"equals": "a", "contains": "b"}},
        ),
        *({"query": "n=1"}, {"query": {"n": 1}}, {"headers": ["X"]}, {"headers": {"X": {"present": "yes"}}}),
        *({"function_status": "500"}, {"function_status": True}, {"status": 1000}, {"status": -1}),
        *({"body": {"regex": ".*"}}, {"body": None}, {"subpath": ["/"]}),
    ],
)
def test_invalid_conditions_are_refused(conditions: object) -> None:
    with pytest.raises(InvalidValueError):
        check_conditions(conditions)
