"""OpenFaaS's certifier in Python, in both namespaces, with both clients."""

from __future__ import annotations

import base64
import threading
from collections import defaultdict

import httpx
import pytest
from eventually import eventually
from gateways import client
from standards import DEFAULT, IMAGE, NAMESPACE, Certifier

from labkit import Lab

LOAD_PER_SECOND = 10
TIMEOUT_SECONDS = 60
MULTI_LINE = '{\n  "name": "a",\n  "text": "two\\nlines"\n}\n'


@pytest.fixture(params=[DEFAULT, NAMESPACE])
def namespace(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["2022", "today"])
def certifier(http: httpx.Client, namespace: str, request: pytest.FixtureRequest) -> Certifier:
    """A client whose namespace is empty: one test lists all functions."""
    certifier = Certifier(http, namespace, request.param)
    for function in certifier.list():
        certifier.delete(function["name"])
    return certifier


DEPLOYMENTS = {
    "stronghash": {"process": "sha512sum"},
    "env-test-labels": {"process": "env", "labels": {"label_one": "one", "label-2": "two"}},
    "env-test-annotations": {"process": "env", "annotations": {"multi-line": MULTI_LINE, "other": "x"}},
    "memory-limit": {"process": "env", "limits": {"memory": "5Mi", "cpu": "100m"}},
}


@pytest.mark.row("5 Test_Deploy_MetaData")
def test_deploy_meta_data(certifier: Certifier) -> None:
    for name, deployment in DEPLOYMENTS.items():
        certifier.deploy(name, **deployment)  # type: ignore[arg-type]

    listed = {function["name"]: function for function in certifier.list()}
    assert set(listed) == set(DEPLOYMENTS)
    for name, deployment in DEPLOYMENTS.items():
        for function in (listed[name], certifier.get(name)):
            assert function["image"] == IMAGE
            assert function["namespace"] == certifier.namespace
            assert function["envProcess"] == deployment["process"]
            assert function.get("limits") == deployment.get("limits")
            assert function["labels"]["faas_function"] == name
            assert function["labels"].items() >= dict(deployment.get("labels", {})).items()
            assert function["annotations"].items() >= dict(deployment.get("annotations", {})).items()
            assert not function.get("constraints")
            assert not function.get("secrets")
            # The certifier compares these with nil.
            assert "envVars" not in function
            assert "requests" not in function


@pytest.mark.row("5 Test_ListNamespaces")
def test_list_namespaces(http: httpx.Client) -> None:
    assert sorted(http.get("/system/namespaces").json()) == sorted([DEFAULT, NAMESPACE])


@pytest.mark.row("5 Test_HealthEndpoint")
def test_health_endpoint(http: httpx.Client) -> None:
    assert http.get("/healthz", auth=None).status_code == 200


@pytest.mark.row("5 Test_ProviderInfo")
def test_provider_info(http: httpx.Client) -> None:
    info = http.get("/system/info").json()

    assert info["provider"]["provider"]
    assert info["provider"]["orchestration"]
    for version in (info["provider"]["version"], info["version"]):
        assert version["release"]
        assert version["sha"]


@pytest.mark.row("5 Test_InvokeNotFound")
def test_invoke_not_found(http: httpx.Client, namespace: str) -> None:
    assert http.post(f"/function/.{namespace}", auth=None).status_code in (404, 502)


@pytest.mark.row("5 Test_Invoke verbs")
def test_invoke_with_every_verb(certifier: Certifier) -> None:
    certifier.deploy("env-test-verbs", "env")

    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = certifier.invoke("env-test-verbs", verb=verb)

        assert f"Http_Method={verb}" in answer.text
        assert answer.headers["X-Call-Id"]
        assert answer.headers["X-Start-Time"]


@pytest.mark.row("5 Test_Invoke redirect", "1.4 redirects")
def test_invoke_passes_a_redirect_through(certifier: Certifier) -> None:
    certifier.deploy(
        "redirector-test",
        "./handler",
        image="docker.io/theaxer/redirector:latest",
        envVars={"destination": "http://example.com"},
    )

    answer = certifier.invoke("redirector-test")

    assert answer.status_code == 302
    assert answer.headers["Location"] == "http://example.com"


@pytest.mark.row("5 Test_Invoke env and query")
def test_invoke_with_environment_and_query(certifier: Certifier) -> None:
    certifier.deploy("env-test", "env", envVars={"custom_env": "custom_env_value"})

    assert "custom_env" in certifier.invoke("env-test").text
    assert "Http_Query=testing=1" in certifier.invoke("env-test", query="testing=1").text


@pytest.mark.row("5 Test_FunctionLogs")
def test_function_logs(certifier: Certifier, http: httpx.Client, namespace: str) -> None:
    certifier.deploy("test-logger", "cat")
    assert certifier.invoke("test-logger", body=namespace).text == namespace
    query = {"name": "test-logger", "namespace": namespace, "follow": "false"}

    def texts() -> list[str]:
        with http.stream("GET", "/system/logs", params=query) as answer:
            assert answer.status_code == 200
            messages = [httpx.Response(200, content=line).json() for line in answer.iter_lines() if line]
        assert all(message["name"] == "test-logger" for message in messages)
        return [message["text"].lstrip("0123456789/: ") for message in messages]

    wanted = f"Wrote {len(namespace)} Bytes"
    eventually(lambda: any(text.startswith(wanted) for text in texts()))
    assert any(text.startswith("Forking fprocess") for text in texts())


@pytest.mark.row("5 Test_ScaleMinimum")
def test_scale_minimum(certifier: Certifier) -> None:
    certifier.deploy("test-scale-minimum", "env", labels={"com.openfaas.scale.min": "2"})

    assert certifier.get("test-scale-minimum")["replicas"] == 2


@pytest.mark.row("5 Test_ScaleFromZeroDuringInvoke")
def test_scale_from_zero_during_invoke(certifier: Certifier) -> None:
    name = "test-scale-from-zero"
    certifier.deploy(name, "env")
    eventually(lambda: certifier.get(name)["availableReplicas"] > 0, within=60)

    certifier.scale(name, 0)
    assert certifier.get(name).get("replicas", 0) == 0
    assert certifier.http.get(f"/function/{name}.{certifier.namespace}").status_code == 200


@pytest.mark.row("5 Test_SecretCRUD")
@pytest.mark.parametrize(
    ("field", "first", "second"),
    [
        ("value", "this-is-the-secret-value", "this-is-the-new-secret-value"),
        ("rawValue", b"\x00\x01raw\n\xff", b"  other bytes\n\n"),
    ],
)
def test_secret_crud(certifier: Certifier, field: str, first: str | bytes, second: str | bytes) -> None:
    def sent(value: str | bytes) -> dict[str, str]:
        return {field: value if isinstance(value, str) else base64.b64encode(value).decode()}

    def wanted(value: str | bytes) -> bytes:
        return value.encode() if isinstance(value, str) else value

    name, function = "secret-of-certifier", "test-secret-crud"
    process = f"cat /var/openfaas/secrets/{name}"
    assert certifier.secret("POST", name, **sent(first)) in (200, 201, 202)
    certifier.deploy(function, process, secrets=[name])
    assert certifier.invoke(function).content == wanted(first)
    assert name in certifier.secrets()

    assert certifier.secret("PUT", name, **sent(second)) in (200, 202)
    certifier.deploy(function, process, method="PUT", secrets=[name])
    eventually(lambda: certifier.invoke(function).content == wanted(second), within=5)

    certifier.delete(function)
    assert certifier.secret("DELETE", name) in (200, 202)
    assert name not in certifier.secrets()


Replicas = dict[str, list[int]]


@pytest.fixture(scope="session")
def under_load(lab: Lab) -> Replicas:
    """Call three functions ten times a second, at the same time.

    Returns:
        The successive numbers of replicas of each.
    """
    labels = {
        "load-up-down": {"com.openfaas.scale.min": "1", "com.openfaas.scale.max": "2"},
        "load-disabled": {"com.openfaas.scale.min": "2", "com.openfaas.scale.max": "2"},
        "load-to-zero": {
            "com.openfaas.scale.max": "2",
            "com.openfaas.scale.zero": "true",
            "com.openfaas.scale.zero-duration": "3s",
        },
    }
    seen: Replicas = defaultdict(list)
    stop = threading.Event()

    def call(name: str) -> None:
        with client(lab) as own:
            while not stop.wait(1 / LOAD_PER_SECOND):
                assert own.post(f"/function/{name}").status_code == 200

    with client(lab) as http:
        certifier = Certifier(http, DEFAULT, "today")

        def sample() -> None:
            for function in certifier.list():
                name, replicas = function["name"], function["replicas"]
                if name in labels and seen[name][-1:] != [replicas]:
                    seen[name].append(replicas)

        def is_over(ends: dict[str, int]) -> bool:
            sample()
            return all(seen[name][-1] == replicas for name, replicas in ends.items())

        for name, own in labels.items():
            certifier.deploy(name, "env", labels=own)
            certifier.invoke(name)
        callers = [threading.Thread(target=call, args=[name]) for name in labels]
        for caller in callers:
            caller.start()
        try:
            eventually(lambda: is_over({"load-up-down": 2, "load-to-zero": 2}), within=TIMEOUT_SECONDS)
        finally:
            stop.set()
            for caller in callers:
                caller.join()
        eventually(lambda: is_over({"load-up-down": 1, "load-to-zero": 0}), within=TIMEOUT_SECONDS)
        for name in labels:
            certifier.delete(name)
    return seen


@pytest.mark.row("5 Test_ScaleUpAndDownFromThroughPut")
def test_scale_up_and_down_from_throughput(under_load: Replicas) -> None:
    assert under_load["load-up-down"] == [1, 2, 1]


@pytest.mark.row("5 Test_ScalingDisabledViaLabels")
def test_scaling_disabled_via_labels(under_load: Replicas) -> None:
    """The load lasts until the others have scaled, not for 1000 requests."""
    assert under_load["load-disabled"] == [2]


@pytest.mark.row("5 Test_ScaleToZero")
def test_scale_to_zero(under_load: Replicas) -> None:
    states = under_load["load-to-zero"]

    assert 2 in states
    assert states[-1] == 0
