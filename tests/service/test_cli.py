"""``labkit`` on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from labkit_command import ANY_PORTS, LABKIT, labkit, next_line, running
from labs import start_lab
from marked_processes import assert_gone, marked

from labkit.workspace import Workspace


def test_up_status_logs_reset_down(workspace: Path, mark: str) -> None:
    url = labkit(workspace, "up", *ANY_PORTS).split()[1]
    try:
        assert labkit(workspace, "up").split()[1] == url
        assert "queue-worker" in labkit(workspace, "status")
        assert json.loads(labkit(workspace, "status", "--json"))["state"] == "ready"
        assert "ready" in labkit(workspace, "logs", "gateway", "--tail", "5")
        assert "as new" in labkit(workspace, "reset")
        with start_lab(workspace) as lab:
            assert lab.gateway_url == url
        assert json.loads(labkit(workspace, "status", "--json"))["state"] == "ready"
    finally:
        assert "is stopped" in labkit(workspace, "down")

    assert_gone(mark)
    assert "No lab runs" in labkit(workspace, "down")


@pytest.mark.parametrize("command", ["status", "reset"])
def test_command_without_a_lab_names_the_next_step(workspace: Path, command: str) -> None:
    assert "labkit up" in labkit(workspace, command, code=1)


def test_failed_up_names_the_cause_and_leaves_no_process(
    workspace: Path, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_NATS_SERVER", "/nowhere")

    assert "LABKIT_NATS_SERVER" in labkit(workspace, "up", code=1)
    assert marked(mark) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_lab_in_the_foreground_ends_with_its_terminal(workspace: Path, mark: str, number: int) -> None:
    with running(workspace, "up", "--no-detach", *ANY_PORTS) as process:
        assert next_line(process).startswith("gateway")
        os.kill(process.pid, number)
        assert process.wait(5) == -number
    assert_gone(mark)


def test_down_stops_a_lab_that_is_starting(
    workspace: Path, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = tmp_path / "hanging"
    hanging.write_text("#!/bin/sh\nsleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("LABKIT_NATS_SERVER", str(hanging))
    with running(workspace, "up") as starting:
        eventually(lambda: Workspace(workspace).lock_holder(), within=10)
        labkit(workspace, "down")

        assert starting.wait(10) == 1
    assert_gone(mark)


def test_logs_follow_until_interrupted(workspace: Path) -> None:
    logs = Workspace(workspace).logs
    logs.mkdir(parents=True)
    log = logs / "gateway.log"
    log.write_text("old\n")
    with running(workspace, "logs", "gateway", "-f") as process:
        assert next_line(process) == "old\n"
        with log.open("a") as file:
            file.write("new\n")
        assert next_line(process) == "new\n"
        process.send_signal(signal.SIGINT)
        process.wait(5)


def test_doctor_shows_the_steps_of_a_start(workspace: Path, mark: str) -> None:
    text = labkit(workspace, "doctor", "--runs", "1")

    assert "BAD" not in text
    for word in (
        "nats-server",
        "port 8080",
        "gateway",
        "queue-worker",
        "ready",
        "from ending to nothing left",
    ):
        assert word in text
    assert marked(mark) == []


def test_doctor_fails_if_a_lab_could_not_start(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_NATS_SERVER", "/nowhere")
    done = subprocess.run(
        [LABKIT, "doctor", "--no-start"], capture_output=True, text=True, cwd=workspace, check=False
    )

    assert done.returncode == 1
    assert "BAD  nats-server" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_lab_and_jupyter_start_and_end_together(workspace: Path, mark: str, number: int) -> None:
    with running(workspace, "lab", "--no-browser", "--port", "0", *ANY_PORTS) as process:
        lines = [next_line(process) for _ in range(3)]
        began = time.monotonic()
        os.kill(process.pid, number)
        assert process.wait(10) == -number
        assert time.monotonic() - began < 8

    assert lines[0].startswith("gateway     http://127.0.0.1:")
    assert lines[2].startswith("JupyterLab  http://127.0.0.1:")
    assert "/lab/workspaces/labkit?token=" in lines[2]
    # Jupyter has three seconds to end its kernels before it is killed.
    assert_gone(mark, within=6)


def test_up_down_reset_fault_and_logs_print_json(tmp_path: Path) -> None:
    with running(tmp_path, "up", "--no-detach", "--json", *ANY_PORTS) as process:
        started = json.loads(next_line(process))
        assert started["gateway"].startswith("http://127.0.0.1:")
        assert started["variables"]["OPENFAAS_URL"] == started["gateway"]

        def run(*arguments: str) -> list[dict[str, Any]]:
            return [json.loads(line) for line in labkit(tmp_path, *arguments).splitlines()]

        assert run("reset", "--json")[0]["reset"]
        assert run("fault", "gateway", "restart", "--json")[-1]["event"] == "ended"
        found = json.loads(labkit(tmp_path, "faults", "--json"))
        assert found[0]["kind"] == "restart"
        assert {line["service"] for line in run("logs", "gateway", "--json")} == {"gateway"}
        assert run("cancel", "--all", "--json")[0]["cancelled"] == 0
        assert run("dead", "purge", "--all", "--json")[0]["purged"] == 0
        assert run("down", "--json")[0]["stopped"]
    assert run("down", "--json")[0]["stopped"] is False
