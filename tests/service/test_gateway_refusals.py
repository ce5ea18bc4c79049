"""A refused request leaves nothing: no stream, no record, no process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import nats
import pytest
from eventually import eventually
from gateways import client, deploy, replicas
from labs import start_lab

from labkit import Lab
from labkit.lifecycle import environment

QUEUE_ANNOTATION = "com.openfaas.queue"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab without other tests' functions, whose scaling would be stored."""
    with start_lab(tmp_path_factory.mktemp("refusals")) as lab:
        environment.leave(lab.aio.state)
        yield lab


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http:
        yield http


def stored(lab: Lab) -> dict[str, int]:
    """Return the last sequence number of every stream but the events'.

    Functions, secrets and namespaces are in streams, too.
    """

    async def read() -> dict[str, int]:
        state = lab.aio.state
        connection = await nats.connect(state.nats_url, token=state.nats_token)
        try:
            infos = await connection.jetstream().streams_info()
        finally:
            await connection.close()
        return {info.config.name or "": info.state.last_seq for info in infos}

    found = asyncio.run(read())
    del found["LAB_EVENTS"]
    return found


DEPLOYMENTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "exists": ("POST", {"service": "taken"}, 400),
    "unknown function": ("PUT", {}, 404),
    "unknown namespace": ("POST", {"namespace": "nowhere"}, 400),
    "unknown secret": ("POST", {"secrets": ["nope"]}, 400),
    "unknown image": ("POST", {"image": "me/never-built", "envProcess": ""}, 400),
    "invalid image": ("POST", {"image": "two words"}, 400),
    "no image": ("POST", {"image": ""}, 400),
    "invalid name": ("POST", {"service": "Upper"}, 400),
    "invalid limit": ("POST", {"limits": {"memory": "lots"}}, 400),
    "invalid variable": ("POST", {"envVars": {"a=b": "c"}}, 400),
    "update: unknown secret": ("PUT", {"service": "taken", "secrets": ["nope"]}, 400),
    "update: unknown image": ("PUT", {"service": "taken", "image": "me/never-built", "envProcess": ""}, 400),
    "update: invalid image": ("PUT", {"service": "taken", "image": "two words"}, 400),
    "update: invalid label": ("PUT", {"service": "taken", "labels": {"a": 1}}, 400),
}


@pytest.mark.parametrize("kind", DEPLOYMENTS)
def test_a_refused_deployment_leaves_nothing(lab: Lab, http: httpx.Client, kind: str) -> None:
    method, change, expected = DEPLOYMENTS[kind]
    deploy(http, "taken", "echo first")
    queue = "refused-" + str(list(DEPLOYMENTS).index(kind))
    body = {
        "service": "refused",
        "image": "functions/alpine",
        "envProcess": "echo second",
        "annotations": {QUEUE_ANNOTATION: queue},
    } | change
    before, functions = stored(lab), http.get("/system/functions").json()

    answer = http.request(method, "/system/functions", json=body)

    assert (answer.status_code, answer.text.count("\n")) == (expected, 1)
    assert stored(lab) == before
    assert queue not in [each["name"] for each in http.get("/system/queues").json()]
    assert [f["name"] for f in http.get("/system/functions").json()] == [f["name"] for f in functions]
    assert replicas(lab, body["service"]) == (replicas(lab, "taken") if body["service"] == "taken" else [])
    assert http.post("/function/taken").text == "first\n"


def test_the_same_deployment_without_its_mistake_creates_its_queue(lab: Lab, http: httpx.Client) -> None:
    deploy(http, "not-refused", "cat", annotations={QUEUE_ANNOTATION: "not-refused"})

    assert {"OF_not-refused", "OF_not-refused_dead"} <= stored(lab).keys()


TOO_LARGE = "x" * (1024 * 1024 + 1)
CHANGES: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "scale unknown": ("POST", "/system/scale-function/nobody", {"replicas": 2}, 404),
    "scale below 0": ("POST", "/system/scale-function/taken", {"replicas": -1}, 400),
    "secret exists": ("POST", "/system/secrets", {"name": "taken", "value": "second"}, 409),
    "secret name": ("POST", "/system/secrets", {"name": "../x", "value": "v"}, 400),
    "secret base64": ("POST", "/system/secrets", {"name": "refused", "rawValue": "?"}, 400),
    "secret namespace": ("POST", "/system/secrets", {"name": "refused", "namespace": "nowhere"}, 400),
    "secret size": ("POST", "/system/secrets", {"name": "refused", "value": TOO_LARGE}, 400),
    "update unknown secret": ("PUT", "/system/secrets", {"name": "refused", "value": "v"}, 404),
    "update secret size": (
        "PUT",
        "/system/secrets",
        {"name": "taken", "value": TOO_LARGE},
        400,
    ),
    "remove unknown secret": ("DELETE", "/system/secrets", {"name": "refused"}, 404),
    "namespace name": ("POST", "/system/namespace/Upper", {}, 400),
    "namespace labels": ("POST", "/system/namespace/refused", {"labels": {"a": 1}}, 400),
    "namespace exists": ("POST", "/system/namespace/openfaas-fn", {}, 409),
    "update unknown namespace": ("PUT", "/system/namespace/refused", {}, 404),
    "remove unknown namespace": ("DELETE", "/system/namespace/refused", {}, 404),
    "remove default namespace": ("DELETE", "/system/namespace/openfaas-fn", {}, 400),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_any_other_refused_change_leaves_nothing(lab: Lab, http: httpx.Client, kind: str) -> None:
    method, path, body, expected = CHANGES[kind]
    deploy(http, "taken", "echo first")
    http.post("/system/secrets", json={"name": "taken", "value": "first"})
    before = stored(lab)

    answer = http.request(method, path, json=body)

    assert (answer.status_code, answer.text.count("\n")) == (expected, 1)
    assert stored(lab) == before
    # The one that the deployment above has replaced may still end.
    eventually(lambda: len(replicas(lab, "taken")) == 1, lambda: replicas(lab, "taken"))


def test_a_removed_namespace_takes_its_secrets_along(http: httpx.Client) -> None:
    secret = {"name": "of-old", "namespace": "old", "value": "v"}
    assert http.post("/system/namespace/", json={"name": "old"}).status_code == 201
    assert http.post("/system/secrets", json=secret).status_code == 202

    assert http.delete("/system/namespace/old").status_code == 202
    assert http.post("/system/namespace/", json={"name": "old"}).status_code == 201

    assert http.get("/system/secrets?namespace=old").json() == []
    assert http.delete("/system/namespace/old").status_code == 202


def test_no_deploy_into_a_namespace_that_is_being_removed(http: httpx.Client) -> None:
    body = {"service": "late", "image": "functions/alpine", "namespace": "brief"}
    with ThreadPoolExecutor(2) as callers:
        for _ in range(20):
            assert http.post("/system/namespace/", json={"name": "brief"}).status_code == 201
            deploying = callers.submit(http.post, "/system/functions", json=body)
            removing = callers.submit(http.delete, "/system/namespace/brief")
            deployed, removed = deploying.result().status_code, removing.result().status_code

            assert (deployed, removed) in [(202, 400), (400, 202)]
            if deployed == 202:
                remove = {"functionName": "late", "namespace": "brief"}
                assert http.request("DELETE", "/system/functions", json=remove).status_code == 202
                assert http.delete("/system/namespace/brief").status_code == 202
