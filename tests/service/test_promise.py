"""Every call accepted with 202 runs, whatever is killed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from eventually import eventually
from labs import start_lab, until_running

from labkit import Lab
from labkit.errors import GatewayError

CALLS = 200


def _deploy_noting(lab: Lab, folder: Path) -> Path:
    """Deploy functions that log runs and callbacks; return the runs' file."""
    notes = folder / "runs"
    script = folder / "note.sh"
    script.write_text(f"read id\nsleep 0.02\necho $id >> {notes}\necho done $id\n")
    lab.deploy("note", fprocess=f"sh {script}")
    # Callbacks go to another function, through the gateway's name in the cluster.
    target = folder / "target.sh"
    target.write_text(f"read line\necho $line >> {folder / 'callbacks'}\n")
    lab.deploy("target", fprocess=f"sh {target}")
    lab.invoke("note", "warm-up")
    lab.invoke("target", "warm-up")
    return notes


def _words(file: Path) -> set[str]:
    return set(file.read_text().split()) if file.exists() else set()


@pytest.mark.parametrize("victim", ["queue-worker", "nats-server", "gateway"])
def test_no_accepted_call_is_lost_when_a_service_is_killed(victim: str, workspace: Path) -> None:
    """Two hundred calls, and one service killed (SIGKILL) halfway."""
    with start_lab(workspace, max_inflight=10, ack_wait="1s") as lab:
        notes = _deploy_noting(lab, workspace)
        accepted: list[str] = []
        callback = "http://gateway:8080/function/target"
        half = threading.Event()

        def call_all() -> None:
            for number in range(CALLS):
                if number == CALLS // 2:
                    half.set()
                try:
                    lab.invoke_async("note", f"n{number}", callback=callback)
                except (GatewayError, ConnectionError):
                    continue  # not accepted
                accepted.append(f"n{number}")

        caller = threading.Thread(target=call_all)
        caller.start()
        assert half.wait(30)
        lab.kill(victim)
        caller.join(60)
        assert not caller.is_alive()

        assert len(accepted) >= CALLS // 2
        eventually(lambda: set(accepted) <= _words(notes), within=40, what="every accepted call ran")
        eventually(
            lambda: set(accepted) <= _words(workspace / "callbacks"),
            within=40,
            what="every accepted call's callback was posted",
        )
        restarts = {service.name: service.restarts for service in lab.status().services}
        assert restarts[victim] >= 1


def test_without_a_fault_every_call_runs_exactly_once(workspace: Path) -> None:
    with start_lab(workspace, max_inflight=10) as lab:
        notes = _deploy_noting(lab, workspace)
        lab.measure("note", calls=50, mode="async", body="same\n", progress=False)

        assert notes.read_text().split().count("same") == 50


@pytest.mark.row("2.3 no second run")
def test_a_call_longer_than_ack_wait_runs_once(workspace: Path) -> None:
    """The lease is renewed while the function runs."""
    with start_lab(workspace, ack_wait="1s") as lab:
        runs = workspace / "slow-runs"
        script = workspace / "slow.sh"
        script.write_text(f"echo run >> {runs}\nsleep 3.5\n")
        lab.deploy("slow", fprocess=f"sh {script}")
        lab.invoke_async("slow").wait(timeout=20)

        assert runs.read_text().split() == ["run"]


def test_a_queue_survives_a_stopped_lab(workspace: Path) -> None:
    """Calls that have not run yet are run by the next lab in the folder."""
    with start_lab(workspace, max_inflight=1) as lab:
        notes = _deploy_noting(lab, workspace)
        lab.deploy("long", fprocess="sleep 30")
        long = lab.invoke_async("long")
        for number in range(5):
            lab.invoke_async("note", f"late{number}")
        until_running(long)
    assert not {f"late{number}" for number in range(5)} & _words(notes)

    with start_lab(workspace, max_inflight=10, ack_wait="1s"):
        eventually(lambda: {f"late{n}" for n in range(5)} <= _words(notes), within=20)
