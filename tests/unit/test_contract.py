"""The contract: names, values, events, calls, outcomes, errors."""

from __future__ import annotations

import re

import pytest

from labkit_services.contract.durations import format_duration, parse_duration
from labkit_services.contract.errors import InvalidValueError, LabError, LabTimeoutError
from labkit_services.contract.events import Event, decode_batch, encode_batch
from labkit_services.contract.names import short_function_name, split_function_name
from labkit_services.contract.numbers import parse_digits, parse_whole_number
from labkit_services.contract.outcome import DeadKind, DeadLetterMessage, Result
from labkit_services.contract.queued_call import CALL_HEADER, DEDUPE_HEADER, QueuedCall
from labkit_services.contract.queues import (
    call_token,
    check_queue_name,
    dead_stream,
    dead_subject,
    job_token,
    queue_stream,
)
from labkit_services.contract.times import parse_rfc3339, rfc3339


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("60", 60),
        ("30s", 30),
        ("1m5s", 65),
        ("250ms", 0.25),
        ("1h", 3600),
        ("1.5s", 1.5),
        ("2us", 2e-6),
    ],
)
@pytest.mark.row("1.1 durations")
def test_a_duration_is_whole_seconds_or_a_go_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-1", "1x", "1 s", "5s5", "1,5s"])
def test_an_invalid_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidValueError, match="1m5s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (30, "30s"), (65, "1m5s"), (0.25, "250ms"), (3600, "1h0m0s"), (1.5, "1.5s")],
)
def test_durations_are_formatted_as_in_go(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.row("1.3 default namespace")
def test_a_function_name_is_split_at_its_last_dot() -> None:
    assert split_function_name("fig.openfaas-fn") == ("fig", "openfaas-fn")
    assert split_function_name("a.b.c") == ("a.b", "c")
    assert split_function_name("fig") == ("fig", "openfaas-fn")


def test_the_default_namespace_is_left_out_of_short_names() -> None:
    assert short_function_name("fig.openfaas-fn") == "fig"
    assert short_function_name("fig.other") == "fig.other"


def test_a_queue_has_a_stream_and_a_dead_letter_stream() -> None:
    assert queue_stream(check_queue_name("faas-request")) == "OF_faas-request"
    assert dead_stream("faas-request") == "OF_faas-request_dead"
    assert dead_subject("slow", "id-1") == "lab.dead.slow.id-1"
    assert dead_subject("slow", None) == "lab.dead.slow.*"
    assert dead_subject("slow", "*") != "lab.dead.slow.*"


@pytest.mark.parametrize("name", ["", "a.b", "a b", "-a", "slow_dead", "a" * 64, "a>b", "*", "ä"])
def test_an_invalid_queue_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match="not a valid name"):
        check_queue_name(name)


@pytest.mark.parametrize("call_id", ["a.b", "a b", "*", ">", "", "x" * 5000, "é", "="])
def test_any_call_id_has_a_token_that_is_valid_in_a_subject(call_id: str) -> None:
    token = call_token(call_id)

    assert token.startswith("=")
    assert len(token) == 65
    assert token != call_token(call_id + "x")


def test_a_uuid_is_its_own_token() -> None:
    assert call_token("09b45202-cec1-40eb-9c90-de20b651f88f") == "09b45202-cec1-40eb-9c90-de20b651f88f"


def test_a_batch_decodes_to_the_encoded_events() -> None:
    rows = [[1, "call.queued", "id-1", "cat", 1, {"seq": 7}], [2, "call.received", "id-2", "cat", 1, {}]]

    events = decode_batch(encode_batch("gateway", "gateway-1", rows))

    assert events[0] == Event(1, "call.queued", "id-1", "cat", 1, "gateway", "gateway-1", {"seq": 7})
    assert [event.call_id for event in events] == ["id-1", "id-2"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"service":"x","instance":"y","events":[1]}', b"\xff"])
def test_an_invalid_batch_raises_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_batch(body)


def _call(**changes: object) -> QueuedCall:
    values: dict[str, object] = {
        "call_id": "id-1",
        "function": "cat.openfaas-fn",
        "method": "POST",
        "path": "/a%20b",
        "query": "x=1&y",
        "headers": (("X-One", "1"), ("x-one", "2"), ("X-Latin", "\xe9\x80")),
        "callback": "http://127.0.0.1/r/b",
        "accepted_ns": 17,
        "body": b"\x00\xff",
        "retry": {"attempts": "3"},
        "attempts": 0,
    }
    return QueuedCall(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.row("2.2 message")
def test_a_queued_call_keeps_header_order_duplicates_and_bytes() -> None:
    call = _call()

    assert QueuedCall.from_message(call.nats_headers(), call.body) == call


def test_each_nats_header_is_one_line_of_ascii_for_any_values() -> None:
    headers = _call(path="/\r\nX: y", function="ü\n").nats_headers()

    assert headers[DEDUPE_HEADER].startswith("id-1:")
    assert headers[CALL_HEADER].isascii()
    assert "\n" not in headers[CALL_HEADER]
    assert "\r" not in headers[CALL_HEADER]


def test_a_redriven_call_has_another_message_id() -> None:
    assert _call(attempts=3).nats_headers()[DEDUPE_HEADER] == _call().message_id() + ":3"


def test_a_request_that_is_sent_again_has_the_same_message_id() -> None:
    headers = (*_call().headers, ("X-Start-Time", "18"))

    assert _call(accepted_ns=18, headers=headers).message_id() == _call().message_id()
    assert _call(function="cat").message_id() == _call(function="cat.openfaas-fn").message_id()


@pytest.mark.parametrize(
    "change",
    [
        {"call_id": "id-2"},
        {"function": "other"},
        {"function": "cat.dev"},
        {"path": "/other"},
        {"query": "x=2"},
        {"callback": ""},
        {"body": b"\x00\xfe"},
        {"headers": (("X-Start-Time", "5"), ("X-Start-Time", "17"))},  # the callback of another call
    ],
)
def test_another_request_with_the_same_call_id_has_another_message_id(change: dict[str, object]) -> None:
    assert _call(**change).message_id() != _call().message_id()


def test_calls_of_two_functions_with_one_id_have_two_tokens() -> None:
    names = ["cat", "cat.dev", "cat-dev", "ca", "x" * 200, "x" * 201]
    tokens = {job_token(call_id, name) for call_id in ("id-1", "id 1", "*") for name in names}

    assert len(tokens) == 3 * len(names)
    assert all(re.fullmatch(r"[-/_=.a-zA-Z0-9]+", token) and "." not in token for token in tokens)
    assert job_token("id-1", "cat.openfaas-fn") == job_token("id-1", "cat") == "id-1=cat"


def _result(body: bytes = b"out") -> Result:
    return Result(500, (("A", "1"), ("a", "2")), body, len(body), 2, 99, 0.25)


def test_a_dead_letter_keeps_the_call_and_the_last_result() -> None:
    letter = DeadLetterMessage(_call(), DeadKind.INVOCATION, "status 500", 2, 7, _result())

    assert DeadLetterMessage.from_message(*letter.message(1000)) == letter


def test_an_oversized_dead_letter_keeps_the_call_and_cuts_the_result() -> None:
    letter = DeadLetterMessage(_call(), DeadKind.CALLBACK, "away", 6, 7, _result(b"0123456789"))

    decoded = DeadLetterMessage.from_message(*letter.message(len(letter.call.body) + 4))

    assert decoded.call == letter.call
    assert decoded.result is not None
    assert (decoded.result.body, decoded.result.size, decoded.result.is_complete) == (b"0123", 10, False)


def test_stored_response_headers_are_limited() -> None:
    headers = tuple((f"X-{n}", "y" * 1000) for n in range(50))
    result = Result(200, headers, b"", 0, 1, 1, 0.1)

    assert len(result.metadata()) < 10_000


@pytest.mark.parametrize("headers", [None, {}, {"Faas-Dead": "[]"}, {"Faas-Dead": "3"}])
def test_an_invalid_dead_letter_raises_value_error(headers: dict[str, str] | None) -> None:
    with pytest.raises(ValueError, match=r"."):
        DeadLetterMessage.from_message(headers, b"")


@pytest.mark.parametrize(
    "headers", [None, {}, {CALL_HEADER: "no json"}, {CALL_HEADER: "[1]"}, {CALL_HEADER: "3"}]
)
def test_an_invalid_queued_call_raises_value_error(headers: dict[str, str] | None) -> None:
    with pytest.raises(ValueError, match=r"."):
        QueuedCall.from_message(headers, b"")


def test_an_error_lists_expected_seen_log_lines_and_next_step() -> None:
    error = LabError("headline", expected="a", seen="b", log=["l1", "l2"], next_step="c")

    assert str(error).splitlines() == [
        "headline",
        "  expected: a",
        "  seen:     b",
        "  last log lines:",
        "    l1",
        "    l2",
        "  next:     c",
    ]


def test_an_error_has_its_docstring_as_headline_and_is_a_builtin_error() -> None:
    error = LabTimeoutError(expected="soon")

    assert str(error).startswith("Something took longer than its deadline.")
    assert isinstance(error, TimeoutError)


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_787_392_800_123_456_999, "2026-08-22T10:00:00.123456Z"),
    ],
)
def test_times_are_written_as_rfc_3339_in_utc(time_ns: int, text: str) -> None:
    assert rfc3339(time_ns) == text
    assert rfc3339(time_ns, timespec="seconds") == text[:19] + "Z"
    assert parse_rfc3339(text) == time_ns // 1000 * 1000


@pytest.mark.parametrize(
    "text",
    ["2026-08-22T12:00:00.123456789+02:00", "2026-08-22t10:00:00.123456z", "2026-08-22T10:00:00.123456Z"],
)
def test_any_rfc_3339_time_can_be_parsed(text: str) -> None:
    assert rfc3339(parse_rfc3339(text)) == "2026-08-22T10:00:00.123456Z"


@pytest.mark.parametrize("text", ["", "2026-08-22", "2026-08-22T10:00:00", "2026-13-22T10:00:00Z", "10:00"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_rfc3339(text)


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1_0", "1.5", "\u0663", "1" * 20])
def test_only_ascii_digits_are_a_whole_number(text: str) -> None:
    assert parse_digits("017") == 17
    assert parse_digits("1790000000000000000") == 1_790_000_000_000_000_000
    assert parse_digits(text) is None


@pytest.mark.parametrize("text", ["3", "11", "x"])
def test_a_whole_number_out_of_range_is_refused_with_the_range(text: str) -> None:
    assert parse_whole_number("count", "4", 4, 10) == 4
    with pytest.raises(InvalidValueError, match="count is out of range") as refused:
        parse_whole_number("count", text, 4, 10)

    assert refused.value.expected == "a whole number from 4 to 10"
