"""The gateway's rules: deployments, callback URLs, headers, scaling, logs."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labkit_services.gateway.functions.log_ring import LogRing
from labkit_services.gateway.functions.scaling import Load, ScaleLimits
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.gateway.functions.usage import usage_of
from labkit_services.gateway.headers import forwarded_pairs, response_headers
from labkit_services.http import Headers, HttpError, Request
from labkit_services.http.body import Body
from labkit_services.http.go_url import GoUrl
from labkit_services.jetstream.connection import server_url


def _deployment(**changes: Any) -> dict[str, Any]:
    return {"service": "cat", "image": "functions/alpine"} | changes


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8090/r/b",
        "https://user:pw@example.com/p?q=%41#f",
        "/relative",
        "no-scheme",
        "",
        "http://[::1]:80/",
        "mailto:a@b",
        "http://unreachable.invalid/",
    ],
)
def test_a_callback_url_that_go_can_parse_is_accepted(url: str) -> None:
    GoUrl.parse(url)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ht tp://x", "first path segment in URL cannot contain colon"),
        ("://x", "missing protocol scheme"),
        ("http://a b/", 'invalid character " " in host name'),
        ("http://h:port/", 'invalid port ":port" after host'),
        ("http://h/%zz", 'invalid URL escape "%zz"'),
        ("http://[::1/", "missing ']' in host"),
        ("http://h/\x01", "net/url: invalid control character in URL"),
    ],
)
@pytest.mark.row("2.1 bad callback")
def test_a_callback_url_that_go_cannot_parse_is_refused_with_go_s_text(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r'^parse ".*": ' + re.escape(problem) + "$"):
        GoUrl.parse(url)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"service": None}, "service"),
        ({"service": ""}, "service"),
        ({"service": 3}, "service"),
        ({"service": "../etc"}, "service"),
        ({"service": "a/b"}, "service"),
        ({"service": "Upper"}, "service"),
        ({"service": "-a"}, "service"),
        ({"service": "a" * 64}, "service"),
        ({"image": ""}, "image"),
        ({"envVars": ["a"]}, "envVars"),
        ({"envVars": {"a": 1}}, "envVars"),
        ({"envVars": {"a=b": "c"}}, "envVars"),
        ({"envVars": {"a": "\0"}}, "envVars"),
        ({"labels": {"a": None}}, "labels"),
        ({"secrets": "s"}, "secrets"),
        ({"image": "\ud800"}, "image"),
    ],
)
@pytest.mark.row("1.3 deploy validation")
def test_an_invalid_deployment_is_a_400_that_names_the_field(change: dict[str, Any], named: str) -> None:
    with pytest.raises(HttpError) as caught:
        FunctionSpec.from_deployment(_deployment(**change))

    assert caught.value.status == 400
    assert f"validation failed: {named}" in caught.value.text


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_a_deployment_that_is_not_an_object_is_a_400(body: object) -> None:
    with pytest.raises(HttpError):
        FunctionSpec.from_deployment(body)


@pytest.mark.row("1.5 FunctionDeployment")
def test_null_labels_and_annotations_are_returned_as_objects() -> None:
    spec = FunctionSpec.from_deployment(_deployment(labels=None, annotations=None, envVars=None))

    status = spec.status(replicas=1, available=0)

    assert status["labels"] == {"faas_function": "cat"}
    assert isinstance(status["annotations"], dict)
    assert "envVars" not in status
    assert "invocationCount" not in status
    assert status["image"] == "functions/alpine"


@pytest.mark.row("1.5 createdAt")
def test_created_at_has_a_time_zone() -> None:
    spec = FunctionSpec.from_deployment(_deployment())

    assert spec.created_at.endswith("Z")
    assert "T" in spec.created_at


def test_a_spec_is_restored_from_its_registry_record() -> None:
    spec = FunctionSpec.from_deployment(
        _deployment(secrets=["a"], limits={"memory": "5Mi"}, labels={"x": "y"})
    )

    assert FunctionSpec.from_record(spec.to_record()) == spec


@pytest.mark.parametrize(("label", "replicas"), [("2", 2), ("0", 0), ("many", 1), ("-3", 1), ("999", 20)])
def test_scale_min_is_the_initial_number_of_replicas(label: str, replicas: int) -> None:
    assert ScaleLimits.of({"com.openfaas.scale.min": label}).minimum == replicas


@pytest.mark.row("1.8 alert")
def test_a_firing_alert_adds_a_share_of_the_maximum_and_a_resolved_one_returns_to_the_minimum() -> None:
    limits = ScaleLimits.of({"com.openfaas.scale.max": "10", "com.openfaas.scale.factor": "25"})

    assert limits.up(1) == 4
    assert limits.up(9) == 10
    assert limits.down() == 1


@pytest.mark.parametrize("factor", ["0", "101", "x"])
@pytest.mark.row("1.8 labels")
def test_a_factor_out_of_range_means_the_default(factor: str) -> None:
    assert ScaleLimits.of({"com.openfaas.scale.factor": factor}).factor == 10


@pytest.mark.row("1.8 CE rule")
def test_the_load_alert_fires_after_five_seconds_repeats_and_is_resolved() -> None:
    load = Load()
    alerts = []
    for second in range(60):
        calls = 10 * min(second, 30)  # ten a second for half a minute, then silence
        if alert := load.observe(float(second), calls):
            alerts.append((second, alert))

    assert alerts[0][1] == "firing"
    assert 5 <= alerts[0][0] <= 15
    assert alerts[-1][1] == "resolved"
    assert 30 < alerts[-1][0] <= 41
    assert 2 <= len([alert for _, alert in alerts if alert == "firing"]) <= 4


def test_a_low_rate_never_fires_the_load_alert() -> None:
    load = Load()

    assert not any(load.observe(float(second), 5 * second) for second in range(100))


def _request(*pairs: tuple[str, str]) -> Request:
    headers = Headers([("Host", "lab:8080"), *pairs])
    request = Request("POST", "/function/cat", headers, Body())
    request.peer = ("127.0.0.1", 5555)
    return request


@pytest.mark.row("1.4 dropped headers")
def test_hop_by_hop_headers_are_dropped_and_authorization_is_forwarded() -> None:
    request = _request(
        ("Connection", "close"), ("TE", "x"), ("Upgrade", "h2c"), ("Authorization", "Bearer t"), ("X-A", "1")
    )

    names = [name for name, _ in forwarded_pairs(request, "id", 1)]

    assert names == [
        "Authorization",
        "X-A",
        "X-Call-Id",
        "X-Start-Time",
        "X-Forwarded-Host",
        "X-Forwarded-For",
        "User-Agent",
    ]


@pytest.mark.row("1.4 X-Start-Time", "1.4 X-Forwarded")
def test_start_time_is_appended_and_existing_forwarded_headers_are_kept() -> None:
    request = _request(("X-Start-Time", "1"), ("X-Forwarded-For", "me"), ("X-Call-Id", "mine"))

    headers = Headers(forwarded_pairs(request, "mine", 2))

    assert headers.get_all("X-Start-Time") == ["1", "2"]
    assert headers.get_all("X-Forwarded-For") == ["me"]
    assert headers.get_all("X-Call-Id") == ["mine"]


@pytest.mark.row("1.4 response headers")
def test_the_function_s_headers_replace_the_gateway_s() -> None:
    upstream = Headers([("x-served-by", "me"), ("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Keep-Alive", "x")])

    headers = response_headers(upstream, _request(("Content-Type", "text/x")), "id", 1)

    assert headers.get_all("X-Served-By") == ["me"]
    assert headers.get_all("Set-Cookie") == ["a", "b"]
    assert headers.get("Content-Type") == "text/x"
    assert "Keep-Alive" not in headers


@pytest.mark.anyio
async def test_a_log_ring_keeps_the_newest_lines_and_yields_new_ones() -> None:
    ring = LogRing(limit=3)
    for number in range(5):
        ring.append("cat-1", f"line {number}")

    past = [line.text async for line in ring.read()]
    last = [line.text async for line in ring.read(tail=1)]
    followed = []

    async def follow() -> None:
        async for line in ring.read(follow=60, tail=1):
            followed.append(line.text)
            if len(followed) == 3:
                return

    task = asyncio.create_task(follow())
    await asyncio.sleep(0)
    ring.append("cat-1", "line 5")
    await asyncio.sleep(0)
    ring.append("cat-1", "line 6")
    await asyncio.wait_for(task, 5)

    assert past == ["[labkit: 2 older lines are not kept]", "line 2", "line 3", "line 4"]
    assert last == ["line 4"]
    assert followed == ["line 4", "line 5", "line 6"]


def test_a_log_of_long_lines_keeps_fewer_of_them() -> None:
    async def read(ring: LogRing) -> list[str]:
        return [line.text async for line in ring.read()]

    ring = LogRing()
    for number in range(2000):
        ring.append("cat-1", f"{number} " + "\N{SNAKE}" * 8000)

    past = asyncio.run(read(ring))

    assert past[-1].startswith("1999 ")
    assert past[0] == f"[labkit: {2001 - len(past):,} older lines are not kept]"
    assert sum(map(len, past)) < 4_300_000


@pytest.mark.row("1.1 faas_nats_address")
@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "nats://127.0.0.1:4222"),
        ({"faas_nats_address": "nats", "faas_nats_port": "4333"}, "nats://nats:4333"),
        ({"nats_host": "nats", "nats_port": "4333"}, "nats://nats:4333"),
        ({"faas_nats_address": "nats"}, "nats://nats:4222"),
        ({"nats_url": "nats://a,nats://b", "faas_nats_address": "c"}, "nats://a,nats://b"),
    ],
)
def test_the_nats_url_comes_from_one_setting_or_from_openfaas_s_two(
    settings: dict[str, str], url: str
) -> None:
    assert server_url(settings) == url


@pytest.mark.anyio
async def test_lines_that_were_lost_on_the_way_count_among_the_older_ones_of_a_log_ring() -> None:
    ring = LogRing(limit=2)
    for text in ("one", "[labkit: 1,234 lines lost here]", "[labkit: 1 line lost here]", "four", "five"):
        ring.append("cat-1", text)

    assert [line.text async for line in ring.read()] == [
        "[labkit: 1,236 older lines are not kept]",
        *("four", "five"),
    ]


@pytest.mark.anyio
async def test_the_older_lines_of_a_log_ring_are_counted_by_replica() -> None:
    ring = LogRing(limit=4)
    for number in range(9):
        ring.append(f"cat-{number % 3 // 2}", f"line {number}")

    texts = {name: [line.text async for line in ring.read(instance=name)] for name in ("", "cat-0", "cat-1")}

    assert texts[""][0] == "[labkit: 5 older lines are not kept]"
    assert texts["cat-0"][0] == "[labkit: 4 older lines are not kept]"
    assert texts["cat-1"][0] == "[labkit: 1 older line is not kept]"
    assert {line.instance async for line in ring.read(instance="cat-0")} == {"cat-0"}


@pytest.mark.anyio
async def test_a_follower_of_a_log_ring_is_told_what_it_missed() -> None:
    ring = LogRing(limit=3)
    lines = ring.read(follow=60)
    ring.append("cat-1", "line 0")
    assert (await anext(lines)).text == "line 0"
    pending = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    for number in range(1, 11):
        ring.append("cat-1", f"line {number}")

    assert (await pending).text == "[labkit: 7 lines came too fast to be followed]"
    assert [(await anext(lines)).text for _ in range(3)] == ["line 8", "line 9", "line 10"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_process_whose_name_is_no_utf_8_has_a_usage() -> None:
    # Linux cuts a name after 15 bytes, so perhaps inside of a character.
    script = r"open('/proc/self/comm', 'wb').write(b'\xe6\x96'); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
    ) as process:
        assert process.stdout
        process.stdout.readline()
        memory = usage_of(process.pid).memory
        process.communicate(b"\n")

    assert memory > 0
