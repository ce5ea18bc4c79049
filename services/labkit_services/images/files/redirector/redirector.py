"""redirector: responds with 302 to ``$destination``, for the certifier."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Server(ThreadingHTTPServer):
    """Accepts as many connections as the watchdog opens."""

    daemon_threads = True
    request_queue_size = 1024


class Redirector(BaseHTTPRequestHandler):
    """Responds to every request alike."""

    protocol_version = "HTTP/1.1"

    def _redirect(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(302)
        self.send_header("Location", os.environ.get("destination", "/"))  # noqa: SIM112 - its name
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _redirect  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing: the watchdog logs each request."""


port = urlsplit(os.environ["upstream_url"]).port or 0  # noqa: SIM112 - OpenFaaS's name
Server(("127.0.0.1", port), Redirector).serve_forever()
