"""HTTP for the functions of well-known images: one handler for each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote, urlsplit


class IncomingRequest(NamedTuple):
    """A request; ``path`` is decoded, ``headers`` ignore case."""

    method: str
    path: str
    headers: Message
    body: bytes


class FunctionReply(NamedTuple):
    """A response; text is sent with Go's type for it."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = {}


class FunctionServer(ThreadingHTTPServer):
    """Accepts as many connections as the watchdog opens."""

    daemon_threads = True
    request_queue_size = 1024


def log(text: str) -> None:
    """Print a line like Go's package log, on standard error."""
    sys.stderr.write(f"{datetime.now():%Y/%m/%d %H:%M:%S} {text}\n")


def serve(handle: Callable[[IncomingRequest], FunctionReply]) -> None:
    """Respond to every request with what ``handle`` returns."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 64 * 1024  # head and body in one packet
        disable_nagle_algorithm = True

        def _respond(self) -> None:
            request = IncomingRequest(
                self.command, unquote(urlsplit(self.path).path), self.headers, self._body()
            )
            response = handle(request)
            body = response.body.encode()
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            if body and "Content-Type" not in response.headers:
                self.send_header("Content-Type", "text/plain; charset=utf-8")
            if empty := response.status in (204, 304) or response.status < 200:
                body = b""
            else:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD" and not empty:
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _respond  # noqa: N815

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

    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    port = urlsplit(os.environ["upstream_url"]).port or 0  # noqa: SIM112 - OpenFaaS's name
    FunctionServer(("127.0.0.1", port), Handler).serve_forever()
