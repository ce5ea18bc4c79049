"""The edge at the lab owner's Unix socket, where Jupyter's server connects.

Only the owner's processes can open the socket. Jupyter's proxy is one of them:
it lets through only whom Jupyter has logged in, so a request needs neither
token nor password here. What it brings along is Jupyter's own login, which
nothing behind this edge may see, store or log:

* ``Cookie``, ``Authorization``, ``X-XSRFToken`` and the parameter ``token`` of
  the query, with which Jupyter knows its user. A function or a bin gets no
  ``Authorization`` of its own this way; at its loopback address it does.
* ``Referer``, which may contain that token, and the headers in which proxies
  describe the way to here.

Responses share Jupyter's origin. So they change nothing of it: they set no
cookie, delete no site data and give no orders to the proxies before Jupyter.
A function's page runs in a sandbox: its scripts can't use the browser's login
at Jupyter.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

from labkit_services.http import Headers, HttpServer, Request, Response
from labkit_services.http.server_state import Handler
from labkit_services.web.navigation import is_framed, is_navigation
from labkit_services.web.same_origin import OwnOrigin

_DROPPED = re.compile(
    "cookie2?|(proxy-)?authorization|x-xsrftoken|referer|forwarded|via|x-forwarded-.*|x-real-ip|x-scheme"
    "|x-original-.*|x-proxycontextpath|x-request-id|x-jupyterhub-.*|cf-.*|true-client-ip"
)
"""Names of request headers that end here, in lower case."""

_ORIGIN_WIDE = re.compile(
    "set-cookie2?|clear-site-data|service-worker-allowed|strict-transport-security|public-key-pins.*|alt-svc"
    "|nel|report-to|origin-agent-cluster|accept-ch|x-accel-.*|x-sendfile|x-lighttpd-.*"
)
"""Names of response headers that act beyond their response, in lower case:
on the whole origin, or in a proxy such as nginx."""

_SANDBOX = (
    "Content-Security-Policy",
    "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads",
)
_THIS_MACHINE = ("127.0.0.1", 0)


async def serve_owner(server: HttpServer, path: str, handler: Handler, *, sandbox: bool = False) -> None:
    """Serve ``handler`` to the owner on the socket ``path``, if there is one.

    With ``sandbox``, pages have no origin, except the one at ``/``.
    """
    if path:
        await server.start_unix(path, OwnerEdge(handler, sandbox=sandbox))


class OwnerEdge:
    """A handler before the handler of requests by the owner's socket."""

    def __init__(self, handler: Handler, *, sandbox: bool = False) -> None:
        self._handler = handler
        self._sandbox = sandbox
        self._origin = OwnOrigin()

    async def __call__(self, request: Request) -> Response:
        """Refuse other sites' pages; else respond as the handler does."""
        request.by_owner = True
        request.outer_host = request.headers.get("X-Forwarded-Host").partition(",")[0].strip()
        request.peer = _THIS_MACHINE
        remove_login(request)
        if not _is_link_to_page(request) and (refusal := self._origin.refuse_page(request)):
            error = {"error": refusal.headline, "expected": refusal.expected, "seen": refusal.seen}
            return Response.json(refusal.status, error)
        response = await self._handler(request)
        _remove(response.headers, _ORIGIN_WIDE)
        if self._sandbox and request.path != "/":
            response.headers.add(*_SANDBOX)
        return response


def remove_login(request: Request) -> None:
    """Remove what belongs to Jupyter and to the proxies before it."""
    _remove(request.headers, _DROPPED)
    if "token" in request.query or "%" in request.query:
        parts = request.query.split("&")
        kept = [part for part in parts if unquote_plus(part.partition("=")[0]) != "token"]
        if len(kept) < len(parts):
            request.query = "&".join(kept)
            start = request.target.partition("?")[0]
            request.target = f"{start}?{request.query}" if kept else start


def _remove(headers: Headers, names: re.Pattern[str]) -> None:
    for name in {name for name, _ in headers.pairs if names.fullmatch(name.lower())}:
        headers.remove(name)


def _is_link_to_page(request: Request) -> bool:
    """Return whether a person follows another site's link to the page.

    On the way from a Hub's login a browser counts as coming from another site.
    """
    return request.path == "/" and is_navigation(request) and not is_framed(request)
