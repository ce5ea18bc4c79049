"""Serves the timeline's modules and a plain page around them to a browser."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from chromium import BrowserTab, Chromium

WEB = Path(__file__).parents[2] / "services/labkit_services/web"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"
_PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Timeline</title>
<meta name="color-scheme" content="light dark"><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="timeline/timeline.css"><link rel="stylesheet" href="flow/flow.css">
<link rel="stylesheet" href="gauge/gauge.css"><link rel="stylesheet" href="page.css">
<script type="module" src="page.js"></script>
<main><h1>Timeline</h1><div id="flow"></div><div id="root"></div></main>"""
_PLAIN = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Module</title>
<meta name="color-scheme" content="light dark"><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="page.css"><main><h1>Module</h1><div id="root"></div></main>"""
_STYLE = b"""html { color-scheme: light dark; background: light-dark(#fff, #14171b); }
body { margin: 12px; } h1 { font: 600 14px system-ui; margin: 0 0 8px; color: light-dark(#000, #fff); }"""
_SCRIPT = Path(__file__).with_name("timeline_page.js")
_OWN = {
    "/": ("text/html", _PAGE),
    "/plain": ("text/html", _PLAIN),
    "/page.css": ("text/css", _STYLE),
    "/page.js": ("text/javascript", _SCRIPT.read_bytes()),
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind, content = _OWN.get(self.path, ("", b""))
        file = WEB / self.path.lstrip("/")
        if not kind and file.suffix in _TYPES and file.is_file():
            kind, content = _TYPES[file.suffix], file.read_bytes()
        self.send_response(200 if kind else 404)
        self.send_header("Content-Type", kind or "text/plain")
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextlib.contextmanager
def timeline_server() -> Iterator[str]:
    """Serve for a ``with`` block, and give the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def module_page(browser: Chromium, server: str, path: str, *also: str) -> Iterator[BrowserTab]:
    """Open a page of the server; nothing on it may fail, or reach for another one.

    Addresses that begin with one of ``also`` are allowed, too.
    """
    page = browser.open(f"{server}{path}")
    yield page
    page.look()
    assert page.problems == []
    assert all(url.startswith((server, *also)) for url in page.requested)
