"""What every provider of functions does, run for processes and for containers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from eventually import eventually
from gateways import client, deploy, replicas
from labs import start_lab

from labkit import Lab
from labkit.lifecycle import environment
from labkit_services.call_record.log import CallState

PLACE = "/var/openfaas/secrets"


@dataclass(frozen=True)
class Provider:
    """A lab whose functions one provider runs."""

    name: str
    lab: Lab
    http: httpx.Client

    def deploy(self, name: str, fprocess: str, **more: Any) -> None:
        deploy(self.http, name, fprocess, **more)

    def call(self, name: str, body: bytes | str = b"") -> httpx.Response:
        return self.http.post(f"/function/{name}", content=body)

    def variable(self, name: str, variable: str) -> str:
        """Return a variable of a function whose process is ``env``; "" if the call failed."""
        lines = self.call(name).text.splitlines()
        return next((line.partition("=")[2] for line in lines if line.startswith(f"{variable}=")), "")

    def available(self, name: str) -> int:
        return int(self.http.get(f"/system/function/{name}").json()["availableReplicas"])

    def scale(self, name: str, count: int) -> None:
        assert self.http.post(f"/system/scale-function/{name}", json={"replicas": count}).status_code == 202
        eventually(lambda: self.available(name) == count, within=20)

    def kill_replica(self, name: str, engine: Any) -> None:
        """End a replica as a crash does."""
        if self.name == "process":
            replicas(self.lab, name)[0].kill()
            return
        with engine.client() as docker:
            docker.containers.list(filters={"label": f"faas_function={name}"})[0].kill()


@pytest.fixture(scope="module", params=["process", "docker"])
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "docker":
            patch.setenv("DOCKER_HOST", request.getfixturevalue("docker_engine").url)
        lab = start_lab(tmp_path_factory.mktemp(request.param), functions=request.param, timeout=30)
        environment.leave(lab.aio.state)
        try:
            with client(lab) as http:
                yield Provider(request.param, lab, http)
        finally:
            lab.stop()


@pytest.fixture
def engine(provider: Provider, request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("docker_engine") if provider.name == "docker" else None


def test_the_gateway_names_its_provider(provider: Provider) -> None:
    info = provider.http.get("/system/info").json()["provider"]

    assert info["provider"] == f"labkit-{provider.name}"


def test_a_function_is_deployed_called_and_deleted(provider: Provider) -> None:
    provider.deploy("upper", "tr a-z A-Z")

    assert provider.call("upper", "hello").text == "HELLO"
    answer = provider.http.request("DELETE", "/system/functions", json={"functionName": "upper"})
    assert answer.status_code == 202
    assert provider.call("upper").status_code == 404


def test_an_asynchronous_call_has_a_result_and_a_callback_to_another_function(provider: Provider) -> None:
    provider.deploy("work", "tr a-z A-Z")
    provider.deploy("after", "cat")

    call = provider.lab.invoke_async("work", "later", callback="http://gateway:8080/function/after")

    assert call.result(timeout=20).text == "LATER"
    eventually(lambda: [callback.status for callback in call.status().callbacks] == [200], within=20)


def test_the_environment_is_the_deployment_s(provider: Provider) -> None:
    provider.deploy("environment", "env", envVars={"GREETING": "grüß dich"})

    assert provider.variable("environment", "GREETING") == "grüß dich"


def test_a_secret_is_a_file_and_a_redeploy_updates_it(provider: Provider) -> None:
    provider.http.post("/system/secrets", json={"name": "key", "value": "first"})
    provider.deploy("secret", f"cat {PLACE}/key", secrets=["key"])
    assert provider.call("secret").text == "first"

    provider.http.put("/system/secrets", json={"name": "key", "value": "second"})
    provider.deploy("secret", f"cat {PLACE}/key", secrets=["key"])
    eventually(lambda: provider.call("secret").text == "second")

    provider.deploy("open", f"cat {PLACE}/key")
    assert provider.call("open").status_code == 500


def test_an_unknown_secret_is_refused(provider: Provider) -> None:
    body = {"service": "no", "image": "functions/alpine:latest", "envProcess": "cat", "secrets": ["none"]}

    answer = provider.http.post("/system/functions", json=body)

    assert (answer.status_code, answer.text) == (400, "unable to find secret: none\n")


def test_labels_annotations_limits_and_requests_are_in_the_status(provider: Provider) -> None:
    more = {
        "labels": {"team": "a"},
        "annotations": {"topic": "b"},
        "limits": {"memory": "64Mi"},
        "requests": {"memory": "32Mi"},
    }
    provider.deploy("described", "cat", **more)

    status = provider.http.get("/system/function/described?usage=1").json()

    assert status["labels"] == {"team": "a", "faas_function": "described"}
    assert status["annotations"]["topic"] == "b"
    assert (status["limits"], status["requests"]) == (more["limits"], more["requests"])
    assert status["usage"]["totalMemoryBytes"] > 1_000_000


def test_a_process_beyond_its_memory_limit_fails_and_the_next_call_runs(provider: Provider) -> None:
    provider.deploy("hungry", "tail /dev/zero", limits={"memory": "64Mi"}, envVars={"exec_timeout": "20s"})

    assert provider.call("hungry").status_code == 500
    provider.deploy("hungry", "cat", limits={"memory": "64Mi"})
    assert provider.call("hungry", "still here").text == "still here"


def test_what_a_function_writes_to_standard_error_is_in_its_log(provider: Provider) -> None:
    provider.deploy("noisy", "ls /does-not-exist", envVars={"combine_output": "false"})
    provider.call("noisy")

    def log() -> str:
        return provider.http.get("/system/logs", params={"name": "noisy", "tail": 50}).text

    eventually(lambda: "does-not-exist" in log())
    assert "Forking fprocess" in log()


def test_a_function_is_scaled_to_zero_from_zero_and_to_three(provider: Provider) -> None:
    provider.deploy("scaled", "env")
    provider.scale("scaled", 0)

    assert provider.call("scaled").status_code == 200
    provider.scale("scaled", 3)
    assert len({provider.variable("scaled", "HOSTNAME") for _ in range(6)}) == 3
    provider.scale("scaled", 1)


def test_an_update_fails_no_call(provider: Provider) -> None:
    provider.deploy("changed", "echo old")

    body = {"service": "changed", "image": "functions/alpine:latest", "envProcess": "echo new"}
    assert provider.http.put("/system/functions", json=body).status_code == 202
    answers = [provider.call("changed") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[-1].text == "new\n"


def test_a_crashed_replica_is_replaced(provider: Provider, engine: Any) -> None:
    provider.deploy("crashing", "env")
    before = provider.variable("crashing", "HOSTNAME")

    provider.kill_replica("crashing", engine)

    eventually(lambda: provider.variable("crashing", "HOSTNAME") not in ("", before), within=20)


def test_an_asynchronous_call_survives_the_crash_of_its_replica(provider: Provider, engine: Any) -> None:
    provider.deploy("interrupted", "sleep 2")
    call = provider.lab.invoke_async("interrupted")
    eventually(lambda: call.status().state is CallState.RUNNING, within=20)

    provider.kill_replica("interrupted", engine)

    assert call.result(timeout=30).status == 200
    assert [attempt.status for attempt in call.status().attempts] == [502, 200]


def test_a_process_is_ended_after_exec_timeout(provider: Provider) -> None:
    provider.deploy("slow", "sleep 20", envVars={"exec_timeout": "500ms"})
    begin = time.monotonic()

    assert provider.call("slow").status_code == 408
    assert time.monotonic() - begin < 5


def test_a_large_body_comes_back_unchanged(provider: Provider) -> None:
    provider.deploy("large", "cat")
    body = os.urandom(5_000_000)

    assert provider.call("large", body).content == body


def test_tmp_is_writable_even_if_the_root_is_read_only(provider: Provider) -> None:
    provider.deploy("writes", "touch /tmp/labkit-contract", readOnlyRootFilesystem=True)

    assert provider.call("writes").status_code == 200


def test_a_deployment_that_cannot_run_is_refused(provider: Provider) -> None:
    answer = provider.http.post("/system/functions", json={"service": "no", "image": "nobody/nothing:9"})

    assert answer.status_code == 400
    assert "nobody/nothing:9" in answer.text
    assert provider.http.get("/system/function/no").status_code == 404
