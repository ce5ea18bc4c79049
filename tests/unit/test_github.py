"""Deliveries as GitHub makes them."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from labkit.teaching.github import GitHub

SECRET = "It's a Secret to Everybody"


class Receiver(BaseHTTPRequestHandler):
    requests: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.append((dict(self.headers.items()), body))
        if self.path == "/slow":
            time.sleep(0.5)
        self.send_response(401 if self.path == "/refused" else 202)
        self.send_header("X-Call-Id", "1234")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    Receiver.requests.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_delivery_has_github_s_headers_and_a_signature_of_the_exact_body(address: str) -> None:
    github = GitHub(address, secret=SECRET)

    made = github.deliver("ok", {"zen": "Ça va?"})

    (headers, body) = Receiver.requests[0]
    assert body == '{"zen":"Ça va?"}'.encode() == made.body
    expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == expected
    assert (headers["X-GitHub-Event"], headers["X-GitHub-Delivery"]) == ("push", made.id)
    assert (made.status, made.succeeded, made.call_id, made.is_again) == (202, True, "1234", False)
    assert repr(made) == f"delivered  202  {made.seconds:.2f} s  {made.id[:8]}…"


def test_a_redelivery_is_the_same_request(address: str) -> None:
    github = GitHub(address, secret=SECRET)

    again = github.redeliver(github.deliver("ok", {"a": 1}))

    first, second = Receiver.requests
    assert first == second
    assert again.is_again
    assert "again" in repr(again)
    assert [each.id for each in github.deliveries] == [again.id] * 2


def test_without_a_secret_nothing_is_signed(address: str) -> None:
    GitHub(address).deliver("ok", {})

    assert "X-Hub-Signature-256" not in Receiver.requests[0][0]


def test_a_late_answer_a_refusal_and_no_receiver_are_failed_deliveries(address: str) -> None:
    late = GitHub(address, limit=0.1).deliver("slow", {})
    refused = GitHub(address).deliver("refused", {})
    alone = GitHub("http://127.0.0.1:1").deliver("ok", {})

    assert [(made.succeeded, made.status) for made in (late, refused, alone)] == [
        (False, None),
        (False, 401),
        (False, None),
    ]
    assert late.seconds < 0.45
    assert "failed     no answer" in repr(late)
