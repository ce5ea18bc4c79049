"""Rules, templates, switches and delays: the pure part of responding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from received_requests import received_request

from labkit_services.contract.errors import InvalidValueError
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.switch_names import without_switches
from labkit_services.inspector.responding.bin_rules import BinRules
from labkit_services.inspector.responding.delays import parse_delay
from labkit_services.inspector.responding.rule_input import parse_rules, to_wire, warnings
from labkit_services.inspector.responding.templates import render, unknown_placeholders
from labkit_services.inspector.responding.url_switches import UrlSwitches


def record(**changes: Any) -> RequestRecord:
    return RequestRecord("01ID", "b", 7, received_request(**changes))


def answers(document: Any, *requests: RequestRecord) -> list[int | None]:
    rules, documents = BinRules(), tuple(document)
    chosen = [rules.choose(documents, each) for each in requests]
    return [each[0].status if each else None for each in chosen]


@pytest.mark.parametrize(
    ("rule", "statuses"),
    [
        ({"status": 503}, [503, 503, 503, 503]),
        ({"status": 503, "times": 2}, [503, 503, None, None]),
        ({"status": 503, "then": [200]}, [503, 200, 200, 200]),
        ({"status": 503, "times": 2, "then": [{"status": 429, "times": 1}]}, [503, 503, 429, None]),
        ({"status": 503, "then": [502, 200]}, [503, 502, 200, 200]),
        ({"then": [{}, {"status": 204}]}, [200, 200, 204, 204]),
    ],
)
def test_a_sequence_is_followed_step_by_step(rule: dict[str, Any], statuses: list[int | None]) -> None:
    assert answers([rule], *[record()] * 4) == statuses


def test_the_first_rule_that_matches_and_is_not_used_up_answers() -> None:
    rules = [
        {"method": "get", "status": 201},
        {"when": {"body": "no"}, "status": 202},
        {"status": 203, "times": 1},
        {"status": 205},
    ]
    requests = [
        record(method="GET"),
        record(body=b"say no"),
        record(method="GET", body=b"no"),
        record(),
        record(),
        record(body=b"no"),
    ]
    assert answers(rules, *requests) == [201, 202, 201, 203, 205, 202]


def test_a_preview_counts_nothing() -> None:
    rules, documents = BinRules(), ({"status": 503, "times": 1, "name": "busy"},)
    for _ in range(3):
        assert rules.preview(documents, record()) == "busy, use 1 of 1"
    assert rules.choose(documents, record()) is not None
    assert rules.preview(documents, record()) == "default"
    assert rules.used("b", documents) == [1]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{request.method}} {{ request.id }} {{request.seq}} {{request.bin}}", "POST 01ID 7 b"),
        ("{{request.path}}|{{request.subpath}}|{{request.query}}", "/r/b/ü|/ü|a=1&b=%C3%BC"),
        ("{{request.headers.x-a}}{{request.headers.Missing}}.", "ä."),
        ("{{request.query.b}}{{request.query.none}}.", "ü."),
        ("{{request.body}}", "{{request.id}}\ufffd"),
        (
            "{{request}} {{request.headers.}} {{request.query.}}",
            "{{request}} {{request.headers.}} {{request.query.}}",
        ),
        ("{{{request.method}}}", "{POST}"),
        ("{{request.__class__}} {{''.join}} {{7*7}} {{", "{{request.__class__}} {{''.join}} {{7*7}} {{"),
        ("{{request.received_at}}", "2020-09-13T12:26:40.000000Z"),
        ("", ""),
    ],
)
def test_a_template_inserts_known_values_only(template: str, text: str) -> None:
    shown = record(
        received_ns=1_600_000_000 * 10**9,
        path="/r/b/\xc3\xbc",
        subpath="/\xc3\xbc",
        query="a=1&b=%C3%BC",
        headers=(("X-A", "\xc3\xa4"),),
        body=b"{{request.id}}\xff",
    )
    assert render(template, shown, 1000) == text


def test_a_template_is_cut_at_its_limit() -> None:
    assert render("{{request.body}}" * 10**6, record(body=b"x" * 100), 250) == "x" * 250
    assert unknown_placeholders("{{a}}{{request.id}}{{a}}{{request.headers.}}") == ["a", "request.headers."]


def test_what_is_probably_not_meant_is_a_warning() -> None:
    rules = parse_rules(
        [{"body": "{{request.id}}"}, {"body": "{{reqest.id}}", "template": True}, {"body": "{{x}}"}]
    )
    assert warnings(rules) == [
        "rule 1: it contains placeholders, but template is not true",
        "rule 2: {{reqest.id}} is unknown and stays as it is",
    ]


def test_no_text_can_add_a_header() -> None:
    assert to_wire("a\r\nX: b\x00\x7f") == "a  X: b"
    assert to_wire("ü") == "\xc3\xbc"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0),
        (2, 2),
        (0.25, 0.25),
        ("2", 2),
        ("0.25", 0.25),
        (".5", 0.5),
        ("250ms", 0.25),
        ("30s", 30),
        (30, 30),
    ],
)
def test_a_delay_is_a_number_or_a_duration(value: object, seconds: float) -> None:
    assert parse_delay("delay", value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *(-1, 30.1, 10**400, True, None, [], {}),
        *("", "-1", "1e3", "inf", "nan", "31", "1h", "soon", "\u0661", "9" * 500),
    ],
)
def test_an_invalid_delay_is_refused(value: object) -> None:
    with pytest.raises(InvalidValueError):
        parse_delay("delay", value)


@pytest.mark.parametrize(
    ("subpath", "query", "switches"),
    [
        ("/", "", UrlSwitches()),
        ("/503", "", UrlSwitches(503, "/503")),
        ("/503", "_status=201", UrlSwitches(201, "_status=201")),
        ("/503/", "", UrlSwitches()),
        ("/503/x", "", UrlSwitches()),
        ("//503", "", UrlSwitches()),
        ("/600", "", UrlSwitches()),
        ("/", "_status=0", UrlSwitches(0, "_status=0")),
        ("/", "%5Fdelay=250ms&_fail=30%25", UrlSwitches(delay=0.25, fail=0.3)),
        ("/", "_delay=0&_fail=.5&_echo", UrlSwitches(delay=0.0, fail=0.5, echo=True)),
        ("/", "_echo=0&_other=x&status=503", UrlSwitches()),
    ],
)
def test_switches_are_read_from_the_url(subpath: str, query: str, switches: UrlSwitches) -> None:
    assert UrlSwitches.parse(subpath, query) == switches


@pytest.mark.parametrize(
    ("query", "rest"),
    [
        ("", ""),
        ("a=1", "a=1"),
        ("_status=1", ""),
        ("a=1&_delay=2s&b=%5F", "a=1&b=%5F"),
        ("%5fecho&x_status=1&_statuses=2", "x_status=1&_statuses=2"),
    ],
)
def test_switches_are_left_out_of_the_query_view(query: str, rest: str) -> None:
    assert without_switches(query) == rest
    shown = replace(record(), request=received_request(query=query)).summary()
    assert shown["query_string"] == rest
