"""Serve ``handle(event, context)`` of ``function/handler.py`` over HTTP.

It uses only the standard library. One process serves all requests, with a thread for each connection.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Event:
    """A request.

    Attributes:
        body: As bytes.
        headers: Names ignore case: ``event.headers.get("X-Call-Id")``.
        method: ``GET``, ``POST`` …
        query: First value of each name.
        path: Decoded, without the query.
    """

    body: bytes
    headers: Mapping[str, str]
    method: str
    query: Mapping[str, str]
    path: str


@dataclass(frozen=True)
class Context:
    """Where the function runs."""

    hostname: str


@dataclass(frozen=True)
class Response:
    """The response to a request."""

    status: int
    headers: dict[str, str]
    body: bytes


def response_of(result: Any) -> Response:
    """Return the response that a handler's result describes.

    A dict may have ``statusCode``, ``headers`` and ``body``; a tuple is (body,
    status), (body, headers) or (body, status, headers); anything else is the body.

    Raises:
        TypeError: The status or a header is invalid.
    """
    status, headers, body = 200, {}, result
    if isinstance(result, dict):
        status, headers, body = result.get("statusCode", 200), result.get("headers"), result.get("body")
    elif isinstance(result, tuple):
        body, *rest = result
        for value in rest:
            if isinstance(value, dict):
                headers = value
            else:
                status = value
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise TypeError(f"the status is {status!r}, not a number from 200 to 999")
    headers = {str(name): str(value) for name, value in (headers or {}).items()}
    if any("\r" in text or "\n" in text for pair in headers.items() for text in pair):
        raise TypeError("a header must not contain a line break")
    data, content_type = _encoded(body)
    if data and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = content_type
    return Response(status, headers, data)


def _encoded(body: Any) -> tuple[bytes, str]:
    if body is None:
        return b"", ""
    if isinstance(body, bytes | bytearray):
        return bytes(body), "application/octet-stream"
    if isinstance(body, dict | list):
        return json.dumps(body).encode(), "application/json"
    return str(body).encode(), _TEXT


class Server(ThreadingHTTPServer):
    """Accepts as many connections as the watchdog opens."""

    daemon_threads = True
    request_queue_size = 1024


class Handler(BaseHTTPRequestHandler):
    """Calls the function for each request."""

    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024  # head and body in one packet
    disable_nagle_algorithm = True
    handle_event: Callable[[Event, Context], Any]
    context = Context(os.environ.get("HOSTNAME", "localhost"))

    def _serve(self) -> None:
        try:
            response = response_of(type(self).handle_event(self._event(), self.context))
        except Exception as error:
            traceback.print_exc()  # for the function's log; the caller gets one line
            reason = str(error).partition("\n")[0]
            line = f"{type(error).__name__}: {reason}\n"
            response = Response(500, {"Content-Type": _TEXT}, line.encode("utf-8", "replace"))
        self.send_response(response.status)
        for name, value in response.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        if response.status not in (204, 304):
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD" and response.status not in (204, 304):
            self.wfile.write(response.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _event(self) -> Event:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        return Event(self._body(), self.headers, self.command, query, unquote(url.path))

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue  # trailers, up to the empty line
        return b"".join(parts)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing: the watchdog logs each request."""


def main() -> None:
    """Serve until the watchdog ends this process."""
    # A handler's output must be in the log at once, not only when a buffer is full.
    sys.stdout.reconfigure(line_buffering=True)
    sys.dont_write_bytecode = True
    # Waiting threads cost little, but by default each counts 8 MiB towards a memory limit.
    threading.stack_size(1024 * 1024)
    from function import handler

    Handler.handle_event = staticmethod(handler.handle)
    port = urlsplit(os.environ["upstream_url"]).port or 5000  # noqa: SIM112 - OpenFaaS's name
    Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
