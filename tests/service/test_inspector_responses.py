"""What a bin answers: rules, sequences, switches in the URL, every status."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from eventually import eventually_async
from inspectors import Inspector, inspector

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def shared() -> Iterator[Inspector]:
    """One inspector for all tests that use their own bins."""
    with inspector() as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest, shared: Inspector) -> str:
    """The name of a new bin for one test."""
    name = f"bin-{abs(hash(request.node.nodeid)) % 10**12}"
    shared.api.put(f"/api/v1/bins/{name}").raise_for_status()
    return name


def put(shared: Inspector, path: str, document: Any, status: int = 200) -> dict[str, Any]:
    response = shared.api.put(f"/api/v1/bins/{path}", json=document)
    assert response.status_code == status, response.text
    return dict(response.json()) if response.content else {}


def latest(shared: Inspector, name: str) -> dict[str, Any]:
    return dict(shared.get(f"/bins/{name}/requests/latest"))


# -- rules: GET|PUT|DELETE /bins/{bin}/responses[/{method}]


async def test_a_rule_answers_with_its_status_headers_and_body(shared: Inspector, name: str) -> None:
    rule = {
        "status": 418,
        "headers": {"X-Kind": "tea", "Content-Type": "text/x-tea"},
        "body": "no coffee · 茶",
    }
    put(shared, f"{name}/responses", rule)
    answer = await shared.send(f"/r/{name}", b"x")
    assert (answer.status, answer.body) == (418, "no coffee · 茶".encode())
    assert answer.headers.get_all("Content-Type") == ["text/x-tea"]
    assert answer.headers.get("X-Kind") == "tea"
    response = latest(shared, name)["response"]
    assert (response["status"], response["rule"], response["overridden_by"]) == (418, "rule 1", None)
    assert base64.b64decode(response["body_base64"]) == answer.body


async def test_the_per_method_short_form_answers_that_method_only(shared: Inspector, name: str) -> None:
    put(shared, f"{name}/responses", [{"status": 202}])
    put(shared, f"{name}/responses/post", {"status": 201, "body": {"made": True}})
    posted, got = await shared.send(f"/r/{name}"), await shared.send(f"/r/{name}", method="GET")
    assert (posted.status, json.loads(posted.body), got.status) == (201, {"made": True}, 202)
    assert shared.get(f"/bins/{name}/responses/POST") == {
        "method": "POST",
        "status": 201,
        "body": {"made": True},
    }
    assert [rule["used"] for rule in shared.get(f"/bins/{name}/responses")["rules"]] == [1, 1]
    assert shared.api.delete(f"/api/v1/bins/{name}/responses/POST").status_code == 204
    assert (await shared.send(f"/r/{name}")).status == 202
    assert shared.api.get(f"/api/v1/bins/{name}/responses/POST").status_code == 404


async def test_deleting_the_rules_restores_the_default(shared: Inspector, name: str) -> None:
    put(shared, f"{name}/responses", {"status": 503})
    assert (await shared.send(f"/r/{name}")).status == 503
    assert shared.api.delete(f"/api/v1/bins/{name}/responses").status_code == 204
    assert (await shared.send(f"/r/{name}")).status == 200
    assert latest(shared, name)["response"]["rule"] == "default"
    assert shared.get(f"/bins/{name}/responses") == {"rules": []}


async def test_a_sequence_answers_503_503_then_200_for_ever(shared: Inspector, name: str) -> None:
    put(shared, f"{name}/responses", {"status": 503, "times": 2, "then": [{"status": 200, "body": "ok"}]})
    answers = [await shared.send(f"/r/{name}") for _ in range(5)]
    assert [answer.status for answer in answers] == [503, 503, 200, 200, 200]
    found = shared.get(f"/bins/{name}/requests", order="oldest")["requests"]
    assert [record["response"]["rule"] for record in found][:3] == [
        "rule 1, step 1 of 2, use 1 of 2",
        "rule 1, step 1 of 2, use 2 of 2",
        "rule 1, step 2 of 2",
    ]


async def test_a_rule_that_is_used_up_leaves_the_answer_to_the_next(shared: Inspector, name: str) -> None:
    put(shared, f"{name}/responses", [{"status": 500, "times": 1}, {"status": 429, "then": [409]}])
    assert [(await shared.send(f"/r/{name}")).status for _ in range(4)] == [500, 429, 409, 409]
    put(shared, f"{name}/responses", [{"status": 500, "times": 1}])
    assert [(await shared.send(f"/r/{name}")).status for _ in range(2)] == [500, 200]


async def test_a_sequence_counts_right_under_concurrency(shared: Inspector, name: str) -> None:
    sequence = {"status": 503, "times": 17, "delay": 0.01, "then": [{"status": 429, "times": 13}, 200]}
    put(shared, f"{name}/responses", sequence)
    answers = await asyncio.gather(*(shared.send(f"/r/{name}") for _ in range(60)))
    assert Counter(answer.status for answer in answers) == {503: 17, 429: 13, 200: 30}


async def test_setting_the_same_rules_again_restarts_their_sequences(shared: Inspector, name: str) -> None:
    rule = {"status": 503, "then": [200]}
    for _ in range(2):
        put(shared, f"{name}/responses", rule)
        assert [(await shared.send(f"/r/{name}")).status for _ in range(2)] == [503, 200]


async def test_changing_the_hold_does_not_restart_a_sequence(shared: Inspector, name: str) -> None:
    put(shared, f"{name}/responses", {"status": 503, "then": [200]})
    assert (await shared.send(f"/r/{name}")).status == 503
    put(shared, f"{name}/hold", {"enabled": False}, 204)
    assert (await shared.send(f"/r/{name}")).status == 200


async def test_two_bins_count_the_same_rule_apart(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}-b").raise_for_status()
    for each in (name, f"{name}-b"):
        put(shared, f"{each}/responses", {"status": 503, "then": [200]})
    statuses = [(await shared.send(f"/r/{each}")).status for each in (name, f"{name}-b", name, f"{name}-b")]
    assert statuses == [503, 503, 200, 200]


@pytest.mark.parametrize(
    ("when", "path", "headers", "body"),
    [
        ({"subpath": "/orders"}, "/orders", (), b""),
        ({"subpath": "/orders/*"}, "/orders/7/items", (), b""),
        ({"query": {"n": "1"}}, "/?n=1&n=2", (), b""),
        ({"headers": {"x-kind": {"starts_with": "a"}}}, "/", ("X-Kind: abc",), b""),
        ({"body": "needle"}, "/", (), b"hay needle hay"),
        ({"json": {"a": {"b": [1, {"c": "x"}]}}}, "/", (), b'{"a": {"b": [1, {"c": "x", "d": 2}]}, "e": 3}'),
        ({"function": "figlet"}, "/", ("X-Function-Name: figlet.openfaas-fn",), b""),
        ({"function_status": 500}, "/", ("X-Function-Status: 500",), b""),
        ({"call_id": "ab-12"}, "/", ("X-Call-Id: ab-12",), b""),
        ({"method": "post", "headers": {"X-No": {"present": False}}}, "/", (), b""),
    ],
)
async def test_a_rule_answers_only_when_its_conditions_match(
    shared: Inspector, name: str, when: dict[str, Any], path: str, headers: tuple[str, ...], body: bytes
) -> None:
    put(shared, f"{name}/responses", [{"status": 409, "when": when}, {"status": 204, "name": "others"}])
    assert (await shared.send(f"/r/{name}{path}", body, *headers)).status == 409
    other = await shared.send(f"/r/{name}/other", b"{}", "X-No: 1", "X-Function-Name: env", method="PUT")
    assert other.status == 204
    assert latest(shared, name)["response"]["rule"] == "others"


async def test_no_rule_can_lift_the_policy_that_runs_no_script(shared: Inspector, name: str) -> None:
    headers = {
        "Content-Type": "text/html",
        "Content-Security-Policy": "default-src * 'unsafe-inline'",
        "X-Content-Type-Options": "none",
    }
    put(shared, f"{name}/responses", {"headers": headers, "body": "<script>alert(1)</script>"})
    answer = await shared.send(f"/r/{name}")
    policies = answer.headers.get_all("Content-Security-Policy")
    assert policies[1:] == ["default-src 'none'; sandbox"]
    assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]


async def test_a_template_echoes_the_request_and_nothing_else(shared: Inspector, name: str) -> None:
    body = (
        "{{request.method}} {{ request.query.n }} {{request.body}} {{request.headers.x-call-id}} {{nothing}}"
    )
    document = {"body": body, "template": True, "headers": {"X-Echo": "<{{request.query.n}}>"}}
    warned = put(shared, f"{name}/responses", document)
    assert warned["warnings"] == ["rule 1: {{nothing}} is unknown and stays as it is"]
    answer = await shared.send(f"/r/{name}?n=a%0d%0aX-Injected:%201", b"{{request.id}}", "X-Call-Id: c1")
    assert answer.body.decode() == "POST a\r\nX-Injected: 1 {{request.id}} c1 {{nothing}}"
    assert answer.headers.get("X-Echo") == "<a  X-Injected: 1>"
    assert "X-Injected" not in answer.headers


async def test_a_template_cannot_grow_without_bounds(shared: Inspector, name: str) -> None:
    put(shared, f"{name}/responses", {"body": "{{request.body}}" * 5000, "template": True})
    answer = await shared.send(f"/r/{name}", b"x" * 1_000_000)
    assert len(answer.body) == 1024 * 1024


async def test_a_rule_s_delay_and_jitter_come_after_the_capture(shared: Inspector, name: str) -> None:
    put(shared, f"{name}/responses", {"status": 200, "delay": "300ms", "jitter": 0.2})
    started = time.monotonic()
    pending = asyncio.create_task(shared.send(f"/r/{name}", b"early"))
    await eventually_async(lambda: shared.get(f"/bins/{name}")["count"], within=0.25)
    assert latest(shared, name)["response"] is None
    await pending
    assert 0.3 <= time.monotonic() - started < 1.5
    record = latest(shared, name)
    assert 300 <= record["response"]["delay_ms"] <= 500
    assert record["timing"]["response_start"] >= 0.3


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_a_status_without_body_has_none(shared: Inspector, name: str, status: int) -> None:
    put(shared, f"{name}/responses", {"status": status})
    wire = await shared.connect()
    try:
        for _ in range(2):  # a stray body would break the second response
            wire.send(f"POST /r/{name} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
            answer = await wire.response()
            assert (answer.status, answer.body) == (status, b"")
    finally:
        await wire.close()
    assert latest(shared, name)["response"]["body_base64"] == ""


async def test_head_is_answered_without_a_body(shared: Inspector, name: str) -> None:
    put(shared, f"{name}/responses", {"status": 200, "body": "four"})
    answer = await shared.send(f"/r/{name}", method="HEAD")
    assert (answer.status, answer.body, answer.headers.get("Content-Length")) == (200, b"", "4")
    assert latest(shared, name)["response"]["body_base64"] == ""


async def test_a_rule_may_cut_the_connection(shared: Inspector, name: str) -> None:
    put(shared, f"{name}/responses", {"status": 0, "then": [200]})
    with pytest.raises((EOFError, ConnectionError, asyncio.IncompleteReadError)):
        await shared.send(f"/r/{name}")
    assert latest(shared, name)["response"]["status"] == 0
    assert (await shared.send(f"/r/{name}")).status == 200


BAD_RULES: list[Any] = [
    "503",
    7,
    [7],
    {"status": "503x"},
    {"status": 99},
    {"status": 100},
    {"status": 199},
    {"status": 600},
    {"status": True},
    {"status": 503.5},
    {"status": 10**30},
    {"statuss": 503},
    {"headers": {"Content-Length": "5"}},
    {"headers": {"Transfer-Encoding": "chunked"}},
    {"headers": {"connection": "close"}},
    {"headers": {"X-Request-Id": "mine"}},
    {"headers": {"X-A": "a\r\nX-B: b"}},
    {"headers": {"X-A": "a\nb"}},
    {"headers": {"X-A": "a\x00"}},
    {"headers": {"X A": "a"}},
    {"headers": {"X-A:": "a"}},
    {"headers": {"": "a"}},
    {"headers": {"X-A": 5}},
    {"headers": [["X-A"]]},
    {"headers": {f"X-{i}": "a" for i in range(101)}},
    {"headers": {"X-A": "a" * 20_000}},
    {"headers": {"Set-Cookie": "labkit_inspector_8090=x"}},
    {"headers": {"Clear-Site-Data": '"*"'}},
    {"body": "a", "body_base64": "YQ=="},
    {"body_base64": "not base64!"},
    {"body_base64": "YQ==", "template": True},
    {"body": "x" * 1_100_000},
    {"status": 204, "body": "a"},
    {"template": "yes"},
    {"delay": -1},
    {"delay": 31},
    {"delay": "1h"},
    {"delay": "soon"},
    {"delay": 20, "jitter": 11},
    {"times": 0},
    {"times": 1.5},
    {"times": -3},
    {"then": {"status": 200}},
    {"then": [{"status": 200, "then": []}]},
    {"then": [99]},
    {"then": [200] * 101},
    {"when": {"metod": "POST"}},
    {"when": {"status": 200}},
    {"when": {"function_status": "500"}},
    {"when": {"query": "n=1"}},
    {"when": {"body": {"regex": ".*"}}},
    {"when": "POST"},
    {"method": "PO ST"},
    {"name": ""},
    {"name": "a\nb"},
    [{"status": 200}] * 101,
]


@pytest.mark.parametrize("document", BAD_RULES, ids=lambda value: json.dumps(value)[:40])
async def test_an_invalid_rule_is_refused_and_changes_nothing(
    shared: Inspector, name: str, document: Any
) -> None:
    put(shared, f"{name}/responses", {"status": 201})
    error = put(shared, f"{name}/responses", document, 422)
    assert error["error"]
    assert (await shared.send(f"/r/{name}")).status == 201


async def test_rules_of_an_unknown_bin_are_404_and_bad_json_is_422(shared: Inspector, name: str) -> None:
    assert shared.api.get("/api/v1/bins/no-such/responses").status_code == 404
    assert shared.api.put("/api/v1/bins/no-such/responses", json={"status": 200}).status_code == 404
    assert shared.api.put(f"/api/v1/bins/{name}/responses", content=b"{").status_code == 422
    assert shared.api.put(f"/api/v1/bins/{name}/responses", content=b"x" * 3_000_000).status_code == 413


async def test_all_rules_of_a_bin_together_are_bounded(shared: Inspector, name: str) -> None:
    body = "x" * 1_000_000
    for method, status in [("GET", 200), ("PUT", 200), ("POST", 422)]:
        put(shared, f"{name}/responses/{method}", {"body": body}, status)
    assert len(shared.get(f"/bins/{name}/responses")["rules"]) == 2


async def test_rules_need_the_token() -> None:
    with inspector(inspector_token="secret") as locked:
        locked.api.put("/api/v1/bins/b").raise_for_status()
        record_id = (await locked.send("/r/b")).headers.get("X-Request-Id")
        for method, path in [
            ("PUT", "/bins/b/responses"),
            ("PUT", "/bins/b/responses/POST"),
            ("DELETE", "/bins/b/responses"),
            ("PUT", "/bins/b/hold"),
            ("PUT", "/bins/b/forward"),
            ("POST", f"/bins/b/requests/{record_id}/replay"),
            ("PUT", f"/bins/b/requests/{record_id}/response"),
            ("POST", f"/bins/b/requests/{record_id}/drop"),
        ]:
            answer = await locked.send(
                f"/api/v1{path}", b"{}", "Content-Type: application/json", method=method
            )
            assert answer.status == 401, (method, path)
            cross = locked.api.request(
                method, f"/api/v1{path}", json={}, headers={"Sec-Fetch-Site": "cross-site"}
            )
            assert cross.status_code == 403, (method, path)


async def test_the_bin_s_answer_of_a_fault_overrides_its_rules(shared: Inspector, name: str) -> None:
    put(shared, f"{name}/responses", {"status": 201, "then": [202]})
    put(shared, name, {"answer": 503})
    assert (await shared.send(f"/r/{name}")).status == 503
    response = latest(shared, name)["response"]
    assert response["overridden_by"] == "the bin's answer 503"
    put(shared, name, {"answer": 200})
    assert (await shared.send(f"/r/{name}")).status == 201


# -- switches in the URL


async def test_every_status_from_200_to_599_round_trips_with_delay(shared: Inspector, name: str) -> None:
    async def check(status: int) -> None:
        answer = await shared.send(f"/r/{name}/{status}?_delay=50ms&id={status}", b"x")
        assert answer.status == status
        if status in (204, 205, 304):
            assert answer.body == b""
        else:
            assert json.loads(answer.body) == {"ok": status < 400, "id": answer.headers.get("X-Request-Id")}

    for begin in range(200, 600, 50):
        started = time.monotonic()
        await asyncio.gather(*map(check, range(begin, begin + 50)))
        assert time.monotonic() - started >= 0.05
    found = shared.get(f"/bins/{name}/requests", limit=500, order="oldest")["requests"]
    assert len(found) == 400
    for record in found:
        status = int(record["query"]["id"][0])
        assert record["response"]["status"] == status
        assert record["response"]["overridden_by"] == f"/{status}"
        assert record["response"]["delay_ms"] == 50


async def test_every_interim_status_is_captured_and_answered_422(shared: Inspector, name: str) -> None:
    for status in range(100, 200):
        answer = await shared.send(f"/{name}/{status}")
        assert answer.status == 422
        assert "interim" in json.loads(answer.body)["error"]
    assert shared.get(f"/bins/{name}")["count"] == 100


@pytest.mark.parametrize(
    "path", ["/orders/404/detail", "/404/", "/4040", "/40", "/0404", "/99", "/600", "/404/404", "/%34%30%34x"]
)
async def test_a_number_elsewhere_in_the_path_is_no_status(shared: Inspector, name: str, path: str) -> None:
    assert (await shared.send(f"/r/{name}{path}")).status == 200
    assert (await shared.send(f"/{name}{path}")).status == 200


async def test_url_switches_override_the_rules_for_this_request_only(shared: Inspector, name: str) -> None:
    put(shared, f"{name}/responses", {"status": 201, "times": 1, "then": [202]})
    assert (await shared.send(f"/r/{name}?_status=503")).status == 503
    response = latest(shared, name)["response"]
    assert response["rule"] == "rule 1, step 1 of 2, use 1 of 1"
    assert response["overridden_by"] == "_status=503"
    assert [(await shared.send(f"/r/{name}")).status for _ in range(2)] == [201, 202]


async def test_switches_are_kept_in_the_url_but_not_in_the_query(shared: Inspector, name: str) -> None:
    await shared.send(f"/r/{name}?a=1&_status=201&_delay=0&%5Ffail=0&_echo=1&_other=2&b")
    record = latest(shared, name)
    assert record["query_string"] == "a=1&_other=2&b"
    assert record["query"] == {"a": ["1"], "_other": ["2"], "b": [""]}
    assert record["url"].endswith("?a=1&_status=201&_delay=0&%5Ffail=0&_echo=1&_other=2&b")


async def test_echo_returns_the_body_and_is_not_run_as_markup(shared: Inspector, name: str) -> None:
    markup = b"<script>alert(1)</script>"
    answer = await shared.send(f"/r/{name}?_echo=1&_status=202", markup, "Content-Type: text/html")
    assert (answer.status, answer.body, answer.headers.get("Content-Type")) == (202, markup, "text/html")
    assert "sandbox" in answer.headers.get("Content-Security-Policy")
    assert answer.headers.get("X-Content-Type-Options") == "nosniff"


async def test_fail_answers_some_requests_with_an_error(shared: Inspector, name: str) -> None:
    answers = await asyncio.gather(*(shared.send(f"/r/{name}?_fail=0.3") for _ in range(200)))
    count = Counter(answer.status for answer in answers)
    assert set(count) == {200, 500}
    assert 25 <= count[500] <= 100
    assert (await shared.send(f"/r/{name}?_fail=1&_status=429")).status == 429
    assert (await shared.send(f"/r/{name}?_fail=0&_status=429")).status == 429
    assert (await shared.send(f"/r/{name}?_fail=100%25")).status == 500


@pytest.mark.parametrize(
    "query",
    [
        *(
            "_status=abc",
            "_status=99",
            "_status=1000",
            "_status=-503",
            "_status=5e2",
            "_status=%00",
            "_status=٥٠٣",
        ),
        *(
            "_delay=-1",
            "_delay=31",
            "_delay=1h",
            "_delay=inf",
            "_delay=nan",
            "_delay=",
            "_delay=" + "9" * 400,
        ),
        *(
            "_fail=2",
            "_fail=-0.1",
            "_fail=nan",
            "_fail=101%25",
            "_fail=x",
            "_echo=maybe",
            "_delay=2s%0d%0aX:1",
        ),
    ],
)
async def test_a_bad_switch_is_captured_and_answered_422(shared: Inspector, name: str, query: str) -> None:
    answer = await shared.send(f"/r/{name}?{quote(query, safe='=%&')}", b"kept")
    assert answer.status == 422, answer.body
    assert json.loads(answer.body)["error"].startswith(query.partition("=")[0])
    record = latest(shared, name)
    assert (record["body"], record["response"]["overridden_by"]) == ("kept", "invalid switch")


async def test_a_delayed_request_of_a_client_that_left_is_closed(shared: Inspector, name: str) -> None:
    wire = await shared.connect()
    wire.send(f"POST /r/{name}?_delay=20s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    await eventually_async(lambda: shared.get(f"/bins/{name}")["count"])
    await wire.close()
    response = await eventually_async(lambda: latest(shared, name)["response"], within=5)
    assert (response["status"], response["rule"]) == (0, "disconnected")


async def test_a_delayed_request_gets_503_when_the_inspector_stops() -> None:
    with inspector() as running:
        pending = asyncio.create_task(running.send("/r/b?_delay=20s"))
        await eventually_async(lambda: running.get("/bins")["bins"])
        running.stopped = True
        running.process.terminate()
        assert (await asyncio.wait_for(pending, 5)).status == 503


async def test_settings_survive_a_kill_and_sequences_begin_again(tmp_path: Path) -> None:
    history = str(tmp_path / "history.sqlite3")
    with inspector(history=history) as first:
        first.api.put("/api/v1/bins/b", json={"secret": "s"}).raise_for_status()
        put(first, "b/responses", {"status": 503, "times": 2, "then": [200]})
        put(first, "b/forward", {"url": "http://127.0.0.1:1/"}, 204)
        put(first, "b/hold", {"enabled": False, "timeout": 5}, 204)
        statuses = [(await first.send("/r/b")).status for _ in range(3)]
        first.stopped = True
        first.process.kill()
        first.process.wait()
        first.process.returncode = 0  # killed on purpose
    assert statuses == [503, 503, 200]
    with inspector(history=history) as second:
        assert second.get("/bins/b")["has_secret"]
        assert second.get("/bins/b/forward")["url"] == "http://127.0.0.1:1/"
        assert second.get("/bins/b/hold")["timeout"] == 5
        rule = {"status": 503, "times": 2, "then": [200], "used": 0}
        assert second.get("/bins/b/responses") == {"rules": [rule]}
        assert [each["response"]["status"] for each in second.get("/bins/b/requests")["requests"]] == [
            200,
            503,
            503,
        ]
        assert [(await second.send("/r/b")).status for _ in range(3)] == [503, 503, 200]
