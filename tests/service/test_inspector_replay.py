"""Sending captured requests again: where to, with which changes, and the diff."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from echo_target import EchoTarget, echo_target
from eventually import eventually_async
from inspectors import Inspector, inspector

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def target() -> Iterator[EchoTarget]:
    with echo_target() as running:
        yield running


@pytest.fixture(scope="module")
def shared(target: EchoTarget) -> Iterator[Inspector]:
    """One inspector whose lab's gateway is the target."""
    with inspector(gateway_url=target.url) as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest, shared: Inspector) -> str:
    """The name of a new bin for one test."""
    name = f"bin-{abs(hash(request.node.nodeid)) % 10**12}"
    shared.api.put(f"/api/v1/bins/{name}").raise_for_status()
    return name


def replay(shared: Inspector, name: str, document: Any = None, code: int = 201, which: str = "first") -> Any:
    path = f"/api/v1/bins/{name}/requests/{which}/replay"
    response = shared.api.post(path, json={} if document is None else document)
    assert response.status_code == code, response.text
    return response.json()


def record(shared: Inspector, name: str, which: str = "latest") -> Any:
    return shared.get(f"/bins/{name}/requests/{which}")


async def test_a_replay_goes_where_the_request_came_to(shared: Inspector, name: str) -> None:
    body = bytes(range(256))
    original = await shared.send(
        f"/r/{name}/a%20b?x=1&x=%41", body, "X-B: 1", "x-b: 2", "X-U: ü", method="FOO"
    )
    result = replay(shared, name)
    assert result["status"] == 200
    assert result["ids"] == [result["id"]]
    host = {"field": "headers.Host", "from": "127.0.0.1", "to": shared.url.removeprefix("http://")}
    assert result["diff"] == {"request": [host], "response": []}
    first, again = record(shared, name, "first"), record(shared, name)
    assert (first["id"], first["replay_of"]) == (original.headers.get("X-Request-Id"), None)
    assert (again["id"], again["replay_of"], again["seq"]) == (result["id"], first["id"], 2)
    same = ("method", "path", "subpath", "query_string", "body_base64", "body_sha256", "bin")
    assert {key: again[key] for key in same} == {key: first[key] for key in same}
    assert base64.b64decode(again["body_base64"]) == body
    assert [pair for pair in again["headers"] if pair[0].lower() not in ("host", "content-length")] == [
        ["X-B", "1"],
        ["x-b", "2"],
        ["X-U", "ü"],
    ]


async def test_a_replay_is_answered_by_the_rules_of_now_and_shows_what_differs(
    shared: Inspector, name: str
) -> None:
    await shared.send(f"/r/{name}", b"x")
    rule = {"status": 503, "body": "no", "times": 2, "headers": {"X-New": "1"}, "then": [200]}
    shared.api.put(f"/api/v1/bins/{name}/responses", json=rule).raise_for_status()
    result = replay(shared, name)
    assert result["status"] == 503
    fields = {entry["field"]: (entry.get("from"), entry.get("to")) for entry in result["diff"]["response"]}
    assert fields["status"] == (200, 503)
    assert fields["headers.X-New"] == (None, "1")
    assert "body" in fields
    result = replay(shared, name, {"times": 3, "gap": "100ms"})
    assert result["statuses"] == [503, 200, 200]
    assert len(set(result["ids"])) == 3
    assert (result["id"], result["status"], result["diff"]["response"]) == (result["ids"][2], 200, [])


async def test_gaps_are_kept_between_the_sends(shared: Inspector, name: str) -> None:
    await shared.send(f"/r/{name}")
    started = time.monotonic()
    replay(shared, name, {"times": 4, "gap": 0.2})
    assert 0.6 <= time.monotonic() - started < 3
    assert shared.get(f"/bins/{name}")["count"] == 5


async def test_a_replay_changes_method_headers_body_and_path(shared: Inspector, name: str) -> None:
    await shared.send(
        f"/r/{name}/a?q=1", b"{}", "X-Keep: 1", "X-Change: 1", "X-Remove: 1", "Content-Type: a/b"
    )
    changes = {
        "method": "put",
        "headers": {"X-Change": "2 ü", "x-remove": None, "X-Add": "3"},
        "body": {"new": ["body"]},
        "path": f"/r/{name}/b?q=2",
    }
    result = replay(shared, name, changes)
    again = record(shared, name)
    headers = {key: value for key, value in again["headers"] if key != "Host"}
    assert headers == {
        "X-Keep": "1",
        "X-Change": "2 ü",
        "X-Add": "3",
        "Content-Type": "application/json",
        "Content-Length": "16",
    }
    assert (again["method"], again["subpath"], again["query"], again["body"]) == (
        "PUT",
        "/b",
        {"q": ["2"]},
        '{"new":["body"]}',
    )
    differing = {entry["field"] for entry in result["diff"]["request"]}
    assert differing >= {"method", "path", "query", "headers.X-Add", "headers.X-Remove", "body.new"}


async def test_headers_given_as_a_list_replace_all(shared: Inspector, name: str) -> None:
    await shared.send(f"/r/{name}", b"x", "X-Old: 1")
    replay(shared, name, {"headers": [["X-A", "1"], ["X-A", "2"]], "body_base64": "/w=="})
    again = record(shared, name)
    assert [pair for pair in again["headers"] if pair[0].startswith("X-")] == [["X-A", "1"], ["X-A", "2"]]
    assert again["body_base64"] == "/w=="


async def test_a_replay_to_the_gateway_is_recorded_as_an_exchange(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    secrets = ("Authorization: Bearer s", "Cookie: c=1", "X-Api-Key: k")
    await shared.send(f"/r/{name}/sub?q=1", b"figlet me", *secrets, "X-Call-Id: c-1")
    result = replay(shared, name, {"target": "http://gateway:8080/function/figlet"})
    assert result["status"] == 201
    assert result["left_out"] == ["Authorization", "Cookie", "X-Api-Key"]
    method, path, headers, body = target.requests[-1]
    assert (method, path, body) == ("POST", "/function/figlet", b"figlet me")
    assert {key.lower() for key, _ in headers} == {"host", "content-length", "x-call-id"}
    again = record(shared, name)
    assert (again["id"], again["replay_of"]) == (result["id"], record(shared, name, "first")["id"])
    assert again["url"] == "http://gateway:8080/function/figlet"
    assert (again["response"]["status"], again["response"]["rule"]) == (201, "sent to gateway:8080")
    assert base64.b64decode(again["response"]["body_base64"]) == b"figlet me"
    assert again["openfaas"]["call_id"] == "c-1"
    assert again["timing"]["response_end"] > 0


async def test_a_secret_that_the_replay_sets_itself_is_sent(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    await shared.send(f"/r/{name}", b"x", "Authorization: Bearer old")
    replay(shared, name, {"target": target.url, "headers": {"Authorization": "Bearer new"}})
    assert target.header("Authorization") == ["Bearer new"]
    # A target without a path gets the original's.
    assert target.requests[-1][1] == f"/r/{name}"
    replay(shared, name)
    assert ["Authorization", "Bearer old"] in record(shared, name)["headers"]


async def test_a_replay_to_another_bin_is_captured_there(shared: Inspector, name: str) -> None:
    await shared.send(f"/r/{name}", b"x")
    result = replay(shared, name, {"target": f"{shared.url}/r/{name}-2/p"})
    assert (result["bin"], result["status"]) == (f"{name}-2", 200)
    again = record(shared, f"{name}-2")
    assert (again["id"], again["replay_of"]) == (result["id"], record(shared, name)["id"])
    assert shared.get(f"/bins/{name}")["count"] == 1


async def test_nobody_else_can_pass_a_request_off_as_a_replay(shared: Inspector, name: str) -> None:
    await shared.send(f"/r/{name}", b"x", f"X-Labkit-Replay: {'0' * 32}")
    found = record(shared, name)
    assert found["replay_of"] is None
    assert ["X-Labkit-Replay", "0" * 32] in found["headers"]


async def test_a_redirect_of_the_target_is_recorded_and_not_followed(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    await shared.send(f"/r/{name}", b"x")
    before = len(target.requests)
    assert replay(shared, name, {"target": f"{target.url}/redirect"})["status"] == 302
    assert len(target.requests) == before + 1


async def test_a_target_that_does_not_answer_is_502_and_recorded(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    await shared.send(f"/r/{name}", b"x")
    for url in ("http://127.0.0.1:1/x", f"{target.url}/broken"):
        error = replay(shared, name, {"target": url}, 502)
        assert error["error"] == f"no answer from {url}"
        again = record(shared, name)
        assert (again["replay_of"] is not None, again["response"]["status"]) == (True, 0)
        assert again["response"]["overridden_by"] == error["error"]


async def test_a_large_response_is_cut_at_the_limit(shared: Inspector, name: str, target: EchoTarget) -> None:
    await shared.send(f"/r/{name}", b"x")
    assert replay(shared, name, {"target": f"{target.url}/large"})["status"] == 201
    assert len(base64.b64decode(record(shared, name)["response"]["body_base64"])) == 1024 * 1024


async def test_json_replies_are_compared_by_fields(shared: Inspector, name: str, target: EchoTarget) -> None:
    await shared.send(f"/r/{name}", b"x")
    one = replay(shared, name, {"target": f"{target.url}/json"})
    two = replay(shared, name, {"target": f"{target.url}/json"}, which=one["id"])
    assert two["diff"]["request"] == []
    assert [entry["field"] for entry in two["diff"]["response"]] == ["body.count"]


async def test_a_replay_of_a_truncated_body_is_409_unless_it_has_another(
    shared: Inspector, name: str
) -> None:
    await shared.send(f"/r/{name}", b"x" * 1_200_000)
    error = replay(shared, name, {}, 409)
    assert "only the beginning" in error["error"]
    assert error["seen"] == "1048576 of 1200000 bytes"
    assert replay(shared, name, {"body": "short"})["status"] == 200


async def test_a_replay_to_a_bin_on_hold_returns_while_it_is_held(shared: Inspector, name: str) -> None:
    await shared.send(f"/r/{name}", b"x")
    shared.api.put(f"/api/v1/bins/{name}/hold", json={"enabled": True}).raise_for_status()
    started = time.monotonic()
    result = replay(shared, name)
    assert time.monotonic() - started < 3
    assert result["status"] is None
    assert shared.get(f"/bins/{name}/hold")["held"] == [result["id"]]
    shared.api.put(f"/api/v1/bins/{name}/requests/{result['id']}/response", json={"status": 418})
    response = await eventually_async(lambda: record(shared, name, result["id"])["response"])
    assert response["status"] == 418


@pytest.mark.parametrize(
    "path", ["/a\\b", "/a#b?c#d", "/%2e%2e/x", "/;p=1,2:3@4", "/[x]{y}|^`~", '/"<>"', "/caf\xc3\xa9"]
)
async def test_an_odd_path_is_replayed_as_it_came(shared: Inspector, name: str, path: str) -> None:
    request = f"GET /r/{name}{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1")
    if (await shared.raw(request, "GET")).status == 400:
        pytest.skip("no server accepts it")
    replay(shared, name)
    one, two = (record(shared, name, which) for which in ("first", "latest"))
    assert one["id"] == two["replay_of"]
    # A client may encode what a URL should not have.
    paths = [quote(each["subpath"], safe="/%;=,:@~") for each in (one, two)]
    assert paths[0] == paths[1]


async def test_url_switches_are_replayed_too(shared: Inspector, name: str) -> None:
    await shared.send(f"/r/{name}?_status=418&a=1")
    result = replay(shared, name)
    assert (result["status"], result["diff"]["response"]) == (418, [])


@pytest.mark.parametrize(
    "document",
    [
        {"times": 0},
        {"times": 101},
        {"times": "3"},
        {"gap": -1},
        {"gap": 31},
        {"times": 100, "gap": 1},
        {"method": "PO ST"},
        {"method": 5},
        {"path": "relative"},
        {"path": 5},
        {"headers": "X: 1"},
        {"headers": {"X": "a\r\nY: b"}},
        {"headers": {"X Y": "a"}},
        {"headers": {"Host": "evil"}},
        {"headers": {"Content-Length": "5"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"headers": {"X": 5}},
        {"headers": [["X"]]},
        {"headers": [[["X"], "a"]]},
        {"body": "a", "body_base64": "YQ=="},
        {"body_base64": "%%%"},
        {"target": 5},
        {"target": "http://"},
        {"taget": "http://127.0.0.1/"},
        [],
        "x",
    ],
    ids=lambda value: json.dumps(value)[:40],
)
async def test_an_invalid_replay_is_422_and_sends_nothing(
    shared: Inspector, name: str, document: Any
) -> None:
    await shared.send(f"/r/{name}", b"x")
    assert replay(shared, name, document, 422)["error"]
    assert shared.get(f"/bins/{name}")["count"] == 1


@pytest.mark.parametrize(
    "path", ["/a b", "/a\r\nX-Injected: 1", "/a\x00", "/ü#f", "/" + "a" * 5000, "//evil/x"]
)
async def test_an_odd_path_injects_nothing(shared: Inspector, name: str, path: str) -> None:
    await shared.send(f"/r/{name}", b"x")
    response = shared.api.post(
        f"/api/v1/bins/{name}/requests/first/replay", json={"path": f"/r/{name}{path}"}
    )
    assert response.status_code in (201, 403), response.text
    for found in shared.get(f"/bins/{name}/requests")["requests"]:
        assert "X-Injected" not in dict(found["headers"])


async def test_a_replay_of_an_unknown_request_is_404(shared: Inspector, name: str) -> None:
    replay(shared, name, {}, 404)
    replay(shared, "no-such-bin", {}, 404)


async def test_sixty_replays_at_once_stay_apart(shared: Inspector, name: str) -> None:
    await shared.send(f"/r/{name}", b"x")
    original = record(shared, name)["id"]
    result = replay(shared, name, {"times": 60})
    found = shared.get(f"/bins/{name}/requests", limit=100, order="oldest")["requests"]
    assert [each["id"] for each in found[1:]] == result["ids"]
    assert {each["replay_of"] for each in found[1:]} == {original}
