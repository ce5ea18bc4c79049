"""Callbacks: retried while the target is down, then dead-lettered."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from asynchronous import accept, letters, new_function, script, settled, status, until_state
from eventually import eventually
from gateways import client
from labs import start_lab
from receiver import receiver

from labkit import Lab
from labkit_services.runtime.held_port import reserve_port


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that retries callbacks soon, with three attempts."""
    settings = {"callback_attempts": "3", "initial_callback_wait": "300ms", "upstream_timeout": "2s"}
    with start_lab(tmp_path_factory.mktemp("callbacks"), environment=settings) as lab:
        yield lab


@pytest.fixture
def http(hasty: Lab) -> Iterator[httpx.Client]:
    with client(hasty) as http:
        yield http


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port without a listener, which no connection gets as its own."""
    port, holder = reserve_port()
    yield port
    if holder is not None:
        holder.close()


def test_a_late_target_gets_the_result_and_the_function_runs_once(
    http: httpx.Client, tmp_path: Path, free_port: int
) -> None:
    runs = tmp_path / "runs"
    function = new_function(http, script(tmp_path, f"echo run >> {runs}; cat\n"))
    call_id = accept(http, function, "result", X_Callback_Url=f"http://127.0.0.1:{free_port}/late")
    eventually(lambda: any(each["error"] for each in status(http, call_id)["callbacks"]))
    assert status(http, call_id)["state"] == "calling back"
    got: list[tuple[str, bytes]] = []

    class Late(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.headers["X-Call-Id"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    with HTTPServer(("127.0.0.1", free_port), Late) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        call = settled(http, call_id)
        server.shutdown()

    assert got == [(call_id, b"result")]
    assert call["state"] == "done"
    assert call["callbacks"][-1]["status"] == 200
    assert runs.read_text() == "run\n"


def test_a_callback_that_fails_every_time_is_dead_lettered_and_can_be_redriven(
    http: httpx.Client,
) -> None:
    with receiver(status=503) as target:
        call_id = accept(http, new_function(http, "cat"), "result", X_Callback_Url=target.url)
        eventually(lambda: bool(letters(http, call_id)))

        assert len(target.requests) == 3
        (letter,) = letters(http, call_id)
        assert (letter["kind"], letter["attempts"], letter["callback"]) == ("callback", 3, target.url)
        assert letter["response"]["body"] == "result"
        call = settled(http, call_id)
        assert (call["state"], len(call["callbacks"])) == ("done", 3)
        assert "503" in call["callbackDeadReason"]

        http.post("/system/queues/faas-request/dead-letters/redrive", json={"callId": call_id})
        target.wait(4)

    assert {each.body for each in target.requests} == {b"result"}
    assert {each.headers["X-Function-Status"] for each in target.requests} == {"200"}


def test_a_redriven_callback_that_fails_again_is_dead_lettered_again(http: httpx.Client) -> None:
    with receiver(status=503) as target:
        call_id = accept(http, new_function(http, "cat"), "result", X_Callback_Url=target.url)
        eventually(lambda: bool(letters(http, call_id)))
        for tries in (6, 9):
            http.post("/system/queues/faas-request/dead-letters/redrive", json={"callId": call_id})
            eventually(lambda: bool(letters(http, call_id)))
            (letter,) = letters(http, call_id)

            assert letter["attempts"] == 3
            assert len(target.requests) == tries
    assert http.delete(f"/system/queues/faas-request/dead-letters/{call_id}").status_code == 200


@pytest.mark.parametrize("url", ["http://gateway:99999/x", "http://[x]/y", "http://127.0.0.1:99999/"])
def test_a_callback_to_an_impossible_url_is_dead_lettered_and_the_function_runs_once(
    http: httpx.Client, tmp_path: Path, url: str
) -> None:
    runs = tmp_path / "runs"
    function = new_function(http, script(tmp_path, f"echo run >> {runs}\n"))
    call_id = accept(http, function, X_Callback_Url=url)

    call = settled(http, call_id)

    assert (call["state"], len(call["attempts"])) == ("done", 1)
    assert runs.read_text() == "run\n"
    assert [letter["kind"] for letter in letters(http, call_id)] == ["callback"]


def test_a_target_that_is_down_delays_no_other_call(http: httpx.Client, free_port: int) -> None:
    dead = accept(http, new_function(http, "cat"), X_Callback_Url=f"http://127.0.0.1:{free_port}/")
    until_state(http, dead, "calling back")

    assert settled(http, accept(http, new_function(http, "cat")), 5)["state"] == "done"


@pytest.mark.parametrize("answer", [200, 302, 400, 404, 410])
@pytest.mark.row("2.4 failed callback")
def test_a_callback_is_done_when_its_target_responds(http: httpx.Client, answer: int) -> None:
    with receiver(status=answer) as target:
        call_id = accept(http, new_function(http, "cat"), X_Callback_Url=target.url)

        assert settled(http, call_id)["state"] == "done"
        assert len(target.requests) == 1
    assert letters(http, call_id) == []


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "/relative", "file:///etc/passwd", "gopher://127.0.0.1:1/"]
)
@pytest.mark.row("2.1 callback that leads nowhere")
def test_a_callback_url_must_be_http(http: httpx.Client, url: str) -> None:
    call_id = accept(http, new_function(http, "cat"), X_Callback_Url=url)

    eventually(lambda: bool(letters(http, call_id)))

    (letter,) = letters(http, call_id)
    assert (letter["kind"], letter["attempts"]) == ("callback", 1)
    assert url in letter["reason"]


def test_a_result_too_large_to_reschedule_is_dead_lettered_and_a_redrive_runs_the_call_again(
    http: httpx.Client,
) -> None:
    with receiver(status=503) as target:
        call_id = accept(http, new_function(http, "head -c 9000000 /dev/zero"), X_Callback_Url=target.url)
        eventually(lambda: bool(letters(http, call_id)))

        assert "9000000 bytes" in letters(http, call_id)[0]["reason"]
        http.post("/system/queues/faas-request/dead-letters/redrive", json={"callId": call_id})
        target.wait(2)

    assert [len(each.body) for each in target.requests] == [9_000_000, 9_000_000]
    assert len(status(http, call_id)["attempts"]) == 2
