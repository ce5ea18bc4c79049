"""Services that crash, are killed, restarted, reconfigured or reset, while the lab lives on."""

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

from labkit import Lab
from labkit.clients.supervisor import ask
from labkit.errors import InvalidValueError, LabStartError
from labkit.lab.background_loop import hub
from labkit.supervisor.logfile import LogFile
from labkit.views.status import ServiceStatus
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabTimeoutError

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


def test_a_killed_service_comes_back_at_the_same_address(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        for name in SERVICES:
            before = lab.status().service(name)
            lab.kill(name)
            after = eventually(lambda name=name: back(lab, name), within=5)

            assert after.pid != before.pid
            assert after.address == before.address
            assert after.restarts == 1
        assert lab.status().state == "ready"


def test_ends_and_starts_are_on_record_also_those_of_nats_server(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        pid = lab.status().service("nats-server").pid
        lab.kill("nats-server")
        eventually(lambda: back(lab, "nats-server"), within=5)
        rows = asyncio.run(ask(lab.aio.state, "events"))
        ours = [(row[1], row[5]) for row in rows if row[5]["service"] == "nats-server"]
        seen = [each for each in ours if each[0].startswith("service.")]

        assert [type_ for type_, _ in seen] == ["service.started", "service.exited", "service.started"]
        assert seen[1][1] == {"service": "nats-server", "pid": pid, "code": -9}


def test_the_supervisors_events_reach_the_stream(lab: Lab) -> None:
    found = asyncio.run(read_events(lab, expected=4))

    assert {event.data["service"] for event in found} == set(SERVICES)
    assert {event.service for event in found} == {"supervisor"}


async def read_events(lab: Lab, expected: int) -> list:
    from nats.aio.client import Client

    from labkit_services.contract.events import decode_batch
    from labkit_services.contract.names import EVENT_STREAM, event_subject

    client = Client()
    await client.connect(lab.aio.state.nats_url, token=lab.aio.state.nats_token)
    try:
        subscription = await client.jetstream().subscribe(
            event_subject("supervisor"), stream=EVENT_STREAM, ordered_consumer=True
        )
        found = []
        while len(found) < expected:
            found += decode_batch((await subscription.next_msg(timeout=5)).data)
        return found
    finally:
        await client.close()


def test_a_service_that_cannot_stay_up_is_given_up_with_its_log(workspace: Path) -> None:
    with start_lab(workspace, commands=standin("inspector", "brief")) as lab:
        failed = eventually(lambda: _failed(lab, "inspector"), within=15)

        assert "could not stay up" in failed.error
        assert "ended on purpose" in failed.error
        assert lab.status().state == "failed"
        assert lab.status().service("gateway").state == "ready"


def _failed(lab: Lab, name: str) -> ServiceStatus | None:
    service = lab.status().service(name)
    return service if service.state == "failed" else None


def test_a_service_that_was_given_up_can_be_started_again(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        for number in range(5):
            lab.kill("inspector")
            if number < 4:
                eventually(lambda n=number: lab.status().service("inspector").restarts > n, within=5)
                eventually(lambda: lab.status().service("inspector").state == "ready", within=5)
        eventually(lambda: _failed(lab, "inspector"), within=2)
        lab.restart("inspector")

        assert lab.status().state == "ready"


def test_restart_keeps_the_address(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        before = lab.status()
        for name in SERVICES:
            lab.restart(name)
        after = lab.status()

        assert after.state == "ready"
        assert [s.address for s in after.services] == [s.address for s in before.services]
        assert not {s.pid for s in after.services} & {s.pid for s in before.services}
        assert answers(lab.gateway_url)


def test_an_unknown_service_is_refused_with_the_names_there_are(lab: Lab) -> None:
    with pytest.raises(InvalidValueError, match="gateway, queue-worker"):
        lab.restart("gatewy")


def test_max_inflight_is_changed_while_the_worker_runs_and_kept_for_its_next_start(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        before = lab.status().service("queue-worker").pid
        assert lab.set_max_inflight(10) == 10

        assert lab.status().service("queue-worker").pid == before
        assert lab.status().max_inflight == 10

        lab.restart("queue-worker")
        eventually(lambda: "maxInFlight=[10]" in lab.logs("queue-worker", tail=3))


@pytest.mark.parametrize("value", [0, -1, "ten", True])
def test_a_max_inflight_that_makes_no_sense_is_refused(lab: Lab, value: object) -> None:
    with pytest.raises(InvalidValueError):
        lab.set_max_inflight(value)  # type: ignore[arg-type]


def test_a_reset_begins_the_logs_anew(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        lab.reset()

        assert lab.logs("queue-worker").count("Starting queue-worker") == 1
        assert "connection lost" not in lab.logs("queue-worker")


def test_start_applies_max_inflight_to_a_lab_that_runs(workspace: Path) -> None:
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


def test_functions_and_queue_outlive_stop_and_start(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        deploy(lab, "echo")
    with start_lab(workspace) as lab:
        assert functions(lab) == ["echo"]


def test_reset_brings_back_a_lab_that_has_gone(workspace: Path) -> None:
    lab = start_lab(workspace)
    os.kill(lab.aio.state.pid, 9)
    lab.reset()

    assert lab.status().state == "ready"
    lab.stop()


def test_reset_brings_back_a_service_that_was_given_up(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        asyncio.run(lab.aio.stop_service("nats-server"))
        assert lab.status().service("nats-server").state == "stopped"
        lab.reset()

        assert lab.status().state == "ready"


def test_stop_during_a_reset_ends_the_lab(workspace: Path) -> None:
    lab = start_lab(workspace)
    resetting = asyncio.run_coroutine_threadsafe(ask(lab.aio.state, "reset", patience=10), hub().loop)
    eventually(lambda: lab.status().state != "ready", within=3)
    lab.stop()

    with pytest.raises((ConnectionError, OSError)):
        resetting.result(5)


def test_the_stop_button_ends_the_waiting_not_the_lab(lab: Lab) -> None:
    cancelled = threading.Event()

    async def wait_long() -> None:
        # Not before this runs: an interrupt outside of the wait would end the test run.
        asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(30)
        finally:
            cancelled.set()

    with pytest.raises(KeyboardInterrupt):
        hub().run(wait_long(), 60)

    assert cancelled.is_set()
    assert lab.status().state == "ready"


def test_the_stop_button_during_a_start_leaves_nothing(
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


def test_waiting_has_a_deadline() -> None:
    with pytest.raises(LabTimeoutError):
        hub().run(asyncio.sleep(30), 0.05)


def test_the_async_flavour_works_on_any_loop(lab: Lab) -> None:
    async def use() -> str:
        return (await lab.aio.status()).state

    assert asyncio.run(use()) == "ready"


def test_the_control_channel_wants_its_token(lab: Lab) -> None:
    host, _, port = lab.aio.state.control.partition(":")
    answers = []
    for line in (b'{"token": "guess", "command": "stop"}\n', b"GET / HTTP/1.1\r\n", b"\xff\n"):
        with socket.create_connection((host, int(port)), 5) as client:
            client.sendall(line)
            answers.append(client.makefile("rb").readline())

    assert b"wrong control token" in answers[0]
    assert all(b'"error"' in answer for answer in answers)
    assert lab.status().state == "ready"


def test_a_log_is_bounded_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log")
    with log.open() as file:
        file.write(b"x" * 100)
        bounded = log.bound(limit=50)
        file.write(b"more\n")

    assert bounded
    assert (tmp_path / "a.log").read_bytes() == b"more\n"
    assert len((tmp_path / "a.log.1").read_bytes()) == 100
    assert log.tail() == ["more"]


def test_a_start_error_survives_its_journey_between_processes() -> None:
    from labkit.errors import error_from_json, error_to_json

    error = LabStartError("a", expected="b", seen="c", log=["d"], next_step="e")
    again = error_from_json(error_to_json(error))

    assert type(again) is LabStartError
    assert str(again) == str(error)
