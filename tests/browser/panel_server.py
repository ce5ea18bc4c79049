"""A page with the control panel, behind a proxy that may be absent, beside a kernel that may be busy.

The lab's API is reached at ``/user/x/labkit/``, as through jupyter-server-proxy, or by messages, which go
through a real ``Relay``. The topics of the feed are read past both.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from labkit import Lab
from labkit.clients.connections import log_failed_task
from labkit.lab.background_loop import background_loop
from labkit.live.relay import Relay

WEB = Path(__file__).parents[2] / "services/labkit_services/web"
BASE = "/user/x/"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}
_SCRIPT = Path(__file__).with_name("panel_page.js")
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Panel</title>
<link rel="icon" href="data:,">
<meta name="color-scheme" content="light dark"><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/panel/panel.css"><link rel="stylesheet" href="/page.css">
<script id="jupyter-config-data" type="application/json">{config}</script>
<script type="module" src="/page.js"></script><main><h1>Panel</h1><div id="root"></div></main>"""
_STYLE = b"""html { color-scheme: light dark; background: light-dark(#f4f4f4, #14171b); }
body { margin: 12px; } h1 { font: 600 14px system-ui; margin: 0 0 8px; color: light-dark(#000, #fff); }"""
_BYTES_OF_A_PAGE_BEHIND_JUPYTER = b"<!doctype html><title>Jupyter Server</title><h1>404 : Not Found</h1>"


class PanelServer(ThreadingHTTPServer):
    """Serves the page of one lab.

    Attributes:
        has_proxy: Whether the proxy is there.
        kernel_free: Cleared while a cell blocks the kernel.
        proxied: Method and path of what came through the proxy.
        relayed: The same of what came as a message.
    """

    def __init__(self, lab: Lab) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lab = lab
        self.has_proxy = True
        self.kernel_free = threading.Event()
        self.kernel_free.set()
        self.proxied: list[tuple[str, str]] = []
        self.relayed: list[tuple[str, str]] = []
        self.run_id = lab.aio.state.run_id
        self.messages: queue.Queue[dict[str, Any]] = queue.Queue()
        feed = lab.aio.feed
        self.relay = Relay(
            feed.request, self.messages.put, background_loop().loop.call_soon_threadsafe, log_failed_task
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = cast("PanelServer", self.server)
        if self.path.startswith(BASE):
            self._proxy()
        elif self.path.startswith("/feed/"):
            self._forward(self.path.removeprefix("/feed/"))
        elif self.path == "/messages":
            self._send(200, "application/json", json.dumps(self._newest(server)).encode())
        else:
            self._file()

    def do_POST(self) -> None:
        server = cast("PanelServer", self.server)
        if self.path != "/messages":
            self._proxy()
            return
        message = json.loads(self._body())
        self._send(200, "application/json", b"{}")
        server.kernel_free.wait(20)
        if "request" in message:
            server.relayed.append((message["request"]["method"], message["request"]["path"]))
        server.relay.receive(message)

    def do_PUT(self) -> None:
        self._proxy()

    def do_DELETE(self) -> None:
        self._proxy()

    def _newest(self, server: PanelServer) -> list[dict[str, Any]]:
        found = []
        with contextlib.suppress(queue.Empty):
            found.append(server.messages.get(timeout=0.2))
            while True:
                found.append(server.messages.get_nowait())
        return found

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _proxy(self) -> None:
        server = cast("PanelServer", self.server)
        path = self.path.removeprefix(f"{BASE}labkit/")
        if not server.has_proxy or path == self.path:
            self._body()
            self._send(404, "text/html", _BYTES_OF_A_PAGE_BEHIND_JUPYTER)
            return
        server.proxied.append((self.command, path))
        self._forward(path)

    def _forward(self, path: str) -> None:
        state = cast("PanelServer", self.server).lab.aio.state
        connection = http.client.HTTPConnection(urlsplit(state.inspector_url).netloc, timeout=100)
        headers = {"Authorization": f"Bearer {state.inspector_token}"}
        for name in ("Content-Type", "X-Labkit-Run"):
            if value := self.headers.get(name):
                headers[name] = value
        try:
            connection.request(self.command, f"/{path}", self._body(), headers)
            answer = connection.getresponse()
            self._send(answer.status, answer.headers.get("Content-Type", ""), answer.read())
        except OSError as error:
            # As jupyter-server-proxy does while nothing listens.
            self._send(500, "text/plain", f"could not connect: {error}".encode())
        finally:
            connection.close()

    def _file(self) -> None:
        config = json.dumps({"baseUrl": BASE, "run": cast("PanelServer", self.server).run_id})
        own = {
            "/": ("text/html", _PAGE.format(config=config).encode()),
            "/page.css": ("text/css", _STYLE),
            "/page.js": ("text/javascript", _SCRIPT.read_bytes()),
        }
        kind, content = own.get(self.path.partition("?")[0], ("", b""))
        file = WEB / self.path.lstrip("/")
        if not kind and file.suffix in _TYPES and file.is_file():
            kind, content = _TYPES[file.suffix], file.read_bytes()
        self._send(200 if kind else 404, kind or "text/plain", content)

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextlib.contextmanager
def panel_server(lab: Lab) -> Iterator[PanelServer]:
    """Serve for a ``with`` block."""
    server = PanelServer(lab)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.kernel_free.set()
        server.shutdown()
        server.server_close()
        thread.join()
