"""Serves the inspector's page over calls that a test makes up, with live events."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import timeline_data as data

from labkit_services.call_record.call_index import COUNTED
from labkit_services.web.html_page import HtmlPage

SERVICES = Path(__file__).parents[2] / "services/labkit_services"
PAGE = SERVICES / "inspector/page"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}
_GROUPS = {"running": "in_flight", "delivered": "in_flight"}


@dataclass
class CallsApi:
    """What the server answers; a test changes it."""

    url: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=lambda: list(data.FAULTS))
    now: float = data.NOW
    lines: list[dict[str, Any]] = field(default_factory=list)
    record: dict[str, Any] | None = None
    functions: list[str] = field(default_factory=list)
    gateway: str = "http://127.0.0.1:31112"
    asked: list[str] = field(default_factory=list)
    listeners: list[queue.Queue[str]] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        found = Counter(_GROUPS.get(call["state"], call["state"]) for call in self.calls)
        found["accepted"] = sum(call["mode"] == "async" for call in self.calls)
        found["redelivered"] = sum(call["redeliveries"] > 0 for call in self.calls)
        return {name: found[name] for name in COUNTED}

    def push(self, *calls: dict[str, Any], now: float | None = None) -> None:
        """Tell the page of calls that are new or changed."""
        by_id = {call["callId"]: call for call in self.calls}
        self.calls = list({**by_id, **{call["callId"]: call for call in calls}}.values())
        self.now = now or self.now
        body = json.dumps({"calls": calls, "counts": self.counts(), "now": self.now})
        for listener in self.listeners:
            listener.put(f"event: calls\ndata: {body}\n\n")

    def answer(self, path: str, query: dict[str, list[str]]) -> Any:
        if path == "/api/v1/calls":
            newest = list(reversed(self.calls))
            start = int(query.get("after", ["0"])[0])
            limit = int(query.get("limit", ["100"])[0])
            after = start + limit
            return {
                "calls": newest[start:after],
                "next": str(after) if after < len(newest) else None,
                "total": len(newest),
                "now": self.now,
                "counts": self.counts(),
                "faults": self.faults,
                "dropped": 0,
            }
        if path.startswith("/api/v1/calls/"):
            return self.one(path.rpartition("/")[2], query)
        if path == "/api/v1/functions":
            return {"functions": [{"name": name} for name in self.functions], "gateway_url": self.gateway}
        if path == "/api/v1/record":
            return self.record
        if path == "/api/v1/logs":
            return {"lines": self.lines}
        if path == "/api/v1/services":
            return {"state": "ready", "services": [], "faults": []}
        if path == "/api/v1/queues":
            return {"queues": []}
        return {"bins": []} if path == "/api/v1/bins" else None

    def one(self, call_id: str, query: dict[str, list[str]]) -> Any:
        """Return a call; with ``at``, only the attempts until then."""
        call = next((each for each in self.calls if each["callId"] == call_id), None)
        if call is None or "at" not in query:
            return call
        now = float(query["at"][0])
        attempts = [each for each in call.get("attempts", []) if each["from"] <= now]
        texts = {"reason": f"{len(attempts)} attempts until then.", "next": "Wait."}
        return {**call, "attempts": attempts, "outcome": {"hop": "queue", "code": "no_such_code", **texts}}


class _Handler(BaseHTTPRequestHandler):
    api: CallsApi
    page: HtmlPage

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/":
            response = self.page.response()
            return self._send(
                200,
                response.headers.get("Content-Type"),
                response.body,
                response.headers.get("Content-Security-Policy"),
            )
        if address.path.startswith("/static/"):
            file = SERVICES / address.path.removeprefix("/static/")
            if file.is_file() and file.suffix in _TYPES:
                return self._send(200, _TYPES[file.suffix], file.read_bytes())
        elif address.path.endswith("/events"):
            return self._events(address.path)
        found = self.api.answer(address.path, parse_qs(address.query))
        body = json.dumps(found if found is not None else {"error": "there is no such route"})
        # A record answers 409 for what it does not have.
        is_unrecorded = self.api.record is not None and address.path == "/api/v1/services"
        status = 409 if is_unrecorded else 404 if found is None else 200
        return self._send(status, "application/json", body.encode())

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.api.asked.append(f"POST {self.path} {self.rfile.read(length).decode()}")
        self._send(200, "application/json", b'{"status": 202, "call_id": "c0ffee"}')

    def do_DELETE(self) -> None:
        self.api.asked.append(f"DELETE {self.path}")
        self._send(204, "text/plain", b"")

    def _events(self, path: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        hello = {"now": self.api.now, **({"record": True} if self.api.record else {})}
        self.wfile.write(f"event: hello\ndata: {json.dumps(hello)}\n\n".encode())
        events: queue.Queue[str] = queue.Queue()
        if path == "/api/v1/calls/events":
            self.api.listeners.append(events)
        with contextlib.suppress(OSError):
            while (event := self._next(events)) is not None:
                self.wfile.write(event.encode())

    @staticmethod
    def _next(events: queue.Queue[str]) -> str | None:
        try:
            return events.get(timeout=5)
        except queue.Empty:
            return "event: heartbeat\ndata: {}\n\n"

    def _send(self, status: int, kind: str, content: bytes, policy: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextlib.contextmanager
def calls_server(**fields: Any) -> Iterator[CallsApi]:
    """Serve for a ``with`` block."""
    api = CallsApi(**fields)
    page = HtmlPage(PAGE / "index.html", static=True)
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("_OwnHandler", (_Handler,), {"api": api, "page": page})
    )
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
