"""A lab that is connected to an OpenFaaS elsewhere, by its own API alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openfaas_elsewhere import OpenFaas, Recorded, openfaas, recorded

from labkit import Lab
from labkit.errors import (
    CallbackUrlError,
    InvalidValueError,
    LabTimeoutError,
    NotAvailableError,
    RemoteGatewayError,
    ServiceError,
)
from labkit.lab.notes import NotAvailableWarning
from labkit_services.call_record.log import CallState
from tests.eventually import eventually


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenFaas]:
    with openfaas(tmp_path_factory.mktemp("openfaas")) as found:
        yield found


@pytest.fixture
def lab(remote: OpenFaas, workspace: Path) -> Iterator[Lab]:
    with Lab.connect(remote.url, remote.user, remote.password, workspace=workspace) as lab:
        yield lab
        if not lab.aio.is_closed:
            lab.reset()


def deployed(lab: Lab, fprocess: str) -> str:
    """Deploy a function under a unique name; return the name when it is ready."""
    name = f"fn-{uuid.uuid4().hex[:8]}"
    lab.deploy(name, fprocess=fprocess)
    eventually(lambda: any(f["name"] == name and f.get("availableReplicas") for f in lab.functions()))
    return name


# -- beside another lab


def test_a_connection_that_is_stopped_gives_the_variables_back(
    lab: Lab, remote: OpenFaas, tmp_path: Path
) -> None:
    names = ("LABKIT_WORKSPACE", "OPENFAAS_URL", "OPENFAAS_CONFIG")
    first = [os.environ.get(name) for name in names]
    with Lab.connect(remote.url, remote.user, remote.password, workspace=tmp_path):
        assert os.environ["LABKIT_WORKSPACE"] == str(tmp_path)

    assert [os.environ.get(name) for name in names] == first
    assert first[0] == str(lab.workspace)


# -- the same as in a lab


def test_a_function_is_deployed_scaled_invoked_and_removed(lab: Lab) -> None:
    name = deployed(lab, "cat")

    assert lab.invoke(name, "hello").text == "hello"
    lab.scale(name, 2)
    eventually(lambda: next(f for f in lab.functions() if f["name"] == name)["replicas"] == 2)
    eventually(lambda: "Forking fprocess" in lab.logs(name))
    assert lab.remove(name)
    assert not lab.remove(name)


def test_the_result_of_an_asynchronous_call_comes_by_its_callback(lab: Lab) -> None:
    name = deployed(lab, "cat")

    call = lab.invoke_async(name, "hello")
    record = call.wait(20)

    assert (record.state, record.status, record.accepted) == (CallState.DONE, 200, 202)
    assert call.result().text == "hello"
    assert record.end_to_end is not None


def test_a_failed_call_is_told_from_one_that_succeeded(lab: Lab) -> None:
    call = lab.invoke_async("no-such-function")

    record = call.wait(20)

    assert (record.state, record.status) == (CallState.FAILED, 404)


def test_a_bin_of_the_lab_gets_callbacks_and_tells_the_end_of_the_call(lab: Lab) -> None:
    name, results = deployed(lab, "cat"), lab.bin("mine")

    call = lab.invoke_async(name, "hello", callback=results)

    assert results.wait(call_id=call.id, timeout=20).text == "hello"
    assert call.wait(20).state is CallState.DONE


def test_runs_are_measured_and_drawn(lab: Lab) -> None:
    name = deployed(lab, "sleep 0.2")

    sync = lab.measure(name, calls=3, progress=False)
    async_ = lab.measure(name, calls=3, mode="async", progress=False)

    assert sync.states == {"done": 3}
    assert async_.states == {"done": 3}
    assert sync.accepted_after is not None
    assert async_.accepted_after is not None
    assert async_.drained_after is not None
    assert sync.accepted_after > 0.6 > async_.accepted_after
    assert async_.drained_after > 0.6
    assert sync.per_call is not None
    assert 0.2 <= sync.per_call < 0.5  # X-Duration-Seconds of the watchdog
    assert "could not be looked at" in repr(async_)
    for picture in (lab.plot(sync, async_), lab.plot_queue(async_)):
        assert picture._repr_mimebundle_()


def test_views_show_what_client_and_callback_tell(lab: Lab) -> None:
    name = deployed(lab, "cat")
    lab.invoke(name)
    lab.invoke_async(name).wait(20)

    assert [(call.mode, call.state) for call in lab.calls()] == [("sync", "done"), ("async", "done")]
    assert lab.timeline(name).text().count(name) == 2
    assert re.search(r"2 +done", lab.flow().text())
    assert "Forking fprocess" in str(lab.live_logs(name))


# -- what is not available


def test_what_only_the_labs_services_know_is_not_available(lab: Lab) -> None:
    name = deployed(lab, "cat")
    call = lab.invoke_async(name)
    call.wait(20)
    asked = [
        lambda: lab.queue().status(),
        lab.queues,
        lambda: lab.logs("queue-worker").splitlines(),
        lambda: "" in lab.logs("gateway"),
        lambda: lab.kill("gateway"),
        lambda: lab.restart("queue-worker"),
        lambda: lab.scale_workers(2),
        lambda: lab.measure(name, calls=1, purge=True, progress=False),
        lambda: lab.deploy_handler("mine", "def handle(event, context):\n    return 'x'\n"),
        lambda: lab.call(str(uuid.uuid4())).wait(1),
        call.explain,
        call.cancel,
        lambda: lab.worker.paused().__enter__(),
        lambda: lab.slow_network().__enter__(),
        lab.record,
        lab.deploy_flaky,
    ]

    for question in asked:
        with pytest.raises(NotAvailableError, match="not available here") as raised:
            question()
        assert raised.value.expected
        assert raised.value.seen
        assert raised.value.next_step


def test_views_of_the_queue_are_notes_and_questions_to_them_raise(lab: Lab) -> None:
    for view in (lab.gauge(), lab.panel(), lab.faults(), lab.live_logs("queue-worker")):
        assert "not available here" in repr(view)
        assert "not available here" in view._repr_html_()
        with pytest.raises(NotAvailableError):
            bool(view)
        with pytest.raises(NotAvailableError):
            list(view)  # type: ignore[call-overload]


def test_a_setting_of_an_experiment_is_announced_and_changes_nothing(lab: Lab) -> None:
    with pytest.warns(NotAvailableWarning, match="max_inflight: not available here"):
        lab.set_max_inflight(10)
    with pytest.warns(NotAvailableWarning, match="Fault injection: not available here"):
        lab.fault("worker", "kill")


def test_status_tells_what_the_openfaas_says_of_itself(lab: Lab) -> None:
    shown = repr(lab.status())

    assert lab.gateway_url in shown
    assert "labkit-process" in shown
    assert "not available here" in shown


# -- callbacks that do not come


def test_a_call_whose_callback_goes_elsewhere_does_not_wait(lab: Lab) -> None:
    call = lab.invoke_async(deployed(lab, "cat"), callback="http://127.0.0.1:9/elsewhere")

    begin = time.monotonic()
    with pytest.raises(NotAvailableError, match=re.escape("http://127.0.0.1:9/elsewhere")) as raised:
        call.wait(30)
    assert time.monotonic() - begin < 5
    assert "lab.bin" in raised.value.next_step


def test_a_callback_that_does_not_come_is_an_error_that_says_where_to_look(
    remote: OpenFaas, workspace: Path
) -> None:
    chosen = "http://no-such-host.invalid:9999"
    with Lab.connect(
        remote.url, remote.user, remote.password, callback_url=chosen, workspace=workspace
    ) as lab:
        call = lab.invoke_async(deployed(lab, "cat"))

        with pytest.raises(LabTimeoutError) as raised:
            call.wait(1)
        assert chosen in raised.value.seen
        assert "LABKIT_CALLBACK_URL" in raised.value.next_step
        with pytest.raises(LabTimeoutError):
            lab.measure("cat", calls=1, mode="async", timeout=1, progress=False)
        lab.reset()


def test_a_callback_url_that_leads_back_to_the_gateway_is_refused(workspace: Path) -> None:
    from labkit.remote.address import RemoteAddress
    from labkit.remote.callback_address import callback_address

    with pytest.raises(CallbackUrlError, match="leads back") as raised:
        callback_address(RemoteAddress("http://192.0.2.1:8080"), "http://127.0.0.1:9000")
    assert "LABKIT_CALLBACK_URL" in raised.value.next_step


def test_waiting_ends_when_the_receiver_is_killed(lab: Lab) -> None:
    call = lab.invoke_async(deployed(lab, "sleep 5"))
    receiver = lab.aio.remote.receiver  # type: ignore[attr-defined]

    receiver.kill()

    with pytest.raises(ServiceError, match="receiver of results is gone"):
        call.wait(30)
    with pytest.raises(ServiceError, match="receiver of results is gone"):
        lab.reset()
    assert call.function not in [function["name"] for function in lab.functions()]
    lab.stop()


# -- reset and stop


def test_reset_removes_the_functions_of_this_connection_and_no_others(remote: OpenFaas, lab: Lab) -> None:
    with remote.http() as http:
        others = {"service": "others", "image": "functions/alpine:latest", "envProcess": "cat"}
        http.post("/system/functions", json=others)
        mine = deployed(lab, "cat")
        lab.deploy("others", fprocess="cat")  # updated, not created, by this connection

        lab.reset()

        names = [function["name"] for function in lab.functions()]
        assert "others" in names
        assert mine not in names
        assert lab.calls() == []
        http.request("DELETE", "/system/functions", json={"functionName": "others"})


def test_stop_leaves_functions_in_place_and_ends_the_receiver(remote: OpenFaas, workspace: Path) -> None:
    lab = Lab.connect(remote.url, remote.user, remote.password, workspace=workspace)
    name, receiver = deployed(lab, "cat"), lab.aio.state.inspector_url

    lab.stop()

    with remote.http() as http:
        assert http.get(f"/system/function/{name}").status_code == 200
        http.request("DELETE", "/system/functions", json={"functionName": name})
    with pytest.raises(httpx.ConnectError):
        httpx.get(receiver, trust_env=False)


def test_the_receiver_ends_with_a_process_that_is_killed(remote: OpenFaas, workspace: Path) -> None:
    login = (remote.url, remote.user, remote.password)
    code = (
        f"from labkit import Lab; import time; lab = Lab.connect(*{login!r}, workspace={str(workspace)!r}); "
        "print(lab.aio.state.inspector_url, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        receiver = process.stdout.readline().strip()
        assert httpx.get(f"{receiver}/healthz", trust_env=False).status_code == 200
        process.kill()

    def is_gone() -> bool:
        try:
            httpx.get(receiver, trust_env=False)
        except httpx.TransportError:
            return True
        return False

    eventually(is_gone)


def test_faas_cli_has_the_login_as_long_as_the_lab_is_connected(remote: OpenFaas, workspace: Path) -> None:
    before = dict(os.environ)
    with Lab.connect(remote.url, remote.user, remote.password, workspace=workspace):
        listed = subprocess.run(["faas-cli", "list"], capture_output=True, text=True, timeout=60)
        assert listed.returncode == 0, listed.stdout + listed.stderr
        assert os.environ["OPENFAAS_URL"] == remote.url

    assert dict(os.environ) == before
    assert not (workspace / ".labkit/remote").exists()


def test_start_uses_the_variables_and_gives_the_same_connection_again(
    remote: OpenFaas, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_GATEWAY", remote.url)
    monkeypatch.setenv("LABKIT_GATEWAY_USER", remote.user)
    monkeypatch.setenv("LABKIT_GATEWAY_PASSWORD", remote.password)
    with Lab.start(workspace) as lab:
        assert lab.gateway_url == remote.url
        again = Lab.start(workspace)
        assert again.aio.state.run_id == lab.aio.state.run_id
        with pytest.warns(NotAvailableWarning, match="workers: not available here"):
            Lab.start(workspace, workers=2)
        with pytest.raises(InvalidValueError):
            Lab.start(workspace, gateway=remote.url, functions="process")
    with Lab.start(workspace, gateway="", gateway_port=0, inspector_port=0) as own:
        assert own.gateway_url != remote.url


# -- the protocol


ALLOWED = {
    # method and path (openfaas-behaviour 1.2): fields of the body (1.5), parameters
    ("POST", r"/function/[-a-z0-9.]+"): (None, set()),
    ("POST", r"/async-function/[-a-z0-9.]+"): (None, set()),
    ("GET", "/system/functions"): (None, {"namespace"}),
    ("PUT|POST", "/system/functions"): (
        {"service", "image", "envProcess", "envVars", "labels", "annotations"},
        set(),
    ),
    ("DELETE", "/system/functions"): ({"functionName"}, set()),
    ("POST", r"/system/scale-function/[-a-z0-9.]+"): ({"serviceName", "replicas"}, set()),
    ("GET", "/system/info"): (None, set()),
    ("GET", "/system/logs"): (None, {"name", "tail", "follow", "since"}),
}
HEADERS = {
    *("host", "accept", "accept-encoding", "connection", "user-agent", "authorization"),
    *("content-type", "content-length", "x-call-id", "x-callback-url"),
}


@pytest.fixture
def exchanges(remote: OpenFaas) -> Iterator[Recorded]:
    with recorded(remote.url) as found:
        yield found


def test_requests_are_those_of_openfaas_only(remote: OpenFaas, exchanges: Recorded, workspace: Path) -> None:
    with Lab.connect(exchanges.url, remote.user, remote.password, workspace=workspace) as lab:
        name = deployed(lab, "cat")
        lab.deploy(name, fprocess="cat", env={"a": "b"})
        lab.invoke(name, "x")
        lab.measure(name, calls=2, mode="async", progress=False)
        lab.scale(name, 1)
        lab.logs(name)
        lab.live_logs()
        lab.status()
        lab.queue  # noqa: B018 - asks nothing
        lab.reset()

    assert exchanges.exchanges
    for one in exchanges.exchanges:
        shown = f"{one.method} {one.path}?{one.query}"
        fits = [
            rule
            for (methods, path), rule in ALLOWED.items()
            if one.method in methods.split("|") and re.fullmatch(path, one.path)
        ]
        assert fits, shown
        fields, parameters = fits[0]
        assert {part.partition("=")[0] for part in one.query.split("&") if part} <= parameters, shown
        assert one.headers.keys() <= HEADERS, shown
        assert one.path.startswith("/system/") == ("authorization" in one.headers), shown
        if fields is not None:
            assert one.json().keys() <= fields, shown
        assert one.status in (200, 202, 404), shown
        assert not any(header.startswith("x-labkit") for header in one.headers), shown
    updates = [one.method for one in exchanges.exchanges if one.path == "/system/functions" and one.body]
    assert updates == ["PUT", "POST", "PUT", "DELETE"]


def test_the_gateway_of_these_tests_has_openfaas_routes_and_headers_only(remote: OpenFaas) -> None:
    call_id = str(uuid.uuid4())
    with remote.http() as http:
        for path in ("/system/queues", "/system/queues/faas-request", "/metrics", "/openapi.json", "/ui/"):
            assert http.get(path).status_code == 404, path
        accepted = http.post("/async-function/nobody", headers={"X-Call-Id": call_id})
        again = http.post("/async-function/nobody", headers={"X-Call-Id": call_id})
        assert accepted.status_code == again.status_code == 202
        assert http.get(f"/async-function/{call_id}").status_code == 405
        assert http.delete(f"/async-function/{call_id}").status_code == 405
        own = {name for name in again.headers if name.startswith("x-")}
        assert own == {"x-start-time", "x-served-by"}
        assert "x-call-id" in http.post("/async-function/nobody").headers


# -- errors


def test_a_wrong_password_is_named(remote: OpenFaas, workspace: Path) -> None:
    with pytest.raises(RemoteGatewayError, match="rejected the login") as raised:
        Lab.connect(remote.url, "admin", "wrong", workspace=workspace)
    assert "401" in raised.value.seen
    assert "wrong" not in str(raised.value)


def test_a_missing_login_is_named(
    remote: OpenFaas, workspace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENFAAS_CONFIG", str(tmp_path))
    with pytest.raises(RemoteGatewayError, match="rejected the login") as raised:
        Lab.connect(remote.url, workspace=workspace)
    assert "without a user" in raised.value.seen
    assert "faas-cli login" in raised.value.next_step


def test_a_gateway_that_ends_is_one_clear_error(workspace: Path, tmp_path: Path) -> None:
    with openfaas(tmp_path / "other") as other:
        lab = Lab.connect(other.url, other.user, other.password, workspace=workspace)
        name = deployed(lab, "cat")
    with lab, pytest.raises(RemoteGatewayError, match="can't be reached") as raised:
        lab.invoke(name)
    assert "healthz" in raised.value.next_step
