"""One call must not fill the memory, however much goes through it."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from asynchronous import accept, new_function, settled
from eventually import eventually
from gateways import client
from watchdogs import RunningWatchdog, script, watchdog

from labkit import Lab

MEGABYTE = 1024 * 1024
EXTRA = 64 * MEGABYTE
"""What one call in flight may cost."""
BIG = 300 * MEGABYTE


class Peak:
    """The highest private memory of a process within a block, above the start."""

    def __init__(self, *pids: int) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._start = [self._private(process) for process in self._processes]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.extra = 0

    @staticmethod
    def _private(process: psutil.Process) -> int:
        return int(process.memory_full_info().uss)

    def _watch(self) -> None:
        while not self._ended.wait(0.01):
            for process, start in zip(self._processes, self._start, strict=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    self.extra = max(self.extra, self._private(process) - start)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def blocks(size: int) -> Iterator[bytes]:
    for _ in range(size // MEGABYTE):
        yield b"\0" * MEGABYTE


def drain(answer: http.client.HTTPResponse) -> int:
    total = 0
    while part := answer.read(MEGABYTE):
        total += len(part)
    return total


def warm(running: RunningWatchdog) -> None:
    """Let it load what its first call needs."""
    running.call(body=b"x")


MODES = [{}, {"combine_output": "false"}, {"mode": "serializing"}, {"mode": "streaming"}]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_large_output_is_not_held_in_memory(tmp_path: Path, mode: dict[str, str]) -> None:
    with watchdog(tmp_path, fprocess=script(tmp_path, "cat"), write_timeout="60s", **mode) as running:
        warm(running)
        script(tmp_path, f"head -c {BIG} /dev/zero")  # the same file
        with Peak(running.pid) as peak, running.open() as answer:
            assert answer.status == 200
            assert drain(answer) == BIG
        assert peak.extra < EXTRA


@pytest.mark.parametrize("mode", [*MODES, {"marshal_request": "true"}], ids=str)
def test_a_large_body_is_not_held_in_memory(tmp_path: Path, mode: dict[str, str]) -> None:
    with watchdog(tmp_path, fprocess="wc -c", write_timeout="60s", **mode) as running:
        warm(running)
        with Peak(running.pid) as peak:
            answer = running.call(body=blocks(BIG))
        assert int(answer.body) >= BIG
        assert peak.extra < EXTRA


def test_a_function_that_writes_without_end_is_killed_at_the_limit(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="yes", write_timeout="120s") as running:
        with Peak(running.pid) as peak:
            answer = running.call()
        assert answer.status == 500
        assert b"killed, because it wrote more than 1073741824 bytes" in answer.body
        assert peak.extra < EXTRA
        running.events("process.exited")
        eventually(lambda: open_files(running.pid) == 0)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_when_the_client_of_an_endless_output_has_gone_the_process_and_its_data_go(
    tmp_path: Path, mode: dict[str, str]
) -> None:
    with watchdog(tmp_path, fprocess="yes", write_timeout="60s", **mode) as running:
        with Peak(running.pid) as peak:
            connection = running.connect()
            connection.request("POST", "/")
            running.events("process.started")
            time.sleep(0.3)
            connection.close()
            running.events("process.exited")
        assert peak.extra < EXTRA
        eventually(lambda: open_files(running.pid) == 0)
        assert not psutil.Process(running.pid).children()


def test_an_endless_stderr_is_not_held_in_memory_and_its_ends_are_logged(tmp_path: Path) -> None:
    function = script(tmp_path, "echo first >&2; head -c 50000000 /dev/zero | tr '\\0' x >&2; echo last >&2")
    settings = {"combine_output": "false", "write_timeout": "60s"}
    with watchdog(tmp_path, fprocess=function, **settings) as running:
        with Peak(running.pid) as peak:
            assert running.call().status == 200
        assert peak.extra < EXTRA
        running.log.wait_for(lambda line: line.endswith("stderr: first"))
        running.log.wait_for(lambda line: "bytes dropped" in line)
        running.log.wait_for(lambda line: line.endswith("xlast"))


def test_a_slow_client_of_a_large_output_costs_no_memory(tmp_path: Path) -> None:
    function = script(tmp_path, f"head -c {BIG} /dev/zero")
    with (
        watchdog(tmp_path, fprocess=function, write_timeout="60s") as running,
        Peak(running.pid) as peak,
        running.open() as answer,
    ):
        for _ in range(20):
            assert answer.read(MEGABYTE)
            time.sleep(0.05)
    assert peak.extra < EXTRA


def services(lab: Lab) -> list[int]:
    """Return the lab's Python processes."""
    found = []
    for process in psutil.Process(lab.aio.state.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any("labkit_services" in word for word in process.cmdline()):
                found.append(process.pid)
    return found


@contextlib.contextmanager
def counting_receiver() -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Run a callback target that drops what it receives; yield sizes and functions' statuses."""
    received: list[tuple[int, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            missing = length = int(self.headers["Content-Length"])
            while missing and (part := self.rfile.read(min(missing, MEGABYTE))):
                missing -= len(part)
            received.append((length - missing, self.headers["X-Function-Status"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", received
        server.shutdown()


@pytest.mark.parametrize("size", [8 * MEGABYTE, BIG])
def test_a_large_asynchronous_result_is_held_in_memory_by_no_service(
    lab: Lab, tmp_path: Path, size: int
) -> None:
    command = f"sh {script(tmp_path, f'head -c {size} /dev/zero')}"
    with client(lab) as http, counting_receiver() as (url, received):
        function = new_function(http, command)
        with Peak(*services(lab)) as peak:
            call_id = accept(http, function, X_Callback_Url=url)
            call = settled(http, call_id, within=30)
        assert call["state"] == "done"
        assert received == [(size, "200")]
        assert peak.extra < EXTRA
        result = http.get(f"/async-function/{call_id}/result")
        assert "X-Result-Truncated" in result.headers
        assert len(result.content) < size


def test_an_endless_answer_to_an_asynchronous_call_ends_at_the_limit(lab: Lab) -> None:
    with client(lab) as http:
        once = {"com.openfaas.retry.attempts": "1"}
        settings = {"mode": "streaming", "write_timeout": "120s"}
        function = new_function(http, "yes", once, envVars=settings)
        with Peak(*services(lab)) as peak:
            call = settled(http, accept(http, function), within=30)
        assert call["state"] == "dead"
        assert "more than 1073741824 bytes" in str(call)
        assert peak.extra < EXTRA
        http.delete("/system/functions", params={"functionName": function})


def test_many_large_dead_letters_are_listed_and_redriven_within_bounds(lab: Lab, tmp_path: Path) -> None:
    command = f"sh {script(tmp_path, 'head -c 7000000 /dev/zero; exit 1')}"
    with client(lab) as http:
        function = new_function(http, command, {"com.openfaas.retry.attempts": "1"})
        calls = [accept(http, function) for _ in range(16)]
        for call_id in calls:
            settled(http, call_id, within=30)
        with Peak(*services(lab)) as peak:
            listed = http.get("/system/queues/faas-request/dead-letters", params={"limit": 1000}).json()
            assert {letter["callId"] for letter in listed} >= set(calls)
            answer = http.post("/system/queues/faas-request/dead-letters/redrive", json={})
            assert answer.json()["redriven"] >= len(calls)
            for call_id in calls:
                settled(http, call_id, within=30)
        assert peak.extra < EXTRA
        http.delete("/system/queues/faas-request/dead-letters")


def test_a_synchronous_call_through_the_gateway_is_held_in_memory_by_no_service(
    lab: Lab, tmp_path: Path
) -> None:
    with client(lab) as http:
        function = new_function(http, f"sh {script(tmp_path, f'cat >/dev/null; head -c {BIG} /dev/zero')}")
        peak, call = Peak(*services(lab)), http.stream("POST", f"/function/{function}", content=blocks(BIG))
        with peak, call as answer:
            size = sum(map(len, answer.iter_bytes()))
        assert size == BIG
        assert peak.extra < EXTRA


def open_files(pid: int) -> int:
    """Return how many deleted files a process keeps open."""
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            count += str(link.readlink()).endswith("(deleted)")
    return count
