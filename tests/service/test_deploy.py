"""The images of deploy/ and its compose file, built and run by a real engine."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Iterator
from typing import Any

import deploy_images
import docker
import httpx
import pytest
from compose import Compose, compose_command
from docker_engine import DockerEngine
from eventually import eventually
from gateways import deploy

from labkit_services.contract.ports import DEFAULT_GATEWAY_PORT, DEFAULT_INSPECTOR_PORT

OWN = ("gateway", "queue-worker", "inspector")
PROBE = "import pathlib; pathlib.Path('/probe').touch()"


@pytest.fixture(scope="module")
def engine(docker_engine: DockerEngine) -> Iterator[docker.DockerClient]:
    with docker_engine.client() as client:
        yield client


@pytest.fixture(scope="module")
def compose(
    docker_engine: DockerEngine, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compose]:
    """All services of the compose file, two queue-workers, after the commands that the README names."""
    compose_command()
    deploy_images.import_base_images(engine)
    stack = Compose(docker_engine, engine, tmp_path_factory.mktemp("compose"))
    deploy_images.copy_context(stack.folder)
    subprocess.run(["sh", "deploy/secrets.sh"], cwd=stack.folder, check=True, capture_output=True, timeout=10)
    try:
        stack.run("up", "-d", "--build", "--scale", "queue-worker=2")
        yield stack
    finally:
        stack.run("down", "--volumes", "--timeout", "2")


@pytest.fixture
def gateway(compose: Compose) -> Iterator[httpx.Client]:
    login = (compose.secret("basic-auth-user"), compose.secret("basic-auth-password"))
    url = compose.url("gateway", DEFAULT_GATEWAY_PORT)
    with httpx.Client(base_url=url, auth=login, timeout=30, trust_env=False) as client:
        eventually(lambda: is_healthy(client))
        yield client


@pytest.fixture
def inspector(compose: Compose) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {compose.setting('INSPECTOR_TOKEN')}"}
    url = compose.url("inspector", DEFAULT_INSPECTOR_PORT)
    with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


def health(container: Any) -> str:
    container.reload()
    return str(container.attrs["State"]["Health"]["Status"])


def is_healthy(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def captured_by(inspector: httpx.Client, name: str) -> bytes | None:
    """Return the body of the first request in a bin, if there is one."""
    found = inspector.get(f"/api/v1/bins/{name}/requests")
    requests = found.json()["requests"] if found.status_code == 200 else []
    return (
        inspector.get(f"/api/v1/bins/{name}/requests/{requests[0]['id']}/raw").content if requests else None
    )


def test_a_queued_call_runs_and_its_callback_is_in_the_inspector(
    gateway: httpx.Client, inspector: httpx.Client
) -> None:
    deploy(gateway, "shout", "tr a-z A-Z")

    accepted = gateway.post(
        "/async-function/shout",
        content=b"from a container",
        headers={"X-Callback-Url": "http://inspector:8090/r/arrived"},
    )

    assert accepted.status_code == 202
    assert eventually(lambda: captured_by(inspector, "arrived")) == b"FROM A CONTAINER"
    # The inspector has seen the call's events in NATS, too.
    call = accepted.headers["X-Call-Id"]
    assert eventually(lambda: inspector.get(f"/api/v1/calls/{call}").json().get("state") == "done")


def test_two_queue_workers_share_the_queue_under_names_of_their_own(
    compose: Compose, gateway: httpx.Client
) -> None:
    hosts = {one.short_id for one in compose.containers("queue-worker")}

    def workers() -> set[str]:
        queue = gateway.get("/system/queues/faas-request").json()
        return {worker["name"] for worker in queue["workers"]}

    assert eventually(lambda: len(workers()) == 2)
    assert workers() == {f"queue-worker-{host}" for host in hosts}


@pytest.mark.parametrize("service", OWN)
def test_a_service_is_not_root_and_cannot_write_its_root(service: str, compose: Compose) -> None:
    container = compose.containers(service)[0]

    user = container.exec_run(["id", "-u"]).output.decode().strip()
    written = container.exec_run(["python3", "-c", PROBE])

    assert user == "10001"
    assert written.exit_code != 0
    assert b"Read-only file system" in written.output
    status = container.exec_run(["cat", "/proc/1/status"]).output.decode()
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


def test_only_gateway_and_inspector_are_published_and_on_loopback(compose: Compose) -> None:
    published: dict[str, set[str]] = {}
    for service in ("nats", *OWN):
        for one in compose.containers(service):
            published[service] = {b["HostIp"] for bound in one.ports.values() for b in bound or ()}

    loopback = {"127.0.0.1"}
    assert published == {"nats": set(), "queue-worker": set(), "gateway": loopback, "inspector": loopback}


def test_every_service_becomes_healthy(compose: Compose) -> None:
    def states() -> set[str]:
        return {health(one) for one in compose.containers("nats", *OWN)}

    assert eventually(lambda: states() == {"healthy"}, states, within=30)


def test_without_a_password_or_a_token_nothing_is_told(
    gateway: httpx.Client, inspector: httpx.Client
) -> None:
    assert httpx.get(f"{gateway.base_url}/system/functions", trust_env=False).status_code == 401
    assert httpx.get(f"{inspector.base_url}/api/v1/bins", trust_env=False).status_code == 401


def test_functions_queue_and_captures_survive_new_containers(
    compose: Compose, gateway: httpx.Client, inspector: httpx.Client
) -> None:
    deploy(gateway, "kept", "cat")
    inspector.post("/r/kept", content=b"captured")

    before = compose.containers("nats", "gateway", "inspector")
    compose.run("up", "-d", "--force-recreate", "--no-deps", "--timeout", "2", "nats", "gateway", "inspector")
    assert not {one.id for one in before} & {
        one.id for one in compose.containers("nats", "gateway", "inspector")
    }

    url = compose.url("gateway", DEFAULT_GATEWAY_PORT)
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as again:
        eventually(lambda: is_healthy(again))
        assert eventually(lambda: again.post("/function/kept", content=b"same").text == "same")
    url = compose.url("inspector", DEFAULT_INSPECTOR_PORT)
    with httpx.Client(base_url=url, headers=inspector.headers, timeout=30, trust_env=False) as again:
        kept = eventually(lambda: captured_by(again, "kept") if is_healthy(again) else None)
    assert kept == b"captured"


def test_a_function_is_built_from_the_watchdog_image_and_called(
    compose: Compose, engine: docker.DockerClient
) -> None:
    build = {"path": str(compose.folder), "dockerfile": "deploy/Containerfile", "rm": True}
    arguments = {"PIP_NO_INDEX": "1"}
    engine.images.build(**build, target="watchdog", tag="labkit/watchdog", buildargs=arguments)
    (compose.folder / "Shout").write_text('FROM labkit/watchdog\nENV fprocess="tr a-z A-Z"\n')
    engine.images.build(path=str(compose.folder), dockerfile="Shout", tag="shout", rm=True)

    container = engine.containers.run(
        "shout", detach=True, read_only=True, tmpfs={"/tmp": ""}, ports={"8080/tcp": ("127.0.0.1", None)}
    )
    try:
        eventually(lambda: health(container) == "healthy")
        bound = container.ports["8080/tcp"][0]
        answer = httpx.post(f"http://127.0.0.1:{bound['HostPort']}/", content=b"hello", trust_env=False)
        assert (answer.status_code, answer.text) == (200, "HELLO")
    finally:
        container.remove(force=True)


def test_secrets_are_made_once_and_their_folder_is_closed(compose: Compose) -> None:
    folder, before = compose.folder / "deploy", (compose.folder / "deploy/.env").read_text()

    again = subprocess.run(
        ["sh", "deploy/secrets.sh"], cwd=compose.folder, capture_output=True, text=True, timeout=10
    )

    assert again.returncode == 0
    assert "remove it to get new secrets" in again.stderr
    assert (folder / ".env").read_text() == before
    assert stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
