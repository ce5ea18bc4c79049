"""Crashes, kills, restarts, settings and resets while the lab is running."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from eventually import eventually
from labs import deploy, functions, standin, start_lab
from marked_processes import marked
from supervisor_events import supervisor_events

from labkit import Lab
from labkit.clients.supervisor import SupervisorClient
from labkit.errors import InvalidValueError
from labkit.lab.background_loop import background_loop
from labkit.views.faults import FaultKind
from labkit.views.status import ServiceStatus
from labkit.workspace import Workspace
from labkit_services.contract.events import Event

SERVICES = ["nats-server", "gateway", "queue-worker", "inspector"]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def back(lab: Lab, name: str) -> ServiceStatus | None:
    service = lab.status().service(name)
    return service if service.state == "ready" and service.restarts else None


def test_a_killed_service_is_restarted_at_the_same_address(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        for name in SERVICES:
            before = lab.status().service(name)
            lab.kill(name)
            after = eventually(lambda name=name: back(lab, name), within=5)

            assert after.pid != before.pid
            assert after.address == before.address
            assert after.restarts == 1
        assert lab.status().state == "ready"


def test_starts_and_exits_are_recorded_even_those_of_nats_server(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        pid = lab.status().service("nats-server").pid
        lab.kill("nats-server")
        eventually(lambda: back(lab, "nats-server"), within=5)
        expected = ["service.started", "service.exited", "service.started"]
        eventually(lambda: [event.type for event in of_nats_server(lab)] == expected, within=5)

        assert of_nats_server(lab)[1].data == {"service": "nats-server", "pid": pid, "code": -9}


def of_nats_server(lab: Lab) -> list[Event]:
    events = [event for event in supervisor_events(lab) if event.type.startswith("service.")]
    return [event for event in events if event.data["service"] == "nats-server"]


def test_the_supervisors_events_reach_the_event_stream(lab: Lab) -> None:
    found = eventually(lambda: [e for e in supervisor_events(lab) if e.type == "service.started"], within=5)

    assert {event.data["service"] for event in found} == set(SERVICES)
    assert {event.service for event in found} == {"supervisor"}


def test_a_service_that_keeps_exiting_fails_and_shows_its_log(workspace: Path) -> None:
    with start_lab(workspace, commands=standin("inspector", "brief")) as lab:
        failed = eventually(lambda: _failed(lab, "inspector"), within=15)

        assert "keeps exiting" in failed.error
        assert "ended on purpose" in failed.error
        assert lab.status().state == "failed"
        assert lab.status().service("gateway").state == "ready"


def _failed(lab: Lab, name: str) -> ServiceStatus | None:
    service = lab.status().service(name)
    return service if service.state == "failed" else None


def test_a_failed_service_can_be_restarted(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        for number in range(5):
            lab.kill("inspector")
            if number < 4:
                eventually(lambda n=number: lab.status().service("inspector").restarts > n, within=5)
                eventually(lambda: lab.status().service("inspector").state == "ready", within=5)
        eventually(lambda: _failed(lab, "inspector"), within=2)
        lab.restart("inspector")

        assert lab.status().state == "ready"


def test_a_restarted_service_keeps_its_address(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        before = lab.status()
        for name in SERVICES:
            lab.restart(name)
        after = lab.status()

        assert after.state == "ready"
        assert [s.address for s in after.services] == [s.address for s in before.services]
        assert not {s.pid for s in after.services} & {s.pid for s in before.services}
        assert answers(lab.gateway_url)


def test_the_error_for_an_unknown_service_lists_the_services(lab: Lab) -> None:
    with pytest.raises(InvalidValueError, match="gateway, queue-worker"):
        lab.restart("gatewy")


def test_set_max_inflight_changes_the_running_worker_and_its_next_start(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        before = lab.status().service("queue-worker").pid
        assert lab.set_max_inflight(10) == 10

        assert lab.status().service("queue-worker").pid == before
        assert lab.status().max_inflight == 10

        lab.restart("queue-worker")
        eventually(lambda: "maxInFlight=[10]" in lab.logs("queue-worker", tail=3))


@pytest.mark.parametrize("value", [0, -1, "ten", True])
def test_an_invalid_max_inflight_is_an_error(lab: Lab, value: object) -> None:
    with pytest.raises(InvalidValueError):
        lab.set_max_inflight(value)  # type: ignore[arg-type]


def test_a_reset_empties_the_logs(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        lab.reset()

        assert lab.logs("queue-worker").count("Starting queue-worker") == 1
        assert "connection lost" not in lab.logs("queue-worker")


def test_captured_requests_survive_a_stop_and_a_kill_of_the_inspector_but_no_reset(workspace: Path) -> None:
    def capture(url: str, body: bytes) -> bool:
        try:
            with urllib.request.urlopen(url, body, timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def bodies(lab: Lab) -> list[str]:
        return [request.text for request in lab.bin("kept").requests()]

    with start_lab(workspace) as lab:
        assert capture(lab.bin("kept").url, b"before")
    with start_lab(workspace) as lab:
        assert bodies(lab) == ["before"]
        url = lab.bin("kept").url
        pid = next(service.pid for service in lab.status().services if service.name == "inspector")
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: capture(url, b"after"))
        assert sorted(set(bodies(lab))) == ["after", "before"]
        lab.reset()
        assert bodies(lab) == []


def test_start_applies_max_inflight_to_a_running_lab(workspace: Path) -> None:
    with start_lab(workspace):
        assert Lab.start(workspace, max_inflight=4).status().max_inflight == 4


def test_reset_empties_the_lab_in_three_seconds_on_the_same_addresses(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        before = lab.status()
        deploy(lab, "echo")
        assert functions(lab) == ["echo"]
        began = time.monotonic()
        report = lab.reset()
        took = time.monotonic() - began

        assert took < 3
        assert report.seconds <= took
        assert functions(lab) == []
        assert [s.address for s in lab.status().services] == [s.address for s in before.services]


@pytest.mark.parametrize(("before", "after"), [(2, 4), (3, 1)])
def test_a_reset_restores_the_settings_that_the_lab_was_started_with(
    workspace: Path, before: int, after: int
) -> None:
    with start_lab(workspace, max_inflight=3, workers=before) as lab:
        assert Lab.start(workspace, max_inflight=10).status().max_inflight == 10
        lab.scale_workers(after)
        background_loop().run(lab.aio.supervisor.begin_fault(FaultKind.SLOW, "queue-worker", delay=0.3), 10)
        lab.reset()

        workers = eventually(lambda: lab.queue().status().workers)
        names = ["queue-worker", "queue-worker-2", "queue-worker-3"][:before]
        assert [service.name for service in lab.status().services if "worker" in service.name] == names
        assert [worker.max_inflight for worker in workers] == [3] * before
        assert (lab.status().max_inflight, lab.status().faults) == (3, ())


def test_functions_and_queues_outlive_stop_and_start(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        deploy(lab, "echo")
    with start_lab(workspace) as lab:
        assert functions(lab) == ["echo"]


def test_reset_replaces_a_lab_that_was_killed(workspace: Path) -> None:
    lab = start_lab(workspace)
    os.kill(lab.aio.state.pid, 9)
    lab.reset()

    assert lab.status().state == "ready"
    lab.stop()


def test_reset_starts_a_stopped_service(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        background_loop().run(lab.aio.supervisor.begin_fault(FaultKind.STOP, "nats-server"), 10)
        assert lab.status().service("nats-server").state == "stopped"
        lab.reset()

        assert lab.status().state == "ready"


def test_stop_during_a_reset_stops_the_lab(workspace: Path) -> None:
    lab = start_lab(workspace)
    supervisor = SupervisorClient(lab.aio.state)
    resetting = asyncio.run_coroutine_threadsafe(supervisor.reset(), background_loop().loop)
    eventually(lambda: lab.status().state != "ready", within=3)
    lab.stop()

    with pytest.raises((ConnectionError, OSError)):
        resetting.result(5)


def test_the_stop_button_interrupts_the_wait_not_the_lab(lab: Lab) -> None:
    cancelled = threading.Event()

    async def wait_long() -> None:
        # Not before this runs: an interrupt outside of the wait would end the test run.
        asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(30)
        finally:
            cancelled.set()

    with pytest.raises(KeyboardInterrupt):
        background_loop().run(wait_long(), 60)

    assert cancelled.is_set()
    assert lab.status().state == "ready"


def test_the_stop_button_during_a_start_leaves_nothing_behind(
    workspace: Path, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = workspace / "hanging"
    hanging.write_text("#!/bin/sh\nsleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("LABKIT_NATS_SERVER", str(hanging))

    def press_stop() -> None:
        eventually(lambda: Workspace(workspace).lock_holder(), within=10)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press_stop).start()
    with pytest.raises(KeyboardInterrupt):
        start_lab(workspace)

    assert marked(mark) == []
    assert not Workspace(workspace).is_locked()


def test_the_async_api_works_on_any_event_loop(lab: Lab) -> None:
    async def use() -> str:
        return (await lab.aio.status()).state

    assert asyncio.run(use()) == "ready"


def test_the_control_channel_requires_its_token(lab: Lab) -> None:
    host, _, port = lab.aio.state.control.partition(":")
    answers = []
    for line in (b'{"token": "guess", "command": "stop"}\n', b"GET / HTTP/1.1\r\n", b"\xff\n"):
        with socket.create_connection((host, int(port)), 5) as client:
            client.sendall(line)
            answers.append(client.makefile("rb").readline())

    assert b"wrong control token" in answers[0]
    assert all(b'"error"' in answer for answer in answers)
    assert lab.status().state == "ready"


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"token": ' + b"[" * 60_000,
        rb'{"token": "\ud800", "command": "stop"}',
        rb'{"token": "guess", "command": "\ud800"}',
        b'{"token": null, "command": null}',
        b'{"token": "guess", "token": "guess"}',
        b'"token"',
        b"7",
    ],
    ids=lambda line: repr(line[:24]),
)
def test_a_hostile_command_is_refused_and_is_no_bug_of_the_supervisor(lab: Lab, line: bytes) -> None:
    host, _, port = lab.aio.state.control.partition(":")
    with socket.create_connection((host, int(port)), 5) as client:
        client.sendall(line + b"\n")
        answer = client.makefile("rb").readline()

    assert b"not a command" in answer or b"wrong control token" in answer
    assert b"bug" not in answer
    assert lab.status().state == "ready"
