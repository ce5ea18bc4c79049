"""Mode http: one process that serves all requests, behind a real watchdog."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest
from eventually import eventually
from watchdogs import RunningWatchdog, watchdog

HTTP = {"mode": "http", "upstream_port": "any", "max_inflight": "0"}

SERVER = """\
import http.server, os, signal, sys, threading, time, urllib.parse

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path == "/echo":
            self.reply(int(self.headers.get("X-Status") or 200), body)
        elif url.path == "/who":
            self.reply(200, f"{os.getpid()} {self.command} {self.path} {os.environ.get('port')}".encode())
        elif url.path == "/slow":
            time.sleep(60)
        elif url.path == "/drip":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one", b"two"):
                self.wfile.write(b"%x\\r\\n%b\\r\\n" % (len(part), part))
                self.wfile.flush()
                open(os.environ["TMPDIR"] + "/gate").read()
            self.wfile.write(b"0\\r\\n\\r\\n")
        elif url.path == "/exit":
            os._exit(int(url.query))
        elif url.path == "/say":
            print("out", flush=True)
            print("err", file=sys.stderr, flush=True)
            self.reply(200, b"")
        else:
            self.reply(404, b"")

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/x-test")
        self.send_header("X-Many", "1")
        self.send_header("X-Many", "2")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = answer

    def log_message(self, *_):
        pass

port = urllib.parse.urlsplit(os.environ["upstream_url"]).port
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def server(tmp_path: Path) -> str:
    (tmp_path / "server.py").write_text(SERVER)
    return f"python3 {tmp_path}/server.py"


@pytest.mark.row("3.2 http")
def test_the_response_has_the_function_s_status_headers_and_body(tmp_path: Path, server: str) -> None:
    with watchdog(tmp_path, fprocess=server, **HTTP) as running:
        answer = running.call("POST", "/echo?a=b", b"hello", {"X-Status": "302", "X-Call-Id": "one"})
        big = os.urandom(3_000_000)
        echoed = running.call("PUT", "/echo", big)
        head = running.call("HEAD", "/who")
        started = [row for row in running.events("process.started", 4) if row[2] == "one"]
        exited = [row for row in running.events("process.exited", 3) if row[2] == "one"]

    assert (answer.status, answer.body) == (302, b"hello")
    assert answer.headers["Content-Type"] == "text/x-test"
    assert answer.headers.get_all("X-Many") == ["1", "2"]
    assert float(answer.headers["X-Duration-Seconds"]) > 0
    assert echoed.body == big
    assert head.status == 200
    assert head.body == b""
    assert len(started) == len(exited) == 1
    assert started[0][0] <= exited[0][0]
    assert exited[0][3]["code"] == 0


def test_one_process_serves_all_requests_on_the_given_port(tmp_path: Path, server: str) -> None:
    with watchdog(tmp_path, fprocess=server, **HTTP) as running:
        first, second = (running.call("GET", "/who?x=1").body.decode().split() for _ in range(2))
        life = running.events("process.started")[0]

    assert first[0] == second[0] == str(life[3]["pid"])
    assert first[1:3] == ["GET", "/who?x=1"]
    assert int(first[3]) > 0


def test_a_given_upstream_url_is_used_and_function_process_replaces_fprocess(
    tmp_path: Path, server: str
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"mode": "http", "http_upstream_url": f"http://127.0.0.1:{port}/", "fprocess": "false"}
    with watchdog(tmp_path, function_process=server, **settings) as running:
        assert running.call("GET", "/who").status == 200


def test_parts_are_forwarded_as_they_arrive(tmp_path: Path, server: str) -> None:
    os.mkfifo(tmp_path / "gate")
    with (
        watchdog(tmp_path, fprocess=server, **HTTP) as running,
        running.open("/drip") as answer,
    ):
        parts = [answer.read1(100)]
        (tmp_path / "gate").write_text("")
        parts.append(answer.read1(100))
        (tmp_path / "gate").write_text("")
        assert parts == [b"one", b"two"]
        assert answer.read() == b""


@pytest.mark.parametrize(
    ("setting", "header"), [("300ms", {}), ("30s", {"X-Timeout": "300ms"})], ids=["setting", "header"]
)
@pytest.mark.row("3.2 http")
def test_a_response_after_exec_timeout_is_a_504_and_the_process_lives_on(
    tmp_path: Path, server: str, setting: str, header: dict[str, str]
) -> None:
    with watchdog(tmp_path, fprocess=server, exec_timeout=setting, **HTTP) as running:
        answer = running.call("GET", "/slow", headers={"X-Call-Id": "slow", **header})
        exited = running.events("process.exited")[0]
        assert running.call("GET", "/who").status == 200

    assert answer.status == 504
    assert answer.headers["X-OpenFaaS-Internal"] == "of-watchdog"
    assert exited[2:] == ["slow", {"pid": exited[3]["pid"], "code": 1}]


@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.row("3.2 http")
def test_a_process_that_exits_fails_its_call_and_ends_the_watchdog(
    tmp_path: Path, server: str, code: int
) -> None:
    with watchdog(tmp_path, fprocess=server, **HTTP) as running:
        answer = running.call("GET", f"/exit?{code}")
        assert running.ended() == 1
        assert running.logged(f"Forked function has terminated: exit status {code}")

    assert answer.status == 500
    assert answer.headers["X-OpenFaaS-Internal"] == "of-watchdog"


@pytest.mark.parametrize("command", ["sh -c exit", "no-such-program", "sleep 0.05"])
def test_a_process_that_does_not_start_ends_the_watchdog_with_the_cause(tmp_path: Path, command: str) -> None:
    with watchdog(tmp_path, fprocess=command, **HTTP) as running:
        assert running.ended() == 1
        assert not any("ready" in line for line in running.rows.all())
        cause = "executable file not found" if command == "no-such-program" else "has terminated"
        assert running.logged(cause)


def child_of(running: RunningWatchdog) -> psutil.Process:
    return psutil.Process(running.events("process.started")[0][3]["pid"])


def test_sigterm_also_ends_a_process_that_ignores_it(tmp_path: Path, server: str) -> None:
    (tmp_path / "server.py").write_text(
        SERVER.replace("port =", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nport =")
    )
    with watchdog(tmp_path, fprocess=server, **HTTP) as running:
        running.port()
        child = child_of(running)
        running.terminate()
        assert running.ended() == 0
        eventually(lambda: not child.is_running())


def test_a_killed_process_ends_the_watchdog(tmp_path: Path, server: str) -> None:
    with watchdog(tmp_path, fprocess=server, **HTTP) as running:
        running.port()
        child_of(running).send_signal(signal.SIGKILL)
        assert running.ended() == 1
        assert running.logged("Forked function has terminated: signal: killed")


def test_the_process_s_output_is_the_function_s_log(tmp_path: Path, server: str) -> None:
    with watchdog(tmp_path, fprocess=server, **HTTP) as running:
        running.call("GET", "/say")
        assert running.logged("stdout: out") == ["stdout: out"]
        assert running.logged("stderr: err") == ["stderr: err"]
        assert running.logged("GET /say - 200 OK - ContentLength: 0B")
    with watchdog(tmp_path, fprocess=server, prefix_logs="false", **HTTP) as running:
        running.call("GET", "/say")
        assert running.log.wait_for(lambda line: line == "out")


@pytest.mark.row("3.2 ready")
def test_the_ready_path_asks_the_process_and_respects_max_inflight(tmp_path: Path, server: str) -> None:
    settings = {**HTTP, "max_inflight": "1"}
    with watchdog(tmp_path, fprocess=server, ready_path="/who", **settings) as running:
        assert running.call("GET", "/_/ready").status == 200
        assert running.call("POST", "/_/ready").status == 405
        with contextlib.closing(running.connect()) as busy:
            busy.request("GET", "/slow")
            eventually(lambda: running.call("GET", "/_/ready").status == 429)
        eventually(lambda: running.call("GET", "/_/ready").status == 200)
    with watchdog(tmp_path, fprocess=server, ready_path="/nothing", **HTTP) as running:
        assert running.call("GET", "/_/ready").status == 503
        assert running.call("GET", "/_/health").status == 200
