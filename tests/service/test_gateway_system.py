"""The management API: JSON, statuses, credentials, life of functions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from eventually import eventually
from gateways import client, deploy
from labs import start_lab

from labkit import Lab


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http:
        yield http


SYSTEM = [
    ("GET", "/system/functions"),
    ("POST", "/system/functions"),
    ("PUT", "/system/functions"),
    ("DELETE", "/system/functions"),
    ("GET", "/system/function/x"),
    ("POST", "/system/scale-function/x"),
    ("GET", "/system/info"),
    ("GET", "/system/logs"),
    ("GET", "/system/namespaces"),
    ("GET", "/system/secrets"),
    ("POST", "/system/alert"),
    ("GET", "/system/namespace/openfaas-fn"),
    ("GET", "/ui/"),
]


@pytest.mark.parametrize(("method", "path"), SYSTEM)
@pytest.mark.parametrize("auth", [None, ("admin", "wrong"), ("", "")])
@pytest.mark.row("1.1 basic_auth", "1.2 /system auth", "1.2 401")
def test_every_system_route_is_a_401_without_valid_credentials(
    http: httpx.Client, method: str, path: str, auth: tuple[str, str] | None
) -> None:
    answer = http.request(method, path, auth=httpx.BasicAuth(*auth) if auth else None)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Restricted"'
    assert answer.text == "invalid credentials\n"


@pytest.mark.row("1.2 /healthz")
def test_health_needs_no_credentials_and_has_no_body(http: httpx.Client) -> None:
    answer = http.get("/healthz", auth=None)

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.row("1.2 / and /ui/")
def test_the_root_redirects_to_the_ui_and_the_ui_to_the_inspector(http: httpx.Client, lab: Lab) -> None:
    assert http.get("/").headers["Location"] == "/ui/"
    page = http.get("/ui/").headers["Location"]
    assert page.startswith(lab.inspector_url)
    opened = httpx.get(page, follow_redirects=True)
    assert (opened.status_code, opened.headers["Content-Type"][:9]) == (200, "text/html")


@pytest.mark.parametrize("accept", ["text/html", "text/html,application/xhtml+xml,*/*;q=0.8"])
@pytest.mark.row("1.2 / and /ui/")
def test_a_browser_that_opens_the_gateway_s_link_gets_a_page_without_a_password(
    http: httpx.Client, accept: str
) -> None:
    for path in ("/", "/ui/"):
        with httpx.Client(base_url=http.base_url, headers={"Accept": accept}, trust_env=False) as browser:
            page = browser.get(path, follow_redirects=True)
        assert (page.status_code, page.url.path) == (200, "/")
        assert "The lab's gateway is up" in page.text
        assert "WWW-Authenticate" not in page.headers


@pytest.mark.row("1.2 wrong method")
def test_a_wrong_method_is_a_405_with_an_empty_body(http: httpx.Client) -> None:
    answer = http.patch("/system/functions")

    assert (answer.status_code, answer.content) == (405, b"")


@pytest.mark.row("1.5 FunctionStatus", "1.5 invocationCount", "1.6 faas_function label")
def test_a_deployed_function_is_described_as_clients_expect(http: httpx.Client) -> None:
    deploy(
        http,
        "shape",
        "cat",
        labels={"a": "b"},
        annotations={"c": '{"d":\n "e"}'},
        limits={"memory": "5Mi", "cpu": "100m"},
        constraints=["x"],
    )

    one = http.get("/system/function/shape").json()
    listed = next(f for f in http.get("/system/functions").json() if f["name"] == "shape")

    assert one["name"] == "shape"
    assert one["namespace"] == "openfaas-fn"
    assert one["image"] == "functions/alpine:latest"
    assert one["envProcess"] == "cat"
    assert one["labels"]["a"] == "b"
    assert one["labels"]["faas_function"] == "shape"
    assert one["annotations"]["c"] == '{"d":\n "e"}'
    assert one["limits"] == {"memory": "5Mi", "cpu": "100m"}
    assert one["constraints"] == ["x"]
    assert "envVars" not in one
    assert "invocationCount" not in one
    assert isinstance(listed["invocationCount"], int)
    assert isinstance(one["replicas"], int)
    assert one["availableReplicas"] == 1
    assert datetime.fromisoformat(one["createdAt"]).tzinfo is not None


@pytest.mark.row("1.5 invocationCount")
def test_the_list_counts_invocations(http: httpx.Client) -> None:
    deploy(http, "counted", "cat")
    for _ in range(3):
        http.post("/function/counted")

    listed = next(f for f in http.get("/system/functions").json() if f["name"] == "counted")

    assert listed["invocationCount"] == 3


@pytest.mark.row("1.6 POST exists", "1.6 PUT missing", "1.6 DELETE function")
def test_deploying_an_existing_function_or_updating_a_missing_one_is_refused(
    http: httpx.Client,
) -> None:
    deploy(http, "once", "cat")
    body = {"service": "once", "image": "functions/alpine"}

    assert http.post("/system/functions", json=body).status_code == 400
    assert http.put("/system/functions", json=body | {"service": "never"}).status_code == 404
    assert http.request("DELETE", "/system/functions", json={"functionName": "never"}).status_code == 404


def test_an_unknown_image_is_a_400_that_names_the_next_step(http: httpx.Client) -> None:
    answer = http.post("/system/functions", json={"service": "noimage", "image": "me/noimage"})

    assert answer.status_code == 400
    assert "faas-cli build" in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b"3", b'"x"', b"\xff", b"[" * 100_000, b'{"service": null}']
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_bad_json_is_a_400_with_a_line_of_text(http: httpx.Client, method: str, body: bytes) -> None:
    answer = http.request(method, "/system/functions", content=body)

    assert answer.status_code == 400
    assert answer.text.count("\n") == 1
    assert "Traceback" not in answer.text


@pytest.mark.row("1.6 POST functions")
def test_concurrent_deploys_of_one_name_create_one_function(http: httpx.Client) -> None:
    statuses: list[int] = []
    body = {"service": "race", "image": "functions/alpine"}
    threads = [
        threading.Thread(
            target=lambda: statuses.append(http.post("/system/functions", json=body).status_code)
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [202] + [400] * 7


@pytest.mark.row("1.6 DELETE function")
def test_a_call_in_flight_finishes_when_its_function_is_deleted(http: httpx.Client) -> None:
    deploy(http, "leaving", "sleep 0.6")
    answers: list[int] = []
    caller = threading.Thread(target=lambda: answers.append(http.post("/function/leaving").status_code))
    caller.start()
    eventually(lambda: 'started{function_name="leaving' in http.get("/metrics").text)

    assert http.request("DELETE", "/system/functions", json={"functionName": "leaving"}).status_code == 202
    assert http.post("/function/leaving").status_code == 404
    caller.join()
    assert answers == [200]


@pytest.mark.row("1.6 PUT functions")
def test_no_call_fails_during_an_update(http: httpx.Client) -> None:
    deploy(http, "rolling", "echo old")
    seen: list[tuple[int, str]] = []
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            answer = http.post("/function/rolling")
            seen.append((answer.status_code, answer.text))

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    deploy(http, "rolling", "echo new")
    eventually(lambda: bool(seen) and seen[-1][1] == "new\n")
    stop.set()
    for caller in callers:
        caller.join()

    assert {status for status, _ in seen} == {200}
    assert {text for _, text in seen} <= {"old\n", "new\n"}


@pytest.mark.row("1.4 scale from zero", "1.8 scale")
def test_scaling_changes_the_replicas_and_a_call_scales_up_from_zero(http: httpx.Client) -> None:
    deploy(http, "scaled", "cat")

    answer = http.post("/system/scale-function/scaled", json={"serviceName": "scaled", "replicas": 3})
    assert answer.status_code == 202
    assert http.get("/system/function/scaled").json()["replicas"] == 3
    eventually(lambda: http.get("/system/function/scaled").json()["availableReplicas"] == 3)

    http.post("/system/scale-function/scaled", json={"replicas": 0})
    assert http.get("/system/function/scaled").json()["replicas"] == 0
    assert http.post("/function/scaled", content="awake").text == "awake"
    assert http.get("/system/function/scaled").json()["replicas"] == 1


@pytest.mark.parametrize("replicas", [-1, "2", None, 1.5, True])
@pytest.mark.row("1.8 scale")
def test_an_invalid_number_of_replicas_is_a_400(http: httpx.Client, replicas: object) -> None:
    deploy(http, "scaled", "cat")

    answer = http.post("/system/scale-function/scaled", json={"replicas": replicas})

    assert answer.status_code == 400


@pytest.mark.row("1.6 initial replicas")
def test_a_new_function_has_scale_min_replicas(http: httpx.Client) -> None:
    body = {"service": "two", "image": "functions/alpine", "labels": {"com.openfaas.scale.min": "2"}}
    assert http.post("/system/functions", json=body).status_code == 202

    assert http.get("/system/function/two").json()["replicas"] == 2


@pytest.mark.row("1.8 alert")
def test_a_firing_alert_scales_up_and_a_resolved_one_down(http: httpx.Client) -> None:
    deploy(http, "alerted", "cat", labels={"com.openfaas.scale.factor": "50"})
    alert = {"status": "firing", "labels": {"alertname": "APIHighInvocationRate", "function_name": "alerted"}}

    assert http.post("/system/alert", json={"alerts": [alert]}).status_code == 200
    assert http.get("/system/function/alerted").json()["replicas"] == 4
    http.post("/system/alert", json={"alerts": [alert | {"status": "resolved"}]})
    assert http.get("/system/function/alerted").json()["replicas"] == 1
    assert http.post("/system/alert", json={"alerts": "x"}).status_code == 400


@pytest.mark.row("1.7 message")
def test_the_logs_are_the_watchdog_s_lines_as_json(http: httpx.Client) -> None:
    deploy(http, "logged", "cat")
    http.post("/function/logged", content="hello")

    eventually(lambda: "Wrote 5 Bytes" in http.get("/system/logs?name=logged").text)
    answer = http.get("/system/logs?name=logged&follow=false")

    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert {line["name"] for line in lines} == {"logged"}
    assert all(datetime.fromisoformat(line["timestamp"]).tzinfo for line in lines)
    texts = [line["text"].lstrip("0123456789/: ") for line in lines]
    assert any(text.startswith("Forking fprocess") for text in texts)
    assert any(text.startswith("Wrote 5 Bytes") for text in texts)


@pytest.mark.row("1.7 tail, since, instance", "1.7 bad tail or since")
def test_tail_and_since_limit_the_logs(http: httpx.Client) -> None:
    deploy(http, "logged", "cat")
    http.post("/function/logged")

    eventually(lambda: len(http.get("/system/logs?name=logged&tail=1").text.splitlines()) == 1)
    assert http.get("/system/logs?name=logged&since=2100-01-01T00:00:00Z").text == ""
    assert http.get("/system/logs?name=logged&tail=x").status_code == 422
    assert http.get("/system/logs?name=logged&since=yesterday").status_code == 422
    assert http.get("/system/logs?name=nobody").status_code == 404


@pytest.mark.row("1.7 follow")
def test_followed_logs_arrive_as_they_are_written(http: httpx.Client) -> None:
    deploy(http, "followed", "cat")
    with http.stream("GET", "/system/logs?name=followed&follow=true&tail=1", timeout=10) as answer:
        lines = answer.iter_lines()
        next(lines)
        http.post("/function/followed")
        assert any("Forking" in line for line in lines)


@pytest.mark.row("1.6 secrets")
def test_secrets_are_created_listed_updated_and_removed(http: httpx.Client) -> None:
    create = {"name": "s-one", "value": "v1"}

    assert http.post("/system/secrets", json=create).status_code == 202
    assert http.post("/system/secrets", json=create).status_code == 409
    listed = http.get("/system/secrets").json()
    assert {"name": "s-one", "namespace": "openfaas-fn"} in listed
    assert "v1" not in json.dumps(listed)
    assert http.put("/system/secrets", json={"name": "s-one", "value": "v2"}).status_code == 202
    assert http.put("/system/secrets", json={"name": "s-none", "value": "v"}).status_code == 404
    assert http.request("DELETE", "/system/secrets", json={"name": "s-one"}).status_code == 202
    assert http.request("DELETE", "/system/secrets", json={"name": "s-one"}).status_code == 404


@pytest.mark.parametrize("name", ["", "../x", "a/b", "Upper", ".", "a" * 254])
@pytest.mark.row("1.3 secret names")
def test_an_invalid_secret_name_is_a_400(http: httpx.Client, name: str) -> None:
    assert http.post("/system/secrets", json={"name": name, "value": "v"}).status_code == 400


@pytest.mark.row("1.6 unknown secret")
def test_deploying_a_function_with_an_unknown_secret_is_a_400(http: httpx.Client) -> None:
    body = {"service": "asks", "image": "functions/alpine", "secrets": ["nope"]}

    answer = http.post("/system/functions", json=body)

    assert (answer.status_code, answer.text) == (400, "unable to find secret: nope\n")


@pytest.mark.row("1.5 namespace", "1.6 namespaces")
def test_namespaces_are_created_listed_used_and_removed(http: httpx.Client) -> None:
    assert http.get("/system/namespaces").json()[0] == "openfaas-fn"
    assert http.post("/system/namespace/", json={"name": "dev", "labels": {"a": "b"}}).status_code == 201
    assert http.post("/system/namespace/dev", json={}).status_code == 409
    assert "dev" in http.get("/system/namespaces").json()
    assert http.get("/system/namespace/dev").json()["labels"] == {"a": "b"}

    deploy_in = {"service": "there", "image": "functions/alpine", "namespace": "dev", "envProcess": "cat"}
    assert http.post("/system/functions", json=deploy_in).status_code == 202
    assert http.post("/function/there.dev", content="x").text == "x"
    assert http.post("/function/there", content="x").status_code == 404
    assert [f["name"] for f in http.get("/system/functions?namespace=dev").json()] == ["there"]
    assert http.delete("/system/namespace/dev").status_code == 400

    remove = {"functionName": "there", "namespace": "dev"}
    assert http.request("DELETE", "/system/functions", json=remove).status_code == 202
    assert http.delete("/system/namespace/dev").status_code == 202
    assert http.get("/system/namespace/dev").status_code == 404


@pytest.mark.row("1.8 metrics")
def test_the_metrics_have_openfaas_s_names(http: httpx.Client) -> None:
    deploy(http, "measured", "cat")
    http.post("/function/measured")

    text = http.get("/metrics", auth=None).text

    label = 'function_name="measured.openfaas-fn"'
    assert f'gateway_function_invocation_total{{code="200",{label}}} 1.0' in text
    assert f'gateway_functions_seconds_count{{code="200",{label}}} 1.0' in text
    assert f"gateway_function_invocation_started{{{label}}} 1.0" in text
    assert f"gateway_service_count{{{label}}} 1.0" in text


@pytest.mark.row("1.5 info")
def test_info_names_provider_versions_and_architecture(http: httpx.Client) -> None:
    info = http.get("/system/info").json()

    assert info["provider"]["provider"]
    assert info["provider"]["orchestration"]
    assert info["provider"]["version"]["release"]
    assert info["version"]["sha"]
    assert info["arch"]


def test_a_restarted_gateway_has_its_functions_secrets_and_namespaces(workspace: Path) -> None:
    with start_lab(workspace) as lab, client(lab) as http:
        deploy(http, "kept", "cat", labels={"com.openfaas.scale.min": "2"})
        http.post("/system/secrets", json={"name": "kept-secret", "value": "v"})
        http.post("/system/namespace/", json={"name": "kept-ns"})
        url = lab.gateway_url

        lab.kill("gateway")

        def back() -> bool:
            try:
                return http.post("/function/kept", content="again").text == "again"
            except httpx.TransportError:
                return False

        eventually(back)
        assert lab.gateway_url == url
        assert http.get("/system/function/kept").json()["replicas"] == 2
        assert http.get("/system/secrets").json() == [{"name": "kept-secret", "namespace": "openfaas-fn"}]
        assert "kept-ns" in http.get("/system/namespaces").json()
