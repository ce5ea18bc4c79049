"""Rules of a lab that need no process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.cli.doctor import timeline_table
from labkit.clients.gateway import FunctionResponse
from labkit.errors import ServiceError
from labkit.lifecycle import environment
from labkit.lifecycle import log_files as logfiles
from labkit.views.formatting import format_age, format_bytes
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
    assert ">31 MB</td>" in status()._repr_html_()


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
    environment.leave(STATE._replace(run_id="another"))
    assert os.environ["OPENFAAS_URL"] == STATE.gateway_url
    environment.leave(STATE)

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


def test_only_a_line_feed_ends_a_line_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes("10%\r20%\r30%\na\x0cb\u2028c\x85d\n\nlast".encode())

    assert tail(path, 2) == ["", "last"]
    assert tail(path) == ["10%\r20%\r30%", "a\x0cb\u2028c\x85d", "", "last"]


def test_a_character_that_is_half_written_is_followed_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"")
    parts = iter([b"a\xe4", b"\xb8", b"\xad\xff\n"])

    def wait(_seconds: float) -> None:
        with path.open("ab") as file:
            file.write(next(parts))

    lines = logfiles.follow(path, 0, wait)

    assert [next(lines), next(lines)] == ["a", "中\N{REPLACEMENT CHARACTER}\n"]


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

    assert (whole.is_whole, repr(whole)) == (
        True,
        "FunctionResponse(status=200, 3 bytes, text='all', call_id='id-1')",
    )
    assert (cut.is_whole, repr(cut)) == (
        False,
        "FunctionResponse(status=200, 3 of 9 bytes, text='beg', call_id='id-1')",
    )
