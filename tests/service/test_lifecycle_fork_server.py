"""The lab with a fork server, without one, and with one that is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from eventually import eventually
from gateways import client, deploy
from labs import call_async, owner_process, start_lab
from marked_processes import GONE_SECONDS, assert_gone, marked
from supervisor_events import supervisor_events

from labkit import Lab
from labkit.supervisor.fork_server_guard import SHORT_LIFE_SECONDS
from labkit.supervisor.fork_server_process import SETTING

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the fork server needs Linux")

OURS = ("gateway", "queue-worker", "inspector")


@pytest.fixture
def own(workspace: Path) -> Iterator[Lab]:
    with start_lab(workspace) as lab:
        yield lab


def server_of(lab: Lab) -> psutil.Process | None:
    for child in psutil.Process(lab.aio.state.pid).children():
        if "labkit_services.fork_server" in child.cmdline():
            return child
    return None


def service(lab: Lab, name: str) -> psutil.Process:
    return psutil.Process(lab.status().service(name).pid)


def watchdogs(lab: Lab) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(lab.aio.state.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            if "labkit_services.watchdog" in process.cmdline():
                found.append(process)
    return found


def answers(lab: Lab, name: str) -> bool:
    with client(lab) as http:
        return http.post(f"/function/{name}", content="hi").text == "hi"


def exits(lab: Lab) -> list[tuple[str, int]]:
    """Return service and exit code of every ``service.exited`` event."""
    events = [event.data for event in supervisor_events(lab) if event.type == "service.exited"]
    return [(data["service"], data["code"]) for data in events]


def kill_server(lab: Lab) -> psutil.Process:
    server = server_of(lab)
    assert server is not None
    server.kill()
    eventually(lambda: not server.is_running(), within=2)
    return server


def test_services_and_watchdogs_are_forked(own: Lab) -> None:
    server = server_of(own)
    with client(own) as http:
        deploy(http, "echo", "cat")

    assert server is not None
    assert {service(own, name).ppid() for name in OURS} == {server.pid}
    assert [watchdog.ppid() for watchdog in watchdogs(own)] == [server.pid]
    assert answers(own, "echo")


def test_without_a_fork_server_all_are_spawned(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "0")
    with start_lab(workspace) as lab:
        with client(lab) as http:
            deploy(http, "echo", "cat")

        assert server_of(lab) is None
        assert {service(lab, name).ppid() for name in OURS} == {lab.aio.state.pid}
        assert [watchdog.ppid() for watchdog in watchdogs(lab)] == [service(lab, "gateway").pid]
        assert answers(lab, "echo")


def test_no_secret_reaches_a_function_or_the_process_list(own: Lab) -> None:
    with client(own) as http:
        deploy(http, "env", "env")
        variables = http.post("/function/env").text
    state = own.aio.state
    secrets = [state.password, state.nats_token, state.control_token, state.inspector_token]
    (watchdog,) = watchdogs(own)
    shown = [*watchdog.environ().values(), *watchdog.cmdline()]

    assert not [secret for secret in secrets if secret in variables]
    assert not [secret for secret in secrets for text in shown if secret in text]


@pytest.mark.parametrize("setting", ["1", "0"])
def test_a_function_gets_no_locale_variables_as_in_a_container(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """Loading a locale would take a quarter of a small process's time."""
    monkeypatch.setenv(SETTING, setting)
    monkeypatch.setenv("LANG", "C.UTF-8")
    with start_lab(workspace) as lab, client(lab) as http:
        deploy(http, "env", "env")
        variables = http.post("/function/env").text.splitlines()

    assert not [line for line in variables if line.startswith(("LANG", "LC_", "PYTHON"))]


def test_a_killed_fork_server_affects_no_service_and_is_restarted(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        with client(lab) as http:
            deploy(http, "echo", "cat")
        before = [*(service(lab, name) for name in OURS), *watchdogs(lab)]
        time.sleep(SHORT_LIFE_SECONDS)
        first = kill_server(lab)
        second = eventually(lambda: server_of(lab), within=2)

        assert second.pid != first.pid
        assert [*(service(lab, name) for name in OURS), *watchdogs(lab)] == before
        assert answers(lab, "echo")
        with client(lab) as http:
            http.post("/system/scale-function/echo", json={"serviceName": "echo", "replicas": 2})
            eventually(lambda: http.get("/system/function/echo").json()["availableReplicas"] == 2)
        assert second.pid in {watchdog.ppid() for watchdog in watchdogs(lab)}
        lab.restart("gateway")
        assert service(lab, "gateway").ppid() == second.pid


def test_a_fork_server_that_ends_early_is_not_restarted(own: Lab) -> None:
    kill_server(own)
    with client(own) as http:
        deploy(http, "echo", "cat")
    own.restart("inspector")

    assert server_of(own) is None
    assert answers(own, "echo")
    assert [watchdog.ppid() for watchdog in watchdogs(own)] == [service(own, "gateway").pid]
    assert service(own, "inspector").ppid() == own.aio.state.pid


def test_exit_codes_are_recorded_for_forked_and_for_spawned_services(own: Lab) -> None:
    own.kill("inspector")
    eventually(lambda: exits(own) == [("inspector", -9)], within=5)
    own.restart("queue-worker")
    kill_server(own)
    own.kill("gateway")

    eventually(lambda: exits(own) == [("inspector", -9), ("queue-worker", 0), ("gateway", -9)], within=5)
    eventually(lambda: own.status().state == "ready", within=5)


def test_a_watchdog_that_ends_after_its_fork_server_is_replaced(own: Lab) -> None:
    with client(own) as http:
        deploy(http, "echo", "cat")
    (first,) = watchdogs(own)
    kill_server(own)
    first.kill()

    eventually(lambda: [w for w in watchdogs(own) if w.pid != first.pid], within=5)
    eventually(lambda: answers(own, "echo"), within=5)


@pytest.mark.parametrize("victim", ["owner", "supervisor", "gateway", "fork server and supervisor"])
@pytest.mark.parametrize("setting", ["1", "0"], ids=["forked", "spawned"])
def test_nothing_outlives_a_kill(
    workspace: Path, mark: str, monkeypatch: pytest.MonkeyPatch, setting: str, victim: str
) -> None:
    monkeypatch.setenv(SETTING, setting)
    with owner_process(workspace) as (owner, supervisor):
        lab = start_lab(workspace)
        with client(lab) as http:
            deploy(http, "long-task", "sleep 60")
        call_async(lab, "long-task")
        sleeper = eventually(lambda: [p for p in marked(mark) if p.name() == "sleep"], within=5)
        server = server_of(lab)
        if victim == "gateway":
            service(lab, "gateway").kill()
            eventually(lambda: not [p for p in sleeper if p.is_running()], within=GONE_SECONDS)
            os.kill(supervisor, signal.SIGTERM)
        elif victim == "owner":
            owner.kill()
        else:
            if "fork server" in victim and server is not None:
                server.kill()
            os.kill(supervisor, signal.SIGKILL)
        eventually(lambda: all(p.pid == owner.pid for p in marked(mark)), within=GONE_SECONDS)
        lab.stop()
    assert_gone(mark)
