"""Forwarding captured requests, to this machine only unless more is allowed."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from echo_target import EchoTarget, echo_target
from eventually import eventually_async
from inspectors import Inspector, inspector

pytestmark = pytest.mark.anyio

REFUSED = [
    "http://example.com/",
    "http://example.com./",
    "http://10.0.0.1/",
    "http://192.168.1.1:8080/x",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://0.0.0.0:8080/",
    "http://0/",
    "http://[::]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://127.1/",
    "http://0177.0.0.1/",
    "http://127.0.0.1.example.com/",
    "http://localhost.example.com/",
    "http://localhost@example.com/",
    "http://user:pass@127.0.0.1/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1\\@example.com/",
    "http://127.0.0.1/ HTTP/1.1\r\nX: 1",
    "http://127.0.0.1\t.example.com/",
    "http://127.0.0.1:0/",
    "http://gateway.example.com:8080/",
    "http://gateway:9999/",
    "http://①②⑦.⓪.⓪.①/x y",
    "http://\uff11\uff16\uff19.254.169.254/",
    "http://169。254。169。254/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_x",
    "ftp://127.0.0.1/",
    "//127.0.0.1/",
    "/etc/passwd",
    "javascript:alert(1)",
]
INVALID = ["http://", "http://[::1/", "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "", 5, None, ["x"]]


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


def forward(shared: Inspector, name: str, url: Any, **more: Any) -> int:
    return shared.api.put(f"/api/v1/bins/{name}/forward", json={"url": url, **more}).status_code


async def test_a_proxy_answers_with_the_target_s_response(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    assert forward(shared, name, f"{target.url}/base?k=1") == 204
    sent = ("X-A: 1", "X-A: 2", "Cookie: a=1; labkit_inspector_1=token; b=2", "Connection: keep-alive")
    answer = await shared.send(f"/r/{name}/below?n=2&_delay=0", b"\xff body", *sent, method="PUT")
    assert (answer.status, answer.body, answer.headers.get("X-Echo")) == (201, b"\xff body", "yes")
    assert answer.headers.get_all("Content-Type") == ["text/x-echo"]
    method, path, _, body = target.requests[-1]
    assert (method, path, body) == ("PUT", "/base?k=1&n=2", b"\xff body")
    assert target.header("X-A") == ["1", "2"]
    assert target.header("Host") == [f"127.0.0.1:{target.port}"]
    assert target.header("Cookie") == ["a=1; b=2"]
    assert target.header("X-Do-Not-Forward") == ["1"]
    record = shared.get(f"/bins/{name}/requests/latest")
    assert record["response"]["rule"] == f"forward to {target.url}/base?k=1"
    assert base64.b64decode(record["response"]["body_base64"]) == b"\xff body"
    counts = shared.get(f"/bins/{name}/forward")
    assert (counts["mode"], counts["sent"], counts["failed"]) == ("proxy", 1, 0)


async def test_expand_path_appends_the_path_below_the_bin(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    assert forward(shared, name, f"{target.url}/base/", expand_path=True) == 204
    for path, expected in [("/a%20b/c", "/base/a%20b/c"), ("", "/base/"), ("/x?q=%2F", "/base/x?q=%2F")]:
        assert (await shared.send(f"/r/{name}{path}")).status == 201
        assert target.requests[-1][1] == expected
    before = len(target.requests)
    for path in ("/../admin", "/a/%2e%2e/b", "/%252e%252e/b", "/a/..%5cb", "/.."):
        answer = await shared.send(f"/r/{name}{path}")
        assert answer.status == 502, path
    assert len(target.requests) == before


async def test_a_copy_is_sent_while_the_rules_answer(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    assert forward(shared, name, f"{target.url}/copied", mode="copy") == 204
    shared.api.put(f"/api/v1/bins/{name}/responses", json={"status": 202}).raise_for_status()
    assert (await shared.send(f"/r/{name}", name.encode())).status == 202
    await eventually_async(
        lambda: target.requests[-1][1] == "/copied" and target.requests[-1][3] == name.encode()
    )
    await eventually_async(lambda: shared.get(f"/bins/{name}/forward")["sent"] == 1)
    assert forward(shared, name, "http://127.0.0.1:1/", mode="copy") == 204
    assert (await shared.send(f"/r/{name}")).status == 202
    counts = await eventually_async(lambda: (c := shared.get(f"/bins/{name}/forward"))["failed"] and c)
    assert "no answer from http://127.0.0.1:1/" in counts["last_error"]


async def test_rules_and_url_switches_answer_before_the_proxy(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    assert forward(shared, name, target.url) == 204
    shared.api.put(f"/api/v1/bins/{name}/responses", json={"status": 503, "times": 2}).raise_for_status()
    before = len(target.requests)
    statuses = [(await shared.send(f"/r/{name}{path}")).status for path in ("", "/404", "", "")]
    assert statuses == [503, 404, 503, 201]
    assert len(target.requests) == before + 1


async def test_head_is_forwarded_with_the_length_of_the_body_it_would_have(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    assert forward(shared, name, f"{target.url}/large") == 204
    answer = await shared.send(f"/r/{name}", method="HEAD")
    assert (answer.status, answer.headers.get_all("Content-Length")) == (201, ["1500000"])


async def test_a_bin_that_forwards_to_another_names_its_own_request(shared: Inspector, name: str) -> None:
    assert forward(shared, name, f"{shared.url}/r/{name}-2") == 204
    answer = await shared.send(f"/r/{name}")
    assert answer.headers.get_all("X-Bin-Id") == [name]
    assert answer.headers.get_all("X-Request-Id") == [shared.get(f"/bins/{name}/requests/latest")["id"]]


async def test_a_bin_may_forward_to_the_gateway_by_its_name_in_the_cluster(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    for host in ("gateway", "gateway.openfaas", "Gateway.OpenFaaS."):
        assert forward(shared, name, f"http://{host}:8080/function/figlet") == 204
        assert (await shared.send(f"/r/{name}")).status == 201
        assert target.requests[-1][1] == "/function/figlet"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "[::ffff:127.0.0.1]"]
)
async def test_this_machine_may_be_forwarded_to(
    shared: Inspector, name: str, target: EchoTarget, host: str
) -> None:
    assert forward(shared, name, f"http://{host}:{target.port}/x") == 204
    assert (await shared.send(f"/r/{name}")).status == 201


@pytest.mark.parametrize("url", REFUSED)
async def test_no_other_target_is_allowed(shared: Inspector, name: str, url: str) -> None:
    refused = shared.api.put(f"/api/v1/bins/{name}/forward", json={"url": url})
    assert refused.status_code == 403, refused.text
    assert refused.json()["error"]
    assert shared.api.get(f"/api/v1/bins/{name}/forward").status_code == 404
    record_id = (await shared.send(f"/r/{name}")).headers.get("X-Request-Id")
    replay = shared.api.post(f"/api/v1/bins/{name}/requests/{record_id}/replay", json={"target": url})
    assert replay.status_code == 403, replay.text
    assert shared.get(f"/bins/{name}")["count"] == 1


@pytest.mark.parametrize("url", INVALID, ids=repr)
async def test_what_is_no_url_is_422(shared: Inspector, name: str, url: Any) -> None:
    assert forward(shared, name, url) == 422


@pytest.mark.parametrize("more", [{"mode": "both"}, {"expand_path": "yes"}, {"insecure": True}])
async def test_an_invalid_forward_is_422(shared: Inspector, name: str, more: dict[str, Any]) -> None:
    assert forward(shared, name, "http://127.0.0.1:1/", **more) == 422


async def test_a_redirect_is_answered_and_not_followed(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    assert forward(shared, name, f"{target.url}/redirect") == 204
    before = len(target.requests)
    answer = await shared.send(f"/r/{name}")
    assert (answer.status, answer.headers.get("Location")) == (302, "http://192.0.2.1/elsewhere")
    assert len(target.requests) == before + 1


async def test_a_response_cannot_change_the_inspector_s_cookies(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    assert forward(shared, name, f"{target.url}/cookies") == 204
    answer = await shared.send(f"/r/{name}")
    assert answer.status == 201
    assert "Set-Cookie" not in answer.headers
    assert "Clear-Site-Data" not in answer.headers
    assert "sandbox" in answer.headers.get("Content-Security-Policy")


@pytest.mark.parametrize(
    ("path", "reason"), [("/broken", "no answer from"), ("/large", "too long"), (":1", "no answer from")]
)
async def test_a_failed_forward_is_502_with_the_reason_and_is_recorded(
    shared: Inspector, name: str, target: EchoTarget, path: str, reason: str
) -> None:
    assert forward(shared, name, "http://127.0.0.1:1/" if path == ":1" else f"{target.url}{path}") == 204
    answer = await shared.send(f"/r/{name}", b"kept")
    assert answer.status == 502
    assert reason in json.loads(answer.body)["error"]
    record = shared.get(f"/bins/{name}/requests/latest")
    assert (record["body"], record["response"]["status"]) == ("kept", 502)
    assert record["response"]["overridden_by"] == "no answer from the target"
    assert base64.b64decode(record["response"]["body_base64"]) == answer.body
    counts = shared.get(f"/bins/{name}/forward")
    assert counts["failed"] == 1
    assert reason in counts["last_error"]


async def test_a_body_beyond_the_limit_is_not_forwarded_in_part(
    shared: Inspector, name: str, target: EchoTarget
) -> None:
    assert forward(shared, name, target.url) == 204
    before = len(target.requests)
    answer = await shared.send(f"/r/{name}", b"x" * 1_200_000)
    assert answer.status == 502
    assert "too long" in json.loads(answer.body)["error"]
    assert len(target.requests) == before


async def test_bins_that_forward_to_each_other_end_the_loop(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}-2").raise_for_status()
    assert forward(shared, name, f"{shared.url}/r/{name}-2") == 204
    assert forward(shared, f"{name}-2", f"{shared.url}/r/{name}") == 204
    assert (await shared.send(f"/r/{name}")).status == 200
    assert [shared.get(f"/bins/{each}")["count"] for each in (name, f"{name}-2")] == [1, 1]
    assert forward(shared, name, f"{shared.url}/r/{name}") == 204
    assert (await shared.send(f"/r/{name}")).status == 200
    assert shared.get(f"/bins/{name}")["count"] == 3


async def test_a_forward_can_be_removed(shared: Inspector, name: str, target: EchoTarget) -> None:
    assert forward(shared, name, target.url) == 204
    assert shared.api.delete(f"/api/v1/bins/{name}/forward").status_code == 204
    assert (await shared.send(f"/r/{name}")).status == 200
    assert shared.api.get(f"/api/v1/bins/{name}/forward").status_code == 404


async def test_the_port_of_nats_server_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with inspector(nats_url=f"nats://127.0.0.1:{port}") as running:
            running.api.put("/api/v1/bins/b").raise_for_status()
            for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
                assert forward(running, "b", f"http://{host}:{port}/") == 403


async def test_a_setting_allows_more_targets_and_checks_their_addresses() -> None:
    host = socket.gethostbyname(socket.gethostname())
    with echo_target("0.0.0.0") as wide:
        allowed = f"{host}:{wide.port},.invalid,[fd12::1]:80"
        with inspector(allow_targets=allowed) as running:
            running.api.put("/api/v1/bins/b").raise_for_status()
            assert forward(running, "b", f"http://{host}:{wide.port}/x") == 204
            assert (await running.send("/r/b")).status == 201
            if host not in ("127.0.0.1", "127.0.1.1"):
                assert forward(running, "b", f"http://{host}:{wide.port + 1}/x") == 403
            # Allowed, but without an address.
            assert forward(running, "b", "http://no-such.invalid/") == 502
            assert forward(running, "b", "http://[fd12::1]/") == 204
    with inspector(allow_targets="*") as running:
        running.api.put("/api/v1/bins/b").raise_for_status()
        assert forward(running, "b", "http://192.0.2.1/") == 204
        for url in (
            "http://169.254.169.254/",
            "http://[::ffff:169.254.169.254]/",
            "http://0.0.0.0/",
            "http://2852039166/",
        ):
            assert forward(running, "b", url) == 403, url
