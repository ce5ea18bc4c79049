"""Mode streaming: a process a request, its output forwarded at once."""

from __future__ import annotations

import http.client
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest
from eventually import eventually
from watchdogs import script, watchdog

STREAMING = {"mode": "streaming"}


@pytest.mark.row("3.2 streaming")
def test_output_arrives_while_the_process_runs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    function = script(tmp_path, 'printf "data: 1\\n\\n"; read line < "$TMPDIR/gate"; echo "data: $line"')
    with (
        watchdog(tmp_path, fprocess=function, content_type="text/event-stream", **STREAMING) as running,
        running.open("/", {"X-Call-Id": "one"}) as answer,
    ):
        assert answer.getheader("Content-Type") == "text/event-stream"
        assert answer.read1(100) == b"data: 1\n\n"
        assert running.events("process.started")[0][2] == "one"
        (tmp_path / "gate").write_text("two\n")
        assert answer.read() == b"data: two\n"
        assert running.events("process.exited")[0][2] == "one"


def test_large_bodies_are_received_and_sent(tmp_path: Path) -> None:
    big = os.urandom(8 * 1024 * 1024)
    with watchdog(tmp_path, fprocess="cat", **STREAMING) as running:
        answer = running.call(body=big)
        chunked = running.call(body=iter([b"a" * 100_000] * 10))

    assert answer.body == big
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert chunked.body == b"a" * 1_000_000


def test_unread_output_stays_in_the_pipe_not_in_memory(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="yes", **STREAMING) as running:
        with running.open() as answer:
            for _ in range(200):
                assert answer.read(256 * 1024)
            memory = psutil.Process(running.pid).memory_info().rss
        running.events("process.exited")  # the client has disconnected, so the process is killed
        assert memory < 100 * 1024 * 1024


@pytest.mark.row("3.2 streaming")
def test_the_status_is_200_for_every_exit_code_which_is_in_the_log(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess=script(tmp_path, "echo oops >&2; exit 3"), **STREAMING) as running:
        answer = running.call()
        assert (answer.status, answer.body) == (200, b"")
        assert running.logged("exit status 3")
        assert running.logged("stderr: oops")
        assert running.events("process.exited")[0][3]["code"] == 3


def test_a_process_that_can_t_start_is_a_500(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="no-such-program", **STREAMING) as running:
        answer = running.call(body=b"x" * 1_000_000)
        assert answer.status == 500
        assert b"executable file not found" in answer.body


def test_exec_timeout_ends_the_process_and_the_response(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="sleep 60", exec_timeout="200ms", **STREAMING) as running:
        assert running.call().status == 200
        assert running.events("process.exited")[0][3]["code"] == -9


@pytest.mark.row("3.1 write_timeout")
def test_output_after_write_timeout_is_cut_off_and_the_process_killed(tmp_path: Path) -> None:
    function = script(tmp_path, "while echo part; do sleep 0.2; done")
    with (
        watchdog(tmp_path, fprocess=function, write_timeout="500ms", **STREAMING) as running,
        running.open() as answer,
    ):
        with pytest.raises(http.client.IncompleteRead) as cut:
            answer.read()

        assert cut.value.partial.startswith(b"part\npart\n")
        assert running.events("process.exited")[0][3]["code"] == -signal.SIGKILL


def test_variables_are_of_watchdog_s_and_a_head_request_ends_the_process(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="env", **STREAMING) as running:
        lines = running.call("GET", "/a?b=c").body.decode().splitlines()
        assert running.call("HEAD").status == 200
        running.events("process.exited", 2)

    assert {"Http_Method=GET", "Http_Path=/a", "Http_Query=b=c"} <= set(lines)
    assert not [line for line in lines if line.startswith(("Http_Host", "Http_ContentLength"))]


def test_a_client_that_disconnects_ends_its_process_and_its_slot_is_free(tmp_path: Path) -> None:
    settings = {**STREAMING, "max_inflight": "1"}
    with watchdog(tmp_path, fprocess="sleep 60", **settings) as running:
        with socket.create_connection(("127.0.0.1", running.port())) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
            pid = running.events("process.started")[0][3]["pid"]
            assert running.call("GET", "/_/ready").status == 429
        eventually(lambda: not psutil.pid_exists(pid))
        eventually(lambda: running.call("GET", "/_/ready").status == 200)


def test_stopping_waits_for_the_end_of_a_stream(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    function = script(tmp_path, 'echo begun; exec cat "$TMPDIR/gate"')
    with (
        watchdog(tmp_path, fprocess=function, **STREAMING) as running,
        running.open() as answer,
    ):
        running.terminate()
        running.logged("draining: 1 requests")
        (tmp_path / "gate").write_text("end")
        assert answer.read() == b"begun\nend"
        assert running.ended() == 0
