"""Mode serializing: a process a request, its whole output the response."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from pathlib import Path

import pytest
from eventually import eventually
from watchdogs import group_members, script, watchdog

SERIALIZING = {"mode": "serializing"}


@pytest.mark.row("3.2 serializing")
def test_the_output_has_a_content_length_and_a_duration(tmp_path: Path) -> None:
    big = os.urandom(4 * 1024 * 1024)
    with watchdog(tmp_path, fprocess="cat", **SERIALIZING) as running:
        answer = running.call(body=big, headers={"Content-Type": "text/csv", "X-Call-Id": "one"})
        assert running.events("process.exited")[0][2] == "one"
        assert running.logged("Running: ") == ["Running: cat - Path: /"]
        assert re.fullmatch(r"Took \d+\.\d{6} secs", running.logged("Took")[0])

    assert (answer.status, answer.body) == (200, big)
    assert answer.headers["Content-Length"] == str(len(big))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert re.fullmatch(r"\d+\.\d{6}", answer.headers["X-Duration-Seconds"])


@pytest.mark.row("3.2 serializing")
def test_a_failing_function_is_a_500_with_its_exit_status_and_its_stderr_is_logged(tmp_path: Path) -> None:
    function = script(tmp_path, "echo out; echo why >&2; echo more >&2; exit 3")
    with watchdog(tmp_path, fprocess=function, content_type="text/plain", **SERIALIZING) as running:
        answer = running.call()
        assert running.logged("stderr: ", 2) == ["stderr: why", "stderr: more"]
        assert running.logged("exit status 3")

    assert (answer.status, answer.body) == (500, b"exit status 3")
    assert answer.headers["Content-Type"] == "text/plain"
    assert re.fullmatch(r"\d+\.\d{6}", answer.headers["X-Duration-Seconds"])


@pytest.mark.row("3.2 serializing")
def test_a_process_that_can_t_start_is_a_500_with_go_s_text(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="no-such-program", **SERIALIZING) as running:
        answer = running.call()

    assert (answer.status, answer.body) == (
        500,
        b'exec: "no-such-program": executable file not found in $PATH',
    )
    assert answer.headers["X-Duration-Seconds"]


@pytest.mark.row("3.2 serializing")
def test_exec_timeout_kills_the_process_and_returns_500(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="sleep 60", exec_timeout="200ms", **SERIALIZING) as running:
        answer = running.call()

        assert (answer.status, answer.body) == (500, b"signal: killed")
        assert running.logged("killed by ExecTimeout") == ["Function was killed by ExecTimeout: 200ms"]
        assert running.events("process.exited")[0][3]["code"] == -signal.SIGKILL


def test_variables_are_of_watchdog_s_and_any_method_is_allowed(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="env", **SERIALIZING) as running:
        seen = running.call("PROPFIND", "/a%20b?q=1").body.decode().splitlines()

    assert {line for line in seen if line.startswith("Http_")} >= {
        "Http_Method=PROPFIND",
        "Http_Path=/a b",
        "Http_Query=q=1",
    }
    assert not any(line.startswith(("Http_Host=", "Http_ContentLength=")) for line in seen)


def test_a_client_that_disconnects_ends_its_process(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="sleep 60", **SERIALIZING) as running:
        with contextlib.closing(running.connect()) as connection:
            connection.request("GET", "/")
            running.events("process.started")
        assert running.events("process.exited")[0][3]["code"] == -signal.SIGKILL
        eventually(lambda: group_members(running.pid) == [running.pid])
