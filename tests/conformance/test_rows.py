"""Rows of OpenFaaS's behaviour that no other test covers, by section."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import nats
import pytest
from eventually import eventually
from gateways import client, deploy, replicas
from labs import start_lab
from receiver import receiver
from standards import NAMESPACE

from labkit import Lab


@pytest.fixture(scope="module")
def short_timeouts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose gateway has timeouts of 300 ms."""
    settings = {"upstream_timeout": "300ms", "write_timeout": "300ms", "read_timeout": "300ms"}
    with start_lab(tmp_path_factory.mktemp("short"), environment=settings) as lab:
        yield lab


def _log(http: httpx.Client, name: str, **query: str) -> list[str]:
    answer = http.get("/system/logs", params={"name": name, **query})
    assert answer.status_code == 200
    return answer.text.splitlines()


# -- 1.1 settings


@pytest.mark.row("1.1 upstream_timeout", "1.4 upstream timeout", "1.4 X-OpenFaaS-Internal")
def test_a_function_slower_than_upstream_timeout_is_a_502(short_timeouts: Lab) -> None:
    with client(short_timeouts) as http:
        deploy(http, "slow", "sleep 30")

        answer = http.post("/function/slow")

    assert answer.status_code == 502
    assert answer.headers["X-OpenFaaS-Internal"] == "proxy"


@pytest.mark.row("1.1 read_timeout")
def test_a_client_that_pauses_in_its_request_gets_a_408(short_timeouts: Lab) -> None:
    url = urlsplit(short_timeouts.aio.state.gateway_url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as wire:
        wire.sendall(b"POST /function/slow HTTP/1.1\r\nHost: x\r\nContent-Le")

        assert wire.recv(1000).startswith(b"HTTP/1.1 408 ")


@pytest.mark.row("1.1 metrics port")
def test_metrics_and_health_are_served_on_a_second_port(short_timeouts: Lab) -> None:
    match = re.search(r"gateway: ready .*metrics=(\S+)", short_timeouts.logs("gateway"))
    assert match is not None
    url = match[1]

    assert urlsplit(url).port != urlsplit(short_timeouts.aio.state.gateway_url).port
    assert "gateway_service_count" in httpx.get(url).text
    assert httpx.get(url.replace("/metrics", "/healthz")).text == "OK\n"
    assert httpx.get(url.replace("/metrics", "/system/functions")).status_code == 404


@pytest.mark.row("1.1 write_timeout")
def test_followed_logs_end_at_write_timeout(short_timeouts: Lab) -> None:
    with client(short_timeouts) as http:
        deploy(http, "followed", "cat")
        begin = time.monotonic()

        lines = _log(http, "followed", follow="true")

        assert lines
        assert 0.25 < time.monotonic() - begin < 5


# -- 1.2, 1.3 routes and names


@pytest.mark.row("1.2 /function methods")
def test_a_function_accepts_seven_methods_only(http: httpx.Client) -> None:
    deploy(http, "env", "env")

    for method in ("TRACE", "PROPFIND"):
        answer = http.request(method, "/function/env")

        assert answer.status_code == 405
        assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    assert http.patch("/function/env").status_code == 200


@pytest.mark.row("1.3 namespace in body or query", "1.6 scale", "1.6 DELETE function")
@pytest.mark.parametrize("place", ["json", "params"])
def test_scale_and_delete_take_the_namespace_from_body_or_query(http: httpx.Client, place: str) -> None:
    body = {"service": "placed", "image": "functions/alpine", "namespace": NAMESPACE}
    assert http.post("/system/functions", json=body).status_code == 202

    def send(method: str, path: str, body: dict[str, object]) -> int:
        own = {"namespace": NAMESPACE}
        given = {"json": body | own} if place == "json" else {"json": body, "params": own}
        return http.request(method, path, **given).status_code  # type: ignore[arg-type]

    scale = {"serviceName": "placed", "replicas": 2}
    assert send("POST", "/system/scale-function/placed", scale) == 202
    assert http.get(f"/system/function/placed?namespace={NAMESPACE}").json()["replicas"] == 2
    assert http.post("/system/scale-function/placed", json=scale).status_code == 404
    assert send("DELETE", "/system/functions", {"functionName": "placed"}) == 202
    assert send("DELETE", "/system/functions", {"functionName": "placed"}) == 404


# -- 1.4 synchronous calls


@pytest.mark.row("1.4 path")
@pytest.mark.parametrize(
    ("path", "seen"), [("", "/"), ("/", "/"), ("/a/b/", "/a/b/"), ("/a%2Fb", "/a/b"), ("/a%20b", "/a b")]
)
def test_the_prefix_is_removed_from_the_path(http: httpx.Client, path: str, seen: str) -> None:
    deploy(http, "env", "env")

    assert f"Http_Path={seen}" in http.get(f"/function/env{path}").text.splitlines()


@pytest.mark.row("1.4 X-Forwarded", "1.4 User-Agent")
def test_forwarded_host_and_for_and_user_agent_are_set(http: httpx.Client) -> None:
    deploy(http, "env", "env")

    request = http.build_request("GET", "/function/env", headers={"Host": "gw.example"})
    del request.headers["User-Agent"]
    lines = http.send(request).text.splitlines()

    assert "Http_X_Forwarded_Host=gw.example" in lines
    assert any(re.fullmatch(r"Http_X_Forwarded_For=127\.0\.0\.1:\d+", line) for line in lines)
    assert any(line.startswith("Http_User_Agent=openfaas-ce-gateway/") for line in lines)


@pytest.mark.row("1.4 no endpoint")
def test_a_function_whose_replicas_do_not_start_is_a_503(http: httpx.Client) -> None:
    body = {
        "service": "never-up",
        "image": "functions/alpine",
        "envProcess": "cat",
        "envVars": {"mode": "http", "http_upstream_url": "not a url"},
    }
    assert http.post("/system/functions", json=body).status_code == 202

    answer = http.post("/function/never-up")

    assert answer.status_code == 503
    assert answer.text.startswith("No endpoints available for: never-up.")
    assert answer.headers["X-OpenFaaS-Internal"] == "proxy"


@pytest.mark.row("1.4 unreachable function")
def test_a_function_that_closes_the_connection_is_a_502_and_is_restarted(
    http: httpx.Client, lab: Lab
) -> None:
    deploy(http, "broken", "sh -c kill${IFS}-9${IFS}$PPID")

    answer = http.post("/function/broken")

    assert answer.status_code == 502
    assert answer.text.startswith("Can't reach service for: broken.")
    eventually(lambda: http.get("/system/function/broken").json()["availableReplicas"] == 1)


@pytest.mark.row("1.4 event stream")
def test_server_sent_events_are_forwarded_one_by_one(http: httpx.Client, tmp_path: Path) -> None:
    """The second event is sent only after the first has been read."""
    gate, script = tmp_path / "gate", tmp_path / "events.sh"
    script.write_text(
        f'echo "data: 1"; echo\nwhile [ ! -e {gate} ]; do sleep 0.02; done\necho "data: 2"; echo\n'
    )
    more = {"mode": "streaming", "content_type": "text/event-stream"}
    deploy(http, "events", f"sh {script}", envVars=more)

    with http.stream("GET", "/function/events", headers={"Accept": "text/event-stream"}) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        lines = (line for line in answer.iter_lines() if line)
        assert next(lines) == "data: 1"
        gate.touch()
        assert next(lines) == "data: 2"


@pytest.mark.row("1.4 log line")
def test_a_call_is_logged_in_openfaas_s_format(http: httpx.Client, lab: Lab) -> None:
    deploy(http, "env", "env")
    http.put("/function/env/logged")

    line = r"Forwarded \[PUT\] to /function/env/logged - \[200\] - \d+\.\d{4}s"
    eventually(lambda: re.search(line, lab.logs("gateway")) is not None)


# -- 1.5 to 1.8 management


@pytest.mark.row("1.5 usage")
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="usage is read from /proc")
def test_usage_is_returned_on_request_only(http: httpx.Client) -> None:
    deploy(http, "used", "cat")

    usage = http.get("/system/function/used?usage=1").json()["usage"]

    assert usage["totalMemoryBytes"] > 1_000_000
    assert usage["cpu"] >= 0
    assert "usage" not in http.get("/system/function/used").json()


@pytest.mark.row("1.6 GET function")
def test_an_unknown_function_is_a_404_with_an_empty_body(http: httpx.Client) -> None:
    answer = http.get("/system/function/nobody")

    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.row("1.6 rawValue")
def test_raw_value_wins_over_value(http: httpx.Client) -> None:
    secret = {"name": "both", "value": "text", "rawValue": "AAH/"}
    assert http.post("/system/secrets", json=secret).status_code == 202
    deploy(http, "reads-both", "cat /var/openfaas/secrets/both", secrets=["both"])

    assert http.post("/function/reads-both").content == b"\x00\x01\xff"


@pytest.mark.row("1.7 tail, since, instance")
def test_instance_selects_the_log_of_one_replica(http: httpx.Client) -> None:
    deploy(http, "two-logs", "cat", labels={"com.openfaas.scale.min": "2"})
    eventually(lambda: http.get("/system/function/two-logs").json()["availableReplicas"] == 2)

    def logged_instances() -> set[str]:
        return {httpx.Response(200, text=line).json()["instance"] for line in _log(http, "two-logs")}

    eventually(lambda: len(logged_instances()) == 2)
    instances = logged_instances()
    for instance in instances:
        lines = _log(http, "two-logs", instance=instance)
        assert {httpx.Response(200, text=line).json()["instance"] for line in lines} == {instance}
    assert _log(http, "two-logs", tail="-1") == _log(http, "two-logs")


@pytest.mark.row("1.7 follow")
@pytest.mark.parametrize("follow", ["false", "0", "f", "", "anything"])
def test_only_go_s_spellings_of_true_follow(http: httpx.Client, follow: str) -> None:
    deploy(http, "closed", "cat")
    eventually(lambda: bool(_log(http, "closed")))

    assert eventually(lambda: _log(http, "closed", follow=follow))


@pytest.mark.row("1.8 enqueueing counts nothing")
def test_an_asynchronous_call_is_counted_once(http: httpx.Client, lab: Lab) -> None:
    deploy(http, "once-counted", "cat")

    lab.invoke_async("once-counted", "x").wait(timeout=10)

    counts = {f["name"]: f["invocationCount"] for f in http.get("/system/functions").json()}
    assert counts["once-counted"] == 1


# -- 2 asynchronous calls


@pytest.mark.row("2.4 busy watchdog")
def test_a_busy_function_s_callback_has_status_429(http: httpx.Client, lab: Lab) -> None:
    once = {"com.openfaas.retry.attempts": "1"}
    deploy(http, "busy", "sleep 1", envVars={"max_inflight": "1"}, annotations=once)
    (replica,) = replicas(lab, "busy")
    with receiver() as target:
        first = threading.Thread(
            target=lambda: httpx.post(f"{lab.gateway_url}/function/busy", trust_env=False)
        )
        first.start()
        eventually(lambda: bool(replica.children()))
        http.post("/async-function/busy", headers={"X-Callback-Url": target.url})
        (callback,) = target.wait()
        first.join()

    assert callback.headers["X-Function-Status"] == "429"
    assert callback.body.startswith(b"Concurrent request limit exceeded. Max concurrent requests: 1")


@pytest.mark.row("2.5 gateway's line")
def test_the_gateway_logs_what_it_queues(http: httpx.Client, lab: Lab) -> None:
    call_id = http.post("/async-function/nobody.openfaas-fn", content="12345").headers["X-Call-Id"]

    line = f"[{call_id}] Queueing (5) bytes for: nobody.openfaas-fn."
    eventually(lambda: line in lab.logs("gateway"))


@pytest.mark.row("2.6 JetStream")
@pytest.mark.anyio
async def test_stream_and_consumer_are_those_of_pro(lab: Lab) -> None:
    state = lab.aio.state
    connection = await nats.connect(state.nats_url, token=state.nats_token)
    try:
        js = connection.jetstream()
        stream = (await js.stream_info("OF_faas-request")).config
        consumer = (await js.consumer_info("OF_faas-request", "faas-workers")).config
    finally:
        await connection.close()

    assert stream.subjects == ["faas-request"]
    assert stream.retention == "workqueue"
    assert stream.storage == "file"
    assert stream.duplicate_window == 120
    assert consumer.ack_policy == "explicit"
    assert consumer.max_deliver == -1
    assert consumer.max_ack_pending == -1
