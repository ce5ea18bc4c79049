"""What a captured request is told as: ids, callback headers, bodies, times."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from arrivals import arrival

from labkit_services.http import Headers
from labkit_services.inspector.callback import decode
from labkit_services.inspector.ids import FORM, IdSource
from labkit_services.inspector.record import Record, iso_time

BANNER = " _\n| |   __ _\n|_|__/ _` |\n"


def told(**facts: object) -> dict[str, object]:
    return Record("id", "bin", 1, arrival(**facts)).to_json()


# -- ids


def test_ids_sort_by_time_and_are_ulids() -> None:
    times = iter([1_000_000_000, 2_000_000_000, 3_000_000_000])
    ids = IdSource(lambda: next(times))
    made = [ids.next() for _ in range(3)]
    assert made == sorted(made)
    assert all(FORM.fullmatch(each) for each in made)


def test_ids_grow_within_a_millisecond_and_when_the_clock_is_set_back() -> None:
    times = iter([5_000_000_000] * 500 + [1_000_000_000] * 500)
    ids = IdSource(lambda: next(times))
    made = [ids.next() for _ in range(1000)]
    assert made == sorted(set(made))


# -- callback headers


def test_the_headers_of_a_callback_are_decoded() -> None:
    said = decode(
        Headers(
            [
                ("x-call-id", "ab12"),
                ("X-Function-Name", "figlet.openfaas-fn"),
                ("X-Function-Status", "200"),
                ("X-Duration-Seconds", "0.003214"),
            ]
        )
    )
    assert said is not None
    assert said.to_json() == {
        "call_id": "ab12",
        "function_name": "figlet",
        "function_status": 200,
        "duration_seconds": 0.003214,
    }


def test_retries_are_told_where_there_are_any() -> None:
    said = decode(Headers([("X-Call-Id", "ab"), ("X-Retry", "2"), ("X-Retry-Max", "10")]))
    assert said is not None
    assert (said.to_json()["retry"], said.to_json()["retry_max"]) == (2, 10)


@pytest.mark.parametrize("value", ["", "abc", "-1", "1e3", "²", "99999999999"])
def test_a_status_that_is_none_is_unknown(value: str) -> None:
    said = decode(Headers([("X-Function-Status", value)]))
    assert said is not None
    assert said.status is None


@pytest.mark.parametrize("value", ["", "abc", "nan", "inf", "-inf"])
def test_a_duration_that_is_none_is_unknown_and_the_record_stays_json(value: str) -> None:
    said = decode(Headers([("X-Duration-Seconds", value)]))
    assert said is not None
    assert said.duration_seconds is None
    json.dumps(said.to_json(), allow_nan=False)


def test_other_requests_say_nothing_of_a_call() -> None:
    assert decode(Headers([("Content-Type", "text/plain")])) is None
    assert told()["openfaas"] is None


# -- bodies


@pytest.mark.parametrize(
    "body", [b"", b"hello", BANNER.encode(), "回调 ünï".encode(), b"a\tb\r\n\x1b[1mbold\x1b[0m"]
)
def test_text_is_told_as_text_and_as_bytes(body: bytes) -> None:
    record = told(body=body)
    assert record["body"] == body.decode()
    assert base64.b64decode(str(record["body_base64"])) == body


@pytest.mark.parametrize(
    "body", [b"\x00", b"\xff\xfe", gzip.compress(b"text", mtime=0), bytes(range(256)), b"a\x07b"]
)
def test_what_is_no_text_is_told_as_bytes_only(body: bytes) -> None:
    record = told(body=body)
    assert "body" not in record
    assert base64.b64decode(str(record["body_base64"])) == body


def test_a_text_cut_within_a_letter_is_still_text() -> None:
    record = told(body="aü".encode()[:2], size=100)
    assert (record["truncated"], record["body"], record["content_length"]) == (True, "a", 100)


def test_a_whole_text_that_ends_within_a_letter_is_none() -> None:
    assert "body" not in told(body="aü".encode()[:2])


# -- the rest


def test_a_record_tells_everything_that_came_over_the_wire() -> None:
    headers = (("Host", "h:1"), ("a", "1"), ("A", "2"), ("Content-Type", "text/plain"))
    record = told(
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
        "timing": {"first_byte": 0.0, "body_complete": 0.25},
        "openfaas": None,
    }
    assert record == expected


def test_a_target_in_absolute_form_is_its_own_url() -> None:
    assert told(target="http://other/r/bin")["url"] == "http://other/r/bin"


def test_a_summary_has_neither_headers_nor_body() -> None:
    summary = Record("id", "bin", 1, arrival(body=b"x")).summary()
    assert not {"headers", "body", "body_base64", "query"} & summary.keys()


def test_times_keep_their_microseconds() -> None:
    assert iso_time(1) == "1970-01-01T00:00:00.000000Z"
    assert iso_time(1_787_392_800_999_999_999) == "2026-08-22T10:00:00.999999Z"
