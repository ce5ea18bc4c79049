"""OpenFaaS's Python SDK passes its calls: each method, and its errors.

``test_every_call_of_the_sdk_is_tested`` counts them.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from eventually import eventually
from python_sdk import Sdk, SdkError, parsed
from receiver import receiver

from labkit import Lab

NAMESPACE = "sdk"
SPEC: dict[str, Any] = {
    "service": "sdk-env",
    "image": "ghcr.io/openfaas/alpine:latest",
    "namespace": NAMESPACE,
    "envProcess": "env",
    "envVars": {"greeting": "hello"},
    "labels": {"com.openfaas.scale.min": "1"},
    "annotations": {"topic": "a"},
    "limits": {"memory": "128Mi", "cpu": "100m"},
    "readOnlyRootFilesystem": True,
}


@pytest.fixture(scope="module")
def sdk(lab: Lab) -> Iterator[Sdk]:
    """A client with the lab's credentials, and a namespace of its own."""
    state = lab.aio.state
    client = Sdk(state.gateway_url, state.user, state.password)
    assert client.create_namespace({"name": NAMESPACE, "labels": {"team": "blue"}}) == 201
    yield client
    for function in client.get_functions(NAMESPACE):
        client.delete_function(function["name"], NAMESPACE)
    client.delete_namespace(NAMESPACE)
    client.close()


@pytest.fixture(scope="module")
def deployed(sdk: Sdk) -> dict[str, Any]:
    """A function that runs and prints its environment."""
    assert sdk.deploy(SPEC) == 202
    eventually(lambda: sdk.get_function("sdk-env", NAMESPACE).get("availableReplicas", 0) > 0)
    return sdk.get_function("sdk-env", NAMESPACE)


def _kind(error: pytest.ExceptionInfo[SdkError]) -> str:
    return error.value.kind


# -- system, namespaces


@pytest.mark.row("1.5 info")
def test_get_info(sdk: Sdk) -> None:
    info = sdk.get_info()

    assert info["arch"]
    assert info["provider"]["provider"]
    assert info["provider"]["orchestration"]
    assert info["provider"]["version"]["release"]
    assert info["version"]["release"]


@pytest.mark.row("1.6 namespaces")
def test_get_namespaces(sdk: Sdk) -> None:
    assert {"openfaas-fn", NAMESPACE} <= set(sdk.get_namespaces())


@pytest.mark.row("1.5 namespace", "1.6 namespaces")
def test_create_update_get_and_delete_namespace(sdk: Sdk) -> None:
    assert sdk.create_namespace({"name": "sdk-two", "labels": {"team": "red"}}) == 201
    assert sdk.get_namespace("sdk-two") == {
        "name": "sdk-two",
        "labels": {"team": "red", "openfaas": "1"},
        "annotations": {"openfaas": "1"},
    }

    assert sdk.update_namespace({"name": "sdk-two", "annotations": {"owner": "alice"}}) == 202

    assert sdk.get_namespace("sdk-two")["annotations"] == {"owner": "alice", "openfaas": "1"}
    sdk.delete_namespace("sdk-two")
    assert "sdk-two" not in sdk.get_namespaces()


# -- functions


@pytest.mark.row("1.5 FunctionStatus")
def test_deploy_and_get_function(deployed: dict[str, Any]) -> None:
    for field, value in SPEC.items():
        if field in ("service", "labels", "annotations"):
            continue
        assert deployed[field] == value
    assert deployed["name"] == "sdk-env"
    assert deployed["labels"].items() >= SPEC["labels"].items()
    assert deployed["annotations"].items() >= SPEC["annotations"].items()
    assert (deployed["replicas"], deployed["availableReplicas"]) == (1, 1)
    assert abs(datetime.now(UTC) - deployed["createdAt"]) < timedelta(minutes=10)


@pytest.mark.row("1.5 FunctionStatus")
@pytest.mark.usefixtures("deployed")
def test_get_functions(sdk: Sdk) -> None:
    assert "sdk-env" in [each["name"] for each in sdk.get_functions(NAMESPACE)]
    assert "sdk-env" not in [each["name"] for each in sdk.get_functions()]


def test_update_and_delete_function(sdk: Sdk) -> None:
    spec = {
        "service": "sdk-updated",
        "image": "functions/alpine",
        "envProcess": "cat",
        "namespace": NAMESPACE,
    }
    sdk.deploy(spec)

    assert sdk.update(spec | {"labels": {"com.openfaas.scale.zero": "true"}}) == 202

    assert sdk.get_function("sdk-updated", NAMESPACE)["labels"]["com.openfaas.scale.zero"] == "true"
    sdk.delete_function("sdk-updated", NAMESPACE)
    with pytest.raises(SdkError) as error:
        sdk.get_function("sdk-updated", NAMESPACE)
    assert _kind(error) == "NotFoundError"


@pytest.mark.usefixtures("deployed")
def test_scale_function(sdk: Sdk) -> None:
    sdk.scale_function("sdk-env", 2, NAMESPACE)
    eventually(lambda: sdk.get_function("sdk-env", NAMESPACE)["availableReplicas"] == 2)

    sdk.scale_function("sdk-env", 1, NAMESPACE)
    eventually(lambda: sdk.get_function("sdk-env", NAMESPACE)["replicas"] == 1)


# -- secrets


@pytest.mark.row("1.6 secrets")
def test_create_update_get_and_delete_secret(sdk: Sdk) -> None:
    assert sdk.create_secret({"name": "sdk-password", "namespace": NAMESPACE, "value": "one"}) in (201, 202)
    assert {"name": "sdk-password", "namespace": NAMESPACE} in sdk.get_secrets(NAMESPACE)

    assert sdk.update_secret({"name": "sdk-password", "namespace": NAMESPACE, "value": "two"}) == 202

    sdk.delete_secret("sdk-password", NAMESPACE)
    assert sdk.get_secrets(NAMESPACE) == []


# -- logs


@pytest.mark.usefixtures("deployed")
def test_get_logs(sdk: Sdk) -> None:
    sdk.invoke_function("sdk-env", NAMESPACE, method="POST", payload=b"log me")

    eventually(lambda: any("Wrote " in each["text"] for each in sdk.get_logs("sdk-env", NAMESPACE)))
    messages = list(sdk.get_logs("sdk-env", NAMESPACE, tail=100))
    assert {each["name"] for each in messages} == {"sdk-env"}
    assert {each["namespace"] for each in messages} == {NAMESPACE}
    assert all(each["instance"] for each in messages)
    assert len(list(sdk.get_logs("sdk-env", NAMESPACE, tail=1))) == 1
    assert list(sdk.get_logs("sdk-env", NAMESPACE, since=datetime.now(UTC) + timedelta(hours=1))) == []


@pytest.mark.usefixtures("deployed")
def test_get_logs_follow(sdk: Sdk) -> None:
    messages = sdk.get_logs("sdk-env", NAMESPACE, follow=True, tail=1)

    assert next(messages)["name"] == "sdk-env"
    messages.close()  # type: ignore[attr-defined]


# -- invocations


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_invoke_function(sdk: Sdk, method: str) -> None:
    response = sdk.invoke_function(
        "sdk-env",
        NAMESPACE,
        method=method,
        payload="hello",
        headers={"X-Mine": "m"},
        query_params={"verbose": "1"},
    )

    assert response.status_code == 200
    lines = set(response.text.splitlines())
    assert {f"Http_Method={method}", "Http_X_Mine=m", "Http_Query=verbose=1", "greeting=hello"} <= lines
    assert "Http_Authorization" not in response.text
    assert response.headers["X-Call-Id"]


@pytest.mark.usefixtures("deployed")
def test_invoke_function_without_payload(sdk: Sdk) -> None:
    assert sdk.invoke_function("sdk-env", NAMESPACE, method="POST").status_code == 200


def test_invoke_function_that_does_not_exist_is_a_response_not_an_exception(sdk: Sdk) -> None:
    assert sdk.invoke_function("sdk-none", method="GET").status_code == 404


@pytest.mark.usefixtures("deployed")
def test_invoke_function_async_with_a_callback(sdk: Sdk) -> None:
    with receiver() as target:
        response = sdk.invoke_function_async(
            "sdk-env",
            NAMESPACE,
            payload=b"data",
            callback_url=f"{target.url}/done",
            headers={"X-Mine": "m"},
            query_params={"a": "1"},
        )

        assert (response.status_code, response.text) == (202, "")
        (callback,) = target.wait()
    assert callback.path == "/done"
    assert callback.headers["X-Call-Id"] == response.headers["X-Call-Id"]
    assert callback.headers["X-Function-Status"] == "200"
    lines = set(callback.body.decode().splitlines())
    assert {"Http_X_Mine=m", "Http_Query=a=1", "greeting=hello"} <= lines


@pytest.mark.usefixtures("deployed")
def test_invoke_function_async(sdk: Sdk) -> None:
    assert sdk.invoke_function_async("sdk-env", NAMESPACE).status_code == 202


# -- errors


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda sdk: sdk.get_function("sdk-none"), "NotFoundError"),
        (lambda sdk: sdk.delete_function("sdk-none"), "NotFoundError"),
        (lambda sdk: sdk.scale_function("sdk-none", 1), "NotFoundError"),
        (lambda sdk: sdk.update({"service": "sdk-none", "image": "functions/alpine"}), "NotFoundError"),
        (lambda sdk: sdk.update_secret({"name": "sdk-none", "value": "v"}), "NotFoundError"),
        (lambda sdk: sdk.delete_secret("sdk-none"), "NotFoundError"),
        (lambda sdk: sdk.get_namespace("sdk-none"), "NotFoundError"),
        (lambda sdk: sdk.update_namespace({"name": "sdk-none"}), "NotFoundError"),
        (lambda sdk: sdk.delete_namespace("sdk-none"), "NotFoundError"),
        (lambda sdk: sdk.create_namespace({"name": NAMESPACE}), "UnexpectedStatusError"),
        (lambda sdk: sdk.deploy({"service": "A B", "image": "functions/alpine"}), "UnexpectedStatusError"),
    ],
)
def test_an_error_status_is_the_sdk_s_exception(sdk: Sdk, call: Any, kind: str) -> None:
    with pytest.raises(SdkError) as error:
        call(sdk)

    assert _kind(error) == kind


@pytest.mark.parametrize("password", ["", "wrong"])
def test_without_the_credentials_a_call_is_an_unauthorized_error(lab: Lab, password: str) -> None:
    client = Sdk(lab.aio.state.gateway_url, "admin" if password else "", password)

    for call in (client.get_info, client.get_functions, client.get_namespaces, client.get_secrets):
        with pytest.raises(SdkError) as error:
            call()
        assert _kind(error) == "UnauthorizedError"
    client.close()


def test_without_a_gateway_a_call_is_a_connection_error() -> None:
    client = Sdk("http://127.0.0.1:1")

    with pytest.raises(requests.ConnectionError):
        client.get_info()
    client.close()


# -- the tests themselves


def test_every_call_of_the_sdk_is_tested() -> None:
    methods = [
        name
        for name, _ in inspect.getmembers(Sdk, inspect.isfunction)
        if not name.startswith("_") and name != "close"
    ]
    source = Path(__file__).read_text(encoding="utf-8")

    assert len(methods) == 19
    assert [name for name in methods if f".{name}(" not in source] == []


def test_a_wrong_type_in_a_response_fails() -> None:
    for content in ({"replicas": "1"}, {"labels": {"a": 1}}, {"replicas": True}, []):
        with pytest.raises(AssertionError):
            parsed({"replicas": int, "labels": dict[str, str]}, content)
