"""A real watchdog process in mode classic, called over real sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from eventually import eventually
from watchdogs import DEADLINE, group_members, script, watchdog

BIG = os.urandom(1024 * 1024) * 8


@pytest.fixture
def gated(tmp_path: Path) -> str:
    """A function that prints what the test writes to a named pipe."""
    for gate in ("one", "two"):
        os.mkfifo(tmp_path / gate)
    return script(tmp_path, 'exec cat "$TMPDIR/$Http_X_Gate"')


ONE, TWO = {"X-Gate": "one"}, {"X-Gate": "two"}


# -- responses


@pytest.mark.row("1.4 Content-Type", "3.1 exit 0")
def test_the_output_is_the_response_with_the_request_s_type_and_the_duration(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat") as running:
        answer = running.call(body=b"hello", headers={"Content-Type": "text/csv"})

    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Content-Length"] == "5"
    assert re.fullmatch(r"\d+\.\d{6}", answer.headers["X-Duration-Seconds"])


@pytest.mark.row("3.1 exit 0")
def test_without_a_type_it_is_detected_and_an_empty_response_has_none(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat") as running:
        assert running.call(body=b"text").headers["Content-Type"] == "text/plain; charset=utf-8"
        assert running.call(body=b"\0\1").headers["Content-Type"] == "application/octet-stream"
        assert running.call().headers["Content-Type"] is None


@pytest.mark.row("3.1 content_type")
def test_the_content_type_setting_replaces_the_request_s_type(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat", content_type="image/png") as running:
        answer = running.call(body=b"x", headers={"Content-Type": "text/csv"})

    assert answer.headers["Content-Type"] == "image/png"


@pytest.mark.row("3.1 fprocess")
def test_the_command_is_split_into_arguments_at_blanks(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="echo a  'b c'") as running:
        assert running.call().body == b"a  'b c'\n"


def test_large_bodies_are_received_and_sent_on_one_connection(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat") as running, contextlib.closing(running.connect()) as connection:
        for _ in range(2):
            connection.request("POST", "/", BIG)
            assert connection.getresponse().read() == BIG


def test_a_function_may_ignore_its_input(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="echo fine") as running:
        assert running.call(body=BIG).body == b"fine\n"


@pytest.mark.row("3.1 non-zero")
def test_a_failing_function_is_a_500_with_its_exit_status_and_output(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess=script(tmp_path, "echo oops; echo why >&2; exit 3")) as running:
        answer = running.call()

    assert (answer.status, answer.body) == (500, b"exit status 3\noops\nwhy\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Duration-Seconds"] is None


def test_a_function_ended_by_a_signal_is_a_500_that_names_the_signal(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess=script(tmp_path, "kill -TERM $$")) as running:
        assert running.call().body == b"signal: terminated\n"
        assert running.events("process.exited")[0][3]["code"] == -signal.SIGTERM


def test_a_signal_that_the_watchdog_ignores_still_ends_the_function(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess=script(tmp_path, "kill -INT $$; echo survived")) as running:
        assert running.call().body == b"signal: interrupt\n"


@pytest.mark.row("3.1 cannot start")
def test_a_missing_command_is_a_500_with_go_s_text(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="nosuch --flag") as running:
        answer = running.call(body=BIG)

    assert answer.status == 500
    assert answer.body == b'exec: "nosuch": executable file not found in $PATH\n'


def test_a_file_that_is_not_executable_is_a_500_with_go_s_text(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess=str(tmp_path)) as running:
        answer = running.call()

    assert (answer.status, answer.body) == (500, f"fork/exec {tmp_path}: permission denied\n".encode())


def test_a_nul_byte_in_the_path_is_an_error_not_a_crash(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat") as running:
        assert running.call(path="/%00").body == b"exec: environment variable contains NUL\n"
        assert running.call(body=b"goes on").body == b"goes on"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PROPFIND"])
@pytest.mark.row("3.1 other methods")
def test_other_methods_get_405(tmp_path: Path, method: str) -> None:
    with watchdog(tmp_path, fprocess="cat") as running:
        answer = running.call(method)

    assert (answer.status, answer.body) == (405, b"")


# -- the function's environment


def environment(output: bytes) -> dict[str, str]:
    return dict(line.split("=", 1) for line in output.decode().splitlines())


@pytest.mark.row("3.1 environment")
def test_the_request_and_its_headers_are_environment_variables(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="env", MY_SETTING="kept") as running:
        headers = {"X-Call-Id": "abc", "content-type": "text/csv"}
        answer = running.call("PUT", "/a%20path/?q=%20", b"12345", headers)
        port = running.port()

    seen = environment(answer.body)
    assert seen["MY_SETTING"] == "kept"
    assert seen["fprocess"] == "env"
    assert "lifeline" not in seen
    assert {name: value for name, value in seen.items() if name.startswith("Http_")} == {
        "Http_Method": "PUT",
        "Http_Path": "/a path/",
        "Http_Query": "q=%20",
        "Http_Host": f"127.0.0.1:{port}",
        "Http_X_Call_Id": "abc",
        "Http_Content_Type": "text/csv",
        "Http_ContentLength": "5",
        "Http_Content_Length": "5",
        "Http_Accept_Encoding": "identity",
    }


@pytest.mark.row("3.1 environment")
def test_a_chunked_body_is_complete_and_has_length_minus_one(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess=script(tmp_path, "cat; env")) as running:
        answer = running.call(body=iter([b"one=", b"two\n"]))

    seen = environment(answer.body)
    assert seen["one"] == "two"
    assert (seen["Http_Content_Length"], seen["Http_Transfer_Encoding"]) == ("-1", "chunked")


@pytest.mark.row("3.1 cgi_headers")
def test_with_cgi_headers_false_there_are_no_http_variables(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="env", cgi_headers="false") as running:
        assert b"Http_" not in running.call().body


@pytest.mark.row("3.1 marshal_request")
def test_marshal_request_writes_headers_and_body_as_json(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat", marshal_request="true") as running:
        document = json.loads(running.call(body=b"\0", headers={"x-a": "1"}).body)

    assert document["body"] == {"raw": "AA=="}
    assert document["header"]["X-A"] == ["1"]


# -- timeouts, load, clients that disconnect


@pytest.mark.row("3.1 exec_timeout")
def test_exec_timeout_kills_the_process_and_returns_408(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="sleep 60", exec_timeout="200ms") as running:
        answer = running.call()

        assert (answer.status, answer.body) == (408, b"Killed process.\n")
        assert running.logged("Killing process") == ["Killing process: sleep 60"]
        assert running.events("process.exited")[0][3]["code"] == -signal.SIGKILL


@pytest.mark.row("3.1 exec_timeout")
def test_a_grandchild_that_holds_the_pipe_delays_the_408(tmp_path: Path) -> None:
    with watchdog(
        tmp_path, fprocess=script(tmp_path, "sleep 0.8 & exec sleep 60"), exec_timeout="100ms"
    ) as running:
        begun = time.monotonic()
        answer = running.call()

    assert answer.status == 408
    assert time.monotonic() - begun >= 0.8


@pytest.mark.row("3.1 write_timeout")
def test_a_response_after_write_timeout_is_dropped_and_the_function_is_not_disturbed(tmp_path: Path) -> None:
    with (
        watchdog(
            tmp_path, fprocess=script(tmp_path, "sleep 0.6; echo late"), write_timeout="300ms"
        ) as running,
        contextlib.closing(running.connect()) as connection,
    ):
        begun = time.monotonic()
        connection.request("GET", "/")
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()

        assert time.monotonic() - begun >= 0.6, (
            "like Go's server, it sends nothing before there is a response"
        )
        assert running.events("process.exited")[0][3]["code"] == 0
        assert running.logged("Wrote 5 Bytes")
        assert running.logged("after write_timeout: 300ms")


@pytest.mark.row("3.1 write_timeout")
def test_write_timeout_starts_at_the_head_of_each_request(tmp_path: Path) -> None:
    head = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n"
    with (
        watchdog(tmp_path, fprocess="cat", write_timeout="400ms") as running,
        socket.create_connection(("127.0.0.1", running.port()), DEADLINE) as connection,
    ):
        for _ in range(2):
            connection.sendall(head + b"hi")
            assert connection.recv(4096).endswith(b"\r\n\r\nhi")
            time.sleep(0.3)  # twice that is more than the timeout
        connection.sendall(head + b"h")
        time.sleep(0.5)
        connection.sendall(b"i")

        assert connection.recv(4096) == b""


@pytest.mark.row("3.1 write_timeout")
def test_write_timeout_zero_means_no_limit(tmp_path: Path) -> None:
    settings = {"write_timeout": "0", "healthcheck_interval": "0"}
    with watchdog(tmp_path, fprocess=script(tmp_path, "sleep 0.2; echo here"), **settings) as running:
        assert running.call().body == b"here\n"


@pytest.mark.row("3.1 max_inflight")
def test_requests_above_max_inflight_get_429(tmp_path: Path, gated: str) -> None:
    with (
        watchdog(tmp_path, fprocess=gated, max_inflight="1") as running,
        ThreadPoolExecutor() as pool,
    ):
        first = pool.submit(running.call, headers=ONE)
        running.events("process.started")

        refused = running.call(headers=TWO)
        (tmp_path / "one").write_text("first")

        assert refused.status == 429
        assert refused.body == b"Concurrent request limit exceeded. Max concurrent requests: 1\n"
        assert refused.headers["Content-Type"] == "text/plain"
        assert refused.headers["X-OpenFaaS-Internal"] == "faas-middleware"
        assert first.result(DEADLINE).body == b"first"
        second = pool.submit(running.call, headers=TWO)
        (tmp_path / "two").write_text("second")
        assert second.result(DEADLINE).body == b"second"


def test_a_client_that_disconnects_ends_its_process(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="sleep 60") as running:
        with contextlib.closing(running.connect()) as connection:
            connection.request("POST", "/", headers={"X-Call-Id": "gone"})
            ((_, _, _, started),) = running.events("process.started")
        ((_, _, call_id, exited),) = running.events("process.exited")

        assert (call_id, exited) == ("gone", {"pid": started["pid"], "code": -signal.SIGKILL})
        assert not psutil.pid_exists(started["pid"])
        assert running.call("GET", "/_/health").status == 200


def test_hundreds_of_calls_leave_no_zombie_and_no_descriptor(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat") as running, ThreadPoolExecutor(16) as pool:
        running.call()
        process = psutil.Process(running.pid)
        eventually(lambda: len(process.net_connections()) == 2)  # the two that it listens on
        before = process.num_fds()

        answers = list(pool.map(lambda number: running.call(body=str(number)).body, range(300)))

        assert answers == [str(number).encode() for number in range(300)]
        assert process.children() == []
        eventually(lambda: process.num_fds() == before)


# -- log and events


@pytest.mark.row("3.1 log")
def test_the_log_has_the_lines_of_openfaas(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat") as running:
        running.call(body=b"hello")
        running.logged("Wrote")
        running.terminate()
        running.ended()
        lines = running.log.all()

    assert all(re.match(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", line) for line in lines)
    texts = [re.sub(r"\d+\.\d{6}s$", "Ns", line[20:]) for line in lines]
    metrics_port = urlsplit(running.ready()["metrics"]).port
    assert texts == [
        "Version: 0.1.0\tSHA: unknown",
        "Timeouts: read: 30s write: 30s hard: 0s health: 0s.",
        f"Listening on port: {running.port()}",
        f"Metrics listening on port: {metrics_port}",
        f"Writing lock-file to: {tmp_path}/.lock",
        "Forking fprocess.",
        "Wrote 5 Bytes - Duration: Ns",
        "SIGTERM: no new connections in 0s",
        f"Removing lock-file : {tmp_path}/.lock",
        "No new connections allowed, draining: 0 requests",
        "Exiting. Active connections: 0",
    ]


@pytest.mark.row("3.1 combine_output")
def test_combine_output_false_sends_stderr_to_the_log(tmp_path: Path) -> None:
    with watchdog(
        tmp_path, fprocess=script(tmp_path, "echo out; echo err >&2"), combine_output="false"
    ) as running:
        assert running.call().body == b"out\n"
        assert running.logged("stderr") == ["stderr: err"]


@pytest.mark.row("3.1 write_debug")
def test_write_debug_copies_output_query_and_path_to_the_log(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat", write_debug="true") as running:
        running.call(path="/p?q=1", body=b"the output")

        running.log.wait_for(lambda line: line == "the output")
        assert running.logged("Query") == ["Query  q=1"]
        assert running.logged("Path") == ["Path  /p"]
        assert re.fullmatch(r"Duration: \d+\.\d{6}s", running.logged("Duration")[0])


def test_every_process_has_two_event_rows(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess=script(tmp_path, "exit 7")) as running:
        before = time.time_ns()
        running.call(headers={"X-Call-Id": "call-1"})
        (started,) = running.events("process.started")
        (exited,) = running.events("process.exited")

    assert before <= started[0] <= exited[0] <= time.time_ns()
    assert started[1:] == ["process.started", "call-1", {"pid": started[3]["pid"]}]
    assert exited[1:] == ["process.exited", "call-1", {"pid": started[3]["pid"], "code": 7}]


# -- health


@pytest.mark.row("3.1 health")
def test_health_depends_on_the_lock_file(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat") as running:
        answer = running.call("GET", "/_/health")
        assert (answer.status, answer.body) == (200, b"OK")
        assert running.lock.stat().st_mode & 0o777 & ~0o660 == 0
        assert running.call("POST", "/_/health").status == 405

        running.lock.unlink()
        assert running.call("GET", "/_/health").status == 503


@pytest.mark.row("3.1 suppress_lock")
def test_with_suppress_lock_it_is_never_healthy(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat", suppress_lock="true") as running:
        assert running.call("GET", "/_/health").status == 503
        assert running.call(body=b"works").body == b"works"
        assert not running.lock.exists()
        assert running.logged('Warning: "suppress_lock" is enabled')


@pytest.mark.row("3.1 health")
def test_in_mode_classic_the_ready_path_calls_the_function(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="echo ran") as running:
        assert running.call("GET", "/_/ready").body == b"ran\n"


@pytest.mark.parametrize(("present", "code"), [(True, 0), (False, 1)])
@pytest.mark.row("3.1 health")
def test_run_healthcheck_checks_the_lock_file_and_exits(tmp_path: Path, present: bool, code: int) -> None:
    if present:
        (tmp_path / ".lock").touch()

    result = subprocess.run(
        [sys.executable, "-m", "labkit_services.watchdog", "--run-healthcheck"],
        cwd=Path(__file__).parents[2],
        env={"TMPDIR": str(tmp_path)},
        capture_output=True,
        timeout=DEADLINE,
    )

    assert (result.returncode, result.stdout) == (code, b"")
    assert result.stderr == (b"" if present else b"unable to find lock file.\n")


# -- stopping


@pytest.mark.row("3.1 SIGTERM")
def test_after_sigterm_it_is_unhealthy_then_drains_then_exits_with_zero(tmp_path: Path, gated: str) -> None:
    with (
        watchdog(tmp_path, fprocess=gated, healthcheck_interval="1") as running,
        ThreadPoolExecutor() as pool,
    ):
        in_flight = pool.submit(running.call, headers=ONE)
        running.events("process.started")
        running.terminate()
        running.logged("Removing lock-file")

        assert running.call("GET", "/_/health").status == 503
        assert not running.lock.exists()
        late = pool.submit(running.call, headers=TWO)  # still accepted: its sender has not noticed yet
        running.events("process.started", count=2)
        assert running.logged("draining") == ["No new connections allowed, draining: 2 requests"]
        (tmp_path / "one").write_text("early")
        (tmp_path / "two").write_text("late")

        assert in_flight.result(DEADLINE).body == b"early"
        assert late.result(DEADLINE).body == b"late"
        assert running.ended() == 0
        with pytest.raises(ConnectionRefusedError):
            running.call()


@pytest.mark.row("3.1 SIGTERM")
def test_requests_that_outlast_write_timeout_after_sigterm_are_killed(tmp_path: Path) -> None:
    with (
        watchdog(tmp_path, fprocess="sleep 60", write_timeout="200ms") as running,
        ThreadPoolExecutor() as pool,
    ):
        cut = pool.submit(running.call)
        running.events("process.started")
        running.terminate()

        assert running.ended() == 0
        assert isinstance(cut.exception(DEADLINE), ConnectionError)
        assert running.events("process.exited")[0][3]["code"] == -signal.SIGKILL


def test_sigterm_ends_background_processes_of_functions(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess=script(tmp_path, "sleep 60 >/dev/null 2>&1 & echo $!")) as running:
        left_behind = int(running.call().body)
        assert os.getpgid(left_behind) == running.pid
        running.terminate()

        assert running.ended() == 0
        eventually(lambda: left_behind not in group_members(running.pid))


def test_the_end_of_the_lifeline_kills_the_whole_process_group(tmp_path: Path) -> None:
    with (
        watchdog(tmp_path, fprocess=script(tmp_path, "sleep 60 & sleep 60")) as running,
        contextlib.closing(running.connect()) as connection,
    ):
        connection.request("POST", "/")
        running.events("process.started")
        eventually(lambda: len(group_members(running.pid)) == 4)  # watchdog, shell, two sleeps
        running.hang_up()

        assert running.ended() == -signal.SIGKILL
        eventually(lambda: not group_members(running.pid))


def test_sigint_is_ignored(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat") as running:
        running.port()
        os.kill(running.pid, signal.SIGINT)

        assert running.call(body=b"still here").body == b"still here"


# -- failed starts


@pytest.fixture
def used_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.row("3.1 fprocess")
def test_without_fprocess_it_logs_the_error_and_exits_with_one(tmp_path: Path) -> None:
    with watchdog(tmp_path) as running:
        assert running.ended() == 1
        assert running.rows.all() == []
        assert running.logged("Provide a valid process via fprocess environmental variable.")


def test_the_error_names_a_port_in_use(tmp_path: Path, used_port: int) -> None:
    with watchdog(tmp_path, fprocess="cat", port=str(used_port)) as running:
        assert running.ended() == 1
        assert running.rows.all() == []
        assert str(used_port) in running.logged("Error ListenAndServe")[0]


def test_the_error_names_a_missing_folder_for_the_lock_file(tmp_path: Path) -> None:
    with watchdog(tmp_path / "missing", fprocess="cat") as running:
        assert running.ended() == 1
        assert running.rows.all() == []
        assert "suppress_lock=true" in running.logged("Cannot write")[0]


@pytest.mark.parametrize("lines", ["", "Host: a\r\nHost: b\r\n"])
def test_a_missing_or_doubled_host_is_refused(tmp_path: Path, lines: str) -> None:
    with (
        watchdog(tmp_path, fprocess="cat") as running,
        socket.create_connection(("127.0.0.1", running.port()), 10) as client,
    ):
        client.sendall(f"GET / HTTP/1.1\r\n{lines}\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")
