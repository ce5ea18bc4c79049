"""An HTTP server that requests are forwarded and replayed to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class EchoTarget:
    """A running target; ``requests`` are (method, path, headers, body)."""

    url: str
    port: int
    requests: list[tuple[str, str, list[tuple[str, str]], bytes]] = field(default_factory=list)

    def header(self, name: str) -> list[str]:
        """Return the values of a header of the newest request."""
        return [value for key, value in self.requests[-1][2] if key.lower() == name.lower()]


@contextmanager
def echo_target(host: str = "127.0.0.1") -> Iterator[EchoTarget]:
    """Run a server; the path chooses its response, 201 with the body if not."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.requests.append((self.command, self.path, list(self.headers.items()), body))
            status, headers = 201, {"X-Echo": "yes", "Content-Type": "text/x-echo"}
            if self.path.startswith("/redirect"):
                status, headers = 302, {"Location": "http://192.0.2.1/elsewhere"}
            elif self.path.startswith("/cookies"):
                headers |= {"Set-Cookie": "labkit_inspector_1=stolen", "Clear-Site-Data": '"*"'}
            elif self.path.startswith("/large"):
                body = b"x" * 1_500_000
            elif self.path.startswith("/slow"):
                time.sleep(1)
            elif self.path.startswith("/broken"):
                self.close_connection = True
                return
            elif self.path.startswith("/json"):
                body = json.dumps({"count": len(found.requests), "same": 1}).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "FOO"):
        setattr(Handler, f"do_{method}", Handler.answer)
    with ThreadingHTTPServer((host, 0), Handler) as server:
        found = EchoTarget(f"http://{host}:{server.server_port}", server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()
