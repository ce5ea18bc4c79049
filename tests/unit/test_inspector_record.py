"""Captured requests as JSON: ids, callback headers, bodies, times."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from received_requests import received_request

from labkit_services.http import Headers
from labkit_services.inspector.records.received_callback import parse_callback_headers
from labkit_services.inspector.records.request_ids import REQUEST_ID, RequestIds
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse

BANNER = " _\n| |   __ _\n|_|__/ _` |\n"


def to_json(**fields: object) -> dict[str, object]:
    return RequestRecord("id", "bin", 1, received_request(**fields)).to_json()


# -- ids


def test_ids_sort_by_time_and_are_ulids() -> None:
    times = iter([1_000_000_000, 2_000_000_000, 3_000_000_000])
    ids = RequestIds(lambda: next(times))
    generated = [ids.next() for _ in range(3)]
    assert generated == sorted(generated)
    assert all(REQUEST_ID.fullmatch(each) for each in generated)


def test_ids_grow_within_a_millisecond_and_when_the_clock_is_set_back() -> None:
    times = iter([5_000_000_000] * 500 + [1_000_000_000] * 500)
    ids = RequestIds(lambda: next(times))
    generated = [ids.next() for _ in range(1000)]
    assert generated == sorted(set(generated))


# -- callback headers


def test_callback_headers_are_parsed() -> None:
    headers = parse_callback_headers(
        Headers(
            [
                ("x-call-id", "ab12"),
                ("X-Function-Name", "figlet.openfaas-fn"),
                ("X-Function-Status", "200"),
                ("X-Duration-Seconds", "0.003214"),
            ]
        )
    )
    assert headers is not None
    assert headers.to_json() == {
        "call_id": "ab12",
        "function_name": "figlet",
        "function_status": 200,
        "duration_seconds": 0.003214,
    }


def test_retries_are_included_if_there_are_any() -> None:
    headers = parse_callback_headers(Headers([("X-Call-Id", "ab"), ("X-Retry", "2"), ("X-Retry-Max", "10")]))
    assert headers is not None
    assert (headers.to_json()["retry"], headers.to_json()["retry_max"]) == (2, 10)


@pytest.mark.parametrize("value", ["", "abc", "-1", "1e3", "²", "99999999999"])
def test_an_invalid_status_is_none(value: str) -> None:
    headers = parse_callback_headers(Headers([("X-Function-Status", value)]))
    assert headers is not None
    assert headers.status is None


@pytest.mark.parametrize("value", ["", "abc", "nan", "inf", "-inf"])
def test_an_invalid_duration_is_none_and_the_record_valid_json(value: str) -> None:
    headers = parse_callback_headers(Headers([("X-Duration-Seconds", value)]))
    assert headers is not None
    assert headers.duration_seconds is None
    json.dumps(headers.to_json(), allow_nan=False)


def test_a_request_without_callback_headers_has_no_openfaas_part() -> None:
    assert parse_callback_headers(Headers([("Content-Type", "text/plain")])) is None
    assert to_json()["openfaas"] is None


# -- bodies


@pytest.mark.parametrize(
    "body", [b"", b"hello", BANNER.encode(), "回调 ünï".encode(), b"a\tb\r\n\x1b[1mbold\x1b[0m"]
)
def test_a_text_body_is_returned_as_text_and_as_bytes(body: bytes) -> None:
    record = to_json(body=body)
    assert record["body"] == body.decode()
    assert base64.b64decode(str(record["body_base64"])) == body


@pytest.mark.parametrize(
    "body", [b"\x00", b"\xff\xfe", gzip.compress(b"text", mtime=0), bytes(range(256)), b"a\x07b"]
)
def test_a_binary_body_is_returned_as_bytes_only(body: bytes) -> None:
    record = to_json(body=body)
    assert "body" not in record
    assert base64.b64decode(str(record["body_base64"])) == body


def test_a_text_truncated_within_a_letter_is_text() -> None:
    record = to_json(body="aü".encode()[:2], size=100)
    assert (record["truncated"], record["body"], record["content_length"]) == (True, "a", 100)


def test_a_complete_body_that_ends_within_a_letter_is_binary() -> None:
    assert "body" not in to_json(body="aü".encode()[:2])


# -- the rest


def test_a_record_contains_everything_that_was_received() -> None:
    headers = (("Host", "h:1"), ("a", "1"), ("A", "2"), ("Content-Type", "text/plain"))
    record = to_json(
        headers=headers, target="/r/bin/sub?x=1&x=2&y=", query="x=1&x=2&y=", body=b"hi", body_seconds=0.25
    )
    expected = {
        "id": "id",
        "bin": "bin",
        "seq": 1,
        "received_at": "2026-08-22T10:00:00.123456Z",
        "remote_addr": "127.0.0.1",
        "remote_port": 53122,
        "http_version": "1.1",
        "method": "POST",
        "url": "http://h:1/r/bin/sub?x=1&x=2&y=",
        "path": "/r/bin",
        "subpath": "/",
        "query_string": "x=1&x=2&y=",
        "query": {"x": ["1", "2"], "y": [""]},
        "headers": headers,
        "content_type": "text/plain",
        "content_length": 2,
        "body": "hi",
        "body_base64": "aGk=",
        "body_sha256": "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4",
        "truncated": False,
        "form": None,
        "response": None,
        "timing": {
            "first_byte": 0.0,
            "body_complete": 0.25,
            "response_start": None,
            "response_end": None,
            "held": 0.0,
        },
        "replay_of": None,
        "note": None,
        "mark": None,
        "pinned": False,
        "openfaas": None,
    }
    assert record == expected


def test_a_target_in_absolute_form_is_the_url() -> None:
    assert to_json(target="http://other/r/bin")["url"] == "http://other/r/bin"


def test_a_summary_has_neither_headers_nor_body() -> None:
    summary = RequestRecord("id", "bin", 1, received_request(body=b"x")).summary()
    assert not {"headers", "body", "body_base64", "query"} & summary.keys()


def test_an_answered_record_contains_what_was_sent_and_why() -> None:
    sent = SentResponse(
        503, (("A", "ü"),), b"no\xff", "rule 1", "?_status", delay=0.25, started=1.5, ended=1.75, held=1.0
    )
    request = received_request(
        headers=(("Content-Type", "application/x-www-form-urlencoded"),), body=b"a=1&b="
    )
    record = RequestRecord("id", "bin", 1, request, sent, "look", "red", pinned=True, replay_of="other")
    document = record.to_json()
    assert document["response"] == {
        "status": 503,
        "headers": (("A", "ü"),),
        "body_base64": "bm//",
        "rule": "rule 1",
        "delay_ms": 250.0,
        "overridden_by": "?_status",
    }
    assert document["timing"] == {
        "first_byte": 0.0,
        "body_complete": 0.0,
        "response_start": 1.5,
        "response_end": 1.75,
        "held": 1.0,
    }
    assert document["form"] == {"a": ["1"], "b": [""]}
    assert [document[name] for name in ("note", "mark", "pinned", "replay_of")] == [
        "look",
        "red",
        True,
        "other",
    ]
