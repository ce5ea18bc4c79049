"""Serve ``handle(event, context)`` of ``function/handler.py`` over HTTP.

It uses only the standard library. One process serves all requests, with a thread for each connection.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from answer import TYPE, Response, response_of
from event import Context, Event, Headers, MissingParameterError, Query

_ALLOWED = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


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
        response = self._answer()
        self.send_response(response.status)
        for name, value in response.headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        if response.status not in (204, 304):
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD" and response.status not in (204, 304):
            self.wfile.write(response.body)

    def _answer(self) -> Response:
        event = self._event()
        if event.method == "OPTIONS":  # Flask answers by itself
            return Response(200, [("Allow", _ALLOWED), ("Content-Type", TYPE)], b"")
        try:
            return response_of(type(self).handle_event(event, self.context))
        except MissingParameterError as error:
            return self._failure(400, f"Bad Request: the query has no {error}")
        except Exception as error:
            reason = str(error).partition("\n")[0]
            return self._failure(500, f"{type(error).__name__}: {reason}")

    def _failure(self, status: int, line: str) -> Response:
        """Print the exception to the function's log; the caller gets one line."""
        traceback.print_exc()
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        return Response(status, headers, f"{line}\n".encode("utf-8", "replace"))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _event(self) -> Event:
        url = urlsplit(self.path)
        query = Query(parse_qsl(url.query, keep_blank_values=True))
        return Event(self._body(), Headers(self.headers.items()), self.command, query, unquote(url.path))

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
