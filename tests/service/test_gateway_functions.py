"""Functions on a real lab: modes, secrets, limits, well-known images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from eventually import eventually
from gateways import client, deploy

from labkit import Lab

PLACE = "/var/openfaas/secrets"


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as client_:
        yield client_


def logs(http: httpx.Client, name: str) -> str:
    return http.get("/system/logs", params={"name": name, "tail": 100}).text


@pytest.mark.parametrize("way", ["", "rewrite"])
def test_a_secret_is_read_from_openfaas_s_path_and_updated_by_a_redeploy(
    http: httpx.Client, way: str
) -> None:
    name = f"key{way}"
    http.post("/system/secrets", json={"name": name, "rawValue": "AP8K"})
    more = {"secrets": [name], "envVars": {"secrets_by": way}}
    deploy(http, f"reads-{name}", f"cat {PLACE}/{name}", **more)
    assert http.post(f"/function/reads-{name}").content == b"\x00\xff\n"

    http.put("/system/secrets", json={"name": name, "value": "second"})
    deploy(http, f"reads-{name}", f"cat {PLACE}/{name}", **more)
    eventually(lambda: http.post(f"/function/reads-{name}").text == "second")

    deploy(http, f"not-{name}", f"cat {PLACE}/{name}")
    assert http.post(f"/function/not-{name}").status_code == 500
    assert not Path("/var/openfaas").exists()


@pytest.mark.parametrize("fprocess", ["env", "sha512sum"])
def test_the_certifier_s_limits_are_listed_and_unenforced_ones_reported(
    http: httpx.Client, fprocess: str
) -> None:
    limits = {"memory": "5Mi", "cpu": "100m"}
    deploy(http, f"limited-{fprocess}", fprocess, limits=limits, annotations={"mine": "1"})

    assert http.post(f"/function/limited-{fprocess}").status_code == 200
    status = http.get(f"/system/function/limited-{fprocess}").json()
    assert status["limits"] == limits
    assert status["annotations"]["mine"] == "1"
    assert "not enforced" in status["annotations"]["labkit/limits.cpu"]
    eventually(lambda: "limits.cpu: 100m is not enforced by processes." in logs(http, f"limited-{fprocess}"))


@pytest.mark.parametrize("limits", [{"memory": "lots"}, {"cpu": "-1"}])
def test_an_invalid_amount_is_a_400(http: httpx.Client, limits: dict[str, str]) -> None:
    body = {"service": "no", "image": "functions/alpine", "envProcess": "cat", "limits": limits}
    answer = http.post("/system/functions", json=body)

    assert answer.status_code == 400
    assert answer.text.startswith(f"validation failed: limits.{next(iter(limits))}: ")


def test_each_replica_of_the_redirector_has_its_own_port_and_redirects(http: httpx.Client) -> None:
    deploy(
        http,
        "redirector-test",
        "./handler",
        image="theaxer/redirector:latest",
        envVars={"destination": "http://example.com"},
        labels={"com.openfaas.scale.min": "2"},
    )
    eventually(lambda: http.get("/system/function/redirector-test").json()["availableReplicas"] == 2)

    for _ in range(4):
        answer = http.get("/function/redirector-test")
        assert (answer.status_code, answer.headers["Location"]) == (302, "http://example.com")
    assert http.post("/function/redirector-test", content=b"x" * 100_000).status_code == 302


def test_a_long_lived_function_that_exits_is_restarted(http: httpx.Client) -> None:
    deploy(http, "again", "./handler", image="theaxer/redirector:latest")
    eventually(lambda: "Listening on port" in logs(http, "again"))
    last = json.loads(logs(http, "again").splitlines()[-1])
    watchdog = psutil.Process(int(last["instance"].rpartition("-")[2]))
    watchdog.children()[0].kill()

    eventually(lambda: "Forked function has terminated: signal: killed" in logs(http, "again"))
    eventually(lambda: http.get("/function/again").status_code == 302)


def test_the_gateway_forwards_a_stream_without_buffering(http: httpx.Client, tmp_path: Path) -> None:
    script = tmp_path / "events.sh"
    script.write_text('#!/bin/sh\necho "data: 1"; sleep 60\n')
    script.chmod(0o755)
    env = {"mode": "streaming", "content_type": "text/event-stream"}
    deploy(http, "events", str(script), envVars=env)

    with http.stream("GET", "/function/events") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert next(answer.iter_bytes()) == b"data: 1\n"
