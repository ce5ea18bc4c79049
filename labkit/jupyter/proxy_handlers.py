"""Handlers of Jupyter's server for the lab's page and gateway.

They are jupyter-server-proxy's, with some differences: the lab is that of the
server's folder, whatever folder the server was started in; while no lab runs
there is a page that waits for one; a stream ends with its reader; and looking
at the page does not keep a server alive that a Hub or Binder would stop as
idle.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyter_server_proxy.config import ServerProcess
from jupyter_server_proxy.handlers import NamedLocalProxyHandler
from tornado import web

from labkit.errors import NoLabError
from labkit.jupyter.event_stream import relay_events
from labkit.owner_sockets import OwnerSockets
from labkit.service_names import GATEWAY, INSPECTOR
from labkit.workspace import Workspace
from labkit_services import web as shared_web
from labkit_services.contract.errors import LabError, UnsafePathError
from labkit_services.contract.names import JUPYTER_GATEWAY, JUPYTER_PAGE
from labkit_services.web.html_page import HtmlPage

_WORDS = Path(shared_web.__file__).with_name("words")
_KEYS = ("title", "cell", "retry")
_RETRY_SECONDS = 1
_WAITING = "Labkit-Waiting"
_waiting = HtmlPage(Path(__file__).with_name("waiting.html"))


class LabProxyHandler(NamedLocalProxyHandler):  # type: ignore[misc]  # it has no types
    """Proxies to one service of the lab of the server's folder."""

    def initialize(self, name: str, service: str) -> None:
        """Set what jupyter-server-proxy reads; tornado calls it."""
        self.name = self.proxy_base = name
        self.update_last_activity = _is_activity
        self._service = service
        self._sockets: OwnerSockets | None = None
        self._has_lab = True
        self._stream: asyncio.Task[None] | None = None

    @property
    def unix_socket(self) -> str:
        """Path of the service's socket."""
        assert self._sockets is not None
        return self._sockets.path(self._service)

    async def get(self, *path: str) -> None:
        """Respond as without ``Upgrade``: the lab has no WebSockets."""
        self.request.headers.pop("Upgrade", None)
        await super().get(*path)

    def proxy_request_options(self) -> dict[str, Any]:
        """Return options of the request to the service."""
        # A PATCH or OPTIONS may have no body, a DELETE may have one.
        return {**super().proxy_request_options(), "allow_nonstandard_methods": True}

    async def proxy(self, port: int, path: str) -> None:
        """Proxy the request, or say that no lab runs."""
        try:
            self._sockets = OwnerSockets.of(Workspace.of_folder(self.serverapp.root_dir))
            if not self._sockets.listens(self._service):
                self._show_no_lab()
                return
        except UnsafePathError as error:
            self._show_no_lab(error)
            return
        try:
            if self.request.headers.get("Accept") == "text/event-stream":
                await self._relay_events(path)
            else:
                await super().proxy(port, path)
        except (web.HTTPError, OSError):
            # The service has ended in the middle, or it takes too long.
            if self._sockets.listens(self._service):
                raise
            self._show_no_lab()

    async def _relay_events(self, path: str) -> None:
        url = urlsplit(self.get_client_uri("http", "localhost", 0, path))
        target = url._replace(scheme="", netloc="").geturl()
        headers = list(self.proxy_request_headers().get_all())
        relay = relay_events(self, self.unix_socket, target, headers)
        self._stream = asyncio.create_task(relay, name="event stream")
        await asyncio.wait([self._stream])
        if not self._stream.cancelled():
            self._stream.result()

    def on_connection_close(self) -> None:
        """End the stream of a browser that has left; tornado calls it."""
        if self._stream is not None:
            self._stream.cancel()
        super().on_connection_close()

    def _show_no_lab(self, error: UnsafePathError | None = None) -> None:
        self._has_lab = False
        if self.request.headers.get(_WAITING) and error is None:
            self.set_status(204)  # the waiting page asks
            self.finish()
            return
        self.set_status(503)
        self.clear_header("Content-Security-Policy")  # the page has a stricter one
        self.set_header("Retry-After", str(_RETRY_SECONDS))
        if "text/html" in self.request.headers.get("Accept", ""):
            response = _waiting.response(503, framed_by_any=False, problem=str(error or ""), **_texts())
            for name, value in response.headers:
                self.set_header(name, value)
            self.finish(response.body)
            return
        shown: LabError = error or NoLabError(
            "no lab runs in the folder of this Jupyter server",
            expected="a lab, which the first cell of a notebook starts",
            seen=f"nothing listens for the {self._service}",
            next_step="run the first cell of a notebook, or: labkit up",
        )
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(shown.to_json()))

    def _log(self) -> None:
        # Jupyter would log each 503, one a second, with all headers.
        if self._has_lab:
            super()._log()


def _texts() -> dict[str, str]:
    texts: dict[str, str] = {}
    for language in ("en", "zh"):
        words = json.loads((_WORDS / f"{language}.json").read_text("utf-8"))
        texts |= {f"{language}.{key}": words[f"links.waiting.{key}"] for key in _KEYS}
    return texts


def _is_activity(handler: Any) -> bool:
    """Return whether a request is a learner's doing, not a page's polling."""
    return handler.request.method not in ("GET", "HEAD")


class LabService(ServerProcess):  # type: ignore[misc]
    """A service of the lab, as jupyter-server-proxy's configuration has it.

    It has no tile: the entry point of the same name (``proxy.py``) does.
    """

    def __init__(self, name: str, service: str) -> None:
        super().__init__(name=name, launcher_entry={"enabled": False})
        self._service = service

    def make_proxy_handler(self) -> tuple[type[LabProxyHandler], dict[str, str]]:
        """Return what tornado creates for each request."""
        return LabProxyHandler, {"name": self.name, "service": self._service}


def lab_services() -> dict[str, LabService]:
    """Return the values for ``ServerProxy.servers``."""
    services = ((JUPYTER_PAGE, INSPECTOR), (JUPYTER_GATEWAY, GATEWAY))
    return {name: LabService(name, service) for name, service in services}
