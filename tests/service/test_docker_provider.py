"""Functions in containers: what only this provider does, and how it fails."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import httpx
import psutil
import pytest
from docker_engine import DockerEngine, private_engine
from eventually import eventually
from gateways import client, deploy
from labs import owner_process, start_lab

from labkit import Lab
from labkit.lifecycle import environment
from labkit_services.call_record.log import CallState
from labkit_services.contract.errors import LabError
from labkit_services.docker_engine.labels import LAB, WORKSPACE, leftovers

FUNCTIONS = Path(__file__).parents[2] / "functions"
BIN = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def host(docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)


@pytest.fixture
def engine(docker_engine: DockerEngine) -> Iterator[docker.DockerClient]:
    with docker_engine.client() as client_:
        yield client_


@pytest.fixture
def docker_lab(workspace: Path) -> Iterator[Lab]:
    lab = start_lab(workspace, functions="docker", timeout=30)
    environment.leave(lab.aio.state)
    yield lab
    lab.stop()


@pytest.fixture
def http(docker_lab: Lab) -> Iterator[httpx.Client]:
    with client(docker_lab) as client_:
        yield client_


def containers(engine: docker.DockerClient, workspace: Path) -> list[Any]:
    filters = {"label": f"{WORKSPACE}={workspace}"}
    # The SDK lists them, then asks for each: one may have been removed meanwhile.
    return engine.containers.list(all=True, ignore_removed=True, filters=filters)


def of_lab(engine: docker.DockerClient, workspace: Path) -> list[str]:
    """Return the kinds of what the engine has of a lab."""
    return sorted(one.kind for one in leftovers(engine) if one.workspace == str(workspace))


def test_a_container_is_as_the_deployment_asks(
    workspace: Path, docker_lab: Lab, http: httpx.Client, engine: docker.DockerClient
) -> None:
    assert "Functions run in containers" in str(docker_lab.status())
    http.post("/system/secrets", json={"name": "key", "value": "s"})
    deploy(
        http,
        "asked",
        "touch /home/file",
        labels={"team": "a"},
        secrets=["key"],
        limits={"memory": "64Mi", "cpu": "500m"},
        requests={"memory": "32Mi", "cpu": "100m"},
        readOnlyRootFilesystem=True,
    )

    [container] = containers(engine, workspace)
    host, labels = container.attrs["HostConfig"], container.labels
    assert (host["Memory"], host["MemoryReservation"]) == (64 * 2**20, 32 * 2**20)
    assert (host["NanoCpus"], host["CpuShares"]) == (500_000_000, 102)
    assert (labels["team"], labels["faas_function"], len(labels[LAB])) == ("a", "asked", 12)
    assert {bound["HostIp"] for ports in host["PortBindings"].values() for bound in ports} == {"127.0.0.1"}
    [mount] = container.attrs["Mounts"]
    assert (mount["Destination"], mount["RW"]) == ("/var/openfaas/secrets", False)
    assert http.post("/function/asked").status_code == 500  # the root is read-only
    status = container.exec_run("cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max")
    assert str(64 * 2**20).encode() in status.output


def test_limits_that_docker_cannot_keep_are_reported(http: httpx.Client) -> None:
    # Too little for the watchdog of the tests' images, which is not OpenFaaS's: it is only described.
    body = {
        "service": "small",
        "image": "functions/alpine:latest",
        "limits": {"memory": "5Mi", "cpu": "4000"},
    }
    assert http.post("/system/functions", json=body).status_code == 202

    notes = http.get("/system/function/small").json()["annotations"]

    assert "6Mi" in notes["labkit/limits.memory"]
    assert "no limit" in notes["labkit/limits.cpu"]


def test_a_replica_that_runs_out_of_memory_says_so_in_its_log(http: httpx.Client, docker_lab: Lab) -> None:
    deploy(http, "big", "tail /dev/zero", limits={"memory": "30Mi"})

    assert http.post("/function/big").status_code in (500, 502)

    eventually(lambda: "out of memory" in str(docker_lab.logs("big")), within=20)


def test_requests_beyond_limits_are_refused(http: httpx.Client) -> None:
    body = {"service": "no", "image": "functions/alpine:latest", "limits": {"memory": "16Mi"}}

    answer = http.post("/system/functions", json={**body, "requests": {"memory": "32Mi"}})

    assert answer.status_code == 400
    assert "requests.memory" in answer.text


def test_a_missing_image_is_a_clear_error_within_seconds(http: httpx.Client) -> None:
    begin = time.monotonic()

    answer = http.post("/system/functions", json={"service": "no", "image": "ghcr.io/nobody/nothing:1"})

    assert time.monotonic() - begin < 10
    assert answer.status_code == 400
    assert answer.text.startswith("unable to pull image: ghcr.io/nobody/nothing:1: ")
    assert "faas-cli build" in answer.text


def test_the_same_folder_is_built_and_run_and_calls_the_gateway(
    workspace: Path, docker_lab: Lab, http: httpx.Client
) -> None:
    def faas_cli(*words: str, folder: Path) -> str:
        variables = {**os.environ, "LABKIT_WORKSPACE": str(workspace), "OPENFAAS_URL": docker_lab.gateway_url}
        run = subprocess.run(
            [BIN / "faas-cli", *words], cwd=folder, env=variables, capture_output=True, text=True, timeout=100
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    output = faas_cli("up", "--filter", "figlet", folder=FUNCTIONS)
    assert "Step 1/12 : FROM ghcr.io/openfaas/classic-watchdog:0.3.3 AS watchdog" in output
    assert "Successfully tagged lab/figlet:latest" in output
    assert "Nothing was sent: the engine that built the images runs them." in output
    eventually(lambda: http.post("/function/figlet", content="ok").status_code == 200, within=20)

    folder = workspace / "mine"
    folder.mkdir()
    faas_cli("new", "--lang", "python3-http", "asks", folder=folder)
    handler = folder / "asks/handler.py"
    handler.write_text(
        "from urllib.request import urlopen\n\n\n"
        "def handle(event, context):\n"
        '    return {"body": urlopen("http://gateway:8080/function/figlet", b"hi").read().decode()}\n'
    )
    faas_cli("up", folder=folder)
    eventually(lambda: "_" in http.post("/function/asks").text, within=30)
    assert http.post("/function/asks").text == http.post("/function/figlet", content="hi").text


def test_a_stopped_lab_leaves_nothing_in_the_engine(
    workspace: Path, docker_lab: Lab, http: httpx.Client, engine: docker.DockerClient
) -> None:
    deploy(http, "one", "cat", labels={"com.openfaas.scale.min": "3"})
    assert of_lab(engine, workspace) == [*["container"] * 3, "network"]

    docker_lab.stop()

    assert of_lab(engine, workspace) == []


def test_what_a_crashed_lab_leaves_is_listed_by_doctor_and_removed_at_the_next_start(
    workspace: Path, engine: docker.DockerClient
) -> None:
    with owner_process(workspace, functions="docker", timeout=30) as (owner, supervisor):
        lab = start_lab(workspace, functions="docker")
        with client(lab) as http:
            deploy(http, "left", "sleep 100")
        environment.leave(lab.aio.state)
        [before] = containers(engine, workspace)
        for process in psutil.Process(supervisor).children(recursive=True):
            process.kill()
        os.kill(supervisor, signal.SIGKILL)
        owner.kill()
        lab.stop()
    assert [one.id for one in containers(engine, workspace)] == [before.id]

    report = subprocess.run(
        [BIN / "labkit", "doctor", "--no-start"],
        env={**os.environ, "LABKIT_WORKSPACE": str(workspace)},
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert before.name in report
    assert str(workspace) in report

    again = start_lab(workspace, functions="docker", timeout=30)
    try:
        assert before.id not in {one.id for one in containers(engine, workspace)}
    finally:
        again.stop()
    assert of_lab(engine, workspace) == []


def test_an_engine_that_is_killed_and_comes_back_loses_no_call(
    tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private_engine(tmp_path / "engine") as own:
        own.import_base_images(store_only=True)
        monkeypatch.setenv("DOCKER_HOST", own.url)
        lab = start_lab(workspace, functions="docker", timeout=30, max_retry_attempts=30)
        try:
            with client(lab) as http:
                deploy(http, "held", "sleep 3")
                call = lab.invoke_async("held")
                eventually(lambda: call.status().state is CallState.RUNNING, within=20)

                own.kill()

                eventually(lambda: http.post("/function/held").status_code in (502, 503), within=20)
                refused = http.post("/system/functions", json={"service": "new", "image": "functions/alpine"})
                assert refused.status_code == 503
                assert refused.text.startswith("No Docker engine is running.\n")
                assert http.get("/system/functions").status_code == 200
                later = lab.invoke_async("held")

                own.start("--iptables=false")

                assert call.result(timeout=60).status == 200
                assert later.result(timeout=60).status == 200
            with own.client() as engine:
                assert of_lab(engine, workspace) == ["container", "network"]
        finally:
            lab.stop()
        with own.client() as engine:
            assert of_lab(engine, workspace) == []


START = """
import sys
from labkit import Lab, LabError
try:
    Lab.start({workspace!r}, functions="docker", gateway_port=0, inspector_port=0)
except LabError as error:
    print(error)
"""


def start_in_a_process(workspace: Path, **variables: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", START.format(workspace=str(workspace))],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout


def test_without_an_engine_a_start_fails_with_what_to_do(workspace: Path) -> None:
    # A socket's path has at most 107 bytes.
    error = start_in_a_process(workspace, DOCKER_HOST="unix:///tmp/labkit-no-engine.sock")

    assert error.startswith("No Docker engine is running.\n")
    assert 'functions="process"' in error
    assert not (workspace / ".labkit/logs").exists()  # nothing was started


def test_an_engine_on_another_machine_is_refused(workspace: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        error = start_in_a_process(workspace, DOCKER_HOST=host)

    assert error.startswith("The Docker engine is on another machine.\n")


def test_an_unknown_provider_is_refused(workspace: Path) -> None:
    with pytest.raises(LabError, match="functions is unknown"):
        start_lab(workspace, functions="podman")


def test_the_variable_chooses_the_provider_and_an_argument_wins(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_FUNCTIONS", "docker")
    lab = Lab.start(workspace, gateway_port=0, inspector_port=0, timeout=30)
    try:
        assert lab.aio.state.functions == "docker"
        with pytest.raises(LabError, match="running with another setting"):
            Lab.start(workspace, functions="process")
        command = [str(BIN / "labkit"), "--workspace", str(workspace), "up"]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
        failed = subprocess.run(
            [*command, "--functions", "process"], capture_output=True, text=True, check=False
        )
        assert failed.returncode == 1
        assert "running with another setting" in failed.stderr
    finally:
        lab.stop(force=True)
        environment.leave(lab.aio.state)
