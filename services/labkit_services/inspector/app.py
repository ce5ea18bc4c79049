"""The inspector's HTTP handler: dispatches to page, API and capture."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from labkit_services.contract.errors import LabError
from labkit_services.contract.names import VERSION
from labkit_services.http import Request, Response
from labkit_services.inspector.errors import NotFoundError, ReadOnlyError, UnauthorizedError, error_response
from labkit_services.inspector.records.bin_names import check_bin_name, split_capture_path
from labkit_services.inspector.responding.capture_handler import CaptureHandler
from labkit_services.inspector.routes.api import InspectorApi
from labkit_services.inspector.security_headers import NO_MARKUP, secure
from labkit_services.inspector.token_gate import TokenGate, location_without_token
from labkit_services.web.html_page import HtmlPage
from labkit_services.web.navigation import is_navigation
from labkit_services.web.static_files import StaticFiles

_TO_PAGE = b'<!doctype html><meta http-equiv="refresh" content="0; url=./"><title>Inspector</title>'
_FOLDER = Path(__file__).parent / "page"
_STATIC = "/static/"


@dataclass(frozen=True)
class InspectorPages:
    """The pages.

    Attributes:
        inspector: The page itself; its scripts and styles are ``static``.
        locked: For a browser without the token; says where to find the link.
        to_bin: Leads to a bin on the inspector's page.
    """

    inspector: HtmlPage = field(default_factory=lambda: HtmlPage(_FOLDER / "index.html", static=True))
    static: StaticFiles = field(
        default_factory=lambda: StaticFiles(_FOLDER.parents[1], ("inspector/page", "web"))
    )
    locked: HtmlPage = field(default_factory=lambda: HtmlPage(_FOLDER / "locked.html"))
    to_bin: HtmlPage = field(default_factory=lambda: HtmlPage(_FOLDER / "bin.html"))


@dataclass(frozen=True)
class InspectorApp:
    """Serves page and API to clients with the token, captures to everyone.

    Without a capture handler it shows a record: nothing is captured.
    """

    capture: CaptureHandler | None
    api: InspectorApi
    gate: TokenGate
    pages: InspectorPages

    async def __call__(self, request: Request) -> Response:
        """Respond to one request; errors are JSON."""
        try:
            response = await self._route(request)
        except LabError as error:
            response = error_response(error)
        return response if response.lines else secure(response)

    async def _route(self, request: Request) -> Response:
        path = request.path
        if path == "/" and request.method == "GET" and self.gate.takes_code(request):
            return self._set_cookie()
        if path == "/":
            return self._show_page(request)
        if path.startswith("/api/"):
            self.gate.check(request)
            self.api.check_run(request)
            response = await self.api.router(request)
            if self.capture is not None and request.method not in ("GET", "HEAD"):
                await self.capture.store.saved()
            response.headers.add("Cache-Control", "no-store")
            return response
        if path.startswith(_STATIC):
            return self.pages.static.response(request, path.removeprefix(_STATIC))
        if path in self.api.open_paths and request.method in ("GET", "HEAD"):
            return await self.api.router(request)
        if path == "/healthz":
            return Response.text(200, "OK\n")
        if path == "/version":
            return Response.json(200, {"name": "inspector", "version": VERSION})
        if path in ("/r", "/r/"):
            headline, next_step = "the name of the bin is missing", "send to /r/callbacks, for example"
            raise NotFoundError(headline, expected="/r/NAME, with any name", next_step=next_step)
        if request.method == "GET" and is_navigation(request):
            return self._show_bin(request)
        if self.capture is None:
            headline, next_step = "a record of a run is open: nothing is captured", "start a lab: labkit up"
            raise ReadOnlyError(headline, next_step=next_step)
        response = await self.capture(request, self.gate.check_new_bin)
        if not response.lines:
            # Besides the policy that a rule or a forward's target may set: a
            # browser obeys both.
            response.headers.add(*NO_MARKUP)
        return response

    def _set_cookie(self) -> Response:
        """Give a browser that came by a link its cookie, then the page.

        Not by a redirect: to a browser that came from another site, its target
        is the other site's, and the strict cookie would not be sent.
        """
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", "default-src 'none'"),
            ("Cache-Control", "no-store"),
            ("Set-Cookie", self.gate.cookie()),
        ]
        return Response(200, headers, _TO_PAGE)

    def _show_bin(self, request: Request) -> Response:
        """Lead a browser from a bin's URL to the bin on the page.

        Nothing is captured: a person looks at the bin, and sends nothing to
        it. The page checks the token. A redirect counts as the other site's
        when the link is on one, and then the strict cookie is not sent; a page
        between the two makes it this site's.
        """
        name, _ = split_capture_path(request.path)
        check_bin_name(name)
        up = "../" * (request.path.count("/") - 1)
        page = f"{up or './'}#{name}"
        if request.headers.get("Sec-Fetch-Site") == "cross-site":
            return self.pages.to_bin.response(framed_by_any=True, page=page, bin=name)
        return Response(303, [("Location", page), ("Cache-Control", "no-store")])

    def _show_page(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            error = {"error": "this is the inspector's page", "next": "send to a bin, such as /r/callbacks"}
            return Response.json(405, error)
        try:
            self.gate.check(request)
        except UnauthorizedError as error:
            if is_navigation(request):
                response = self.pages.locked.response(error.status, framed_by_any=True)
                for name, value in error.headers:
                    response.headers.set(name, value)
                return response
            raise
        response = self.pages.inspector.response(framed_by_any=self.gate.has_token_in_url(request))
        if (location := location_without_token(request)) is not None:
            response = Response(303, [("Location", location)])
        if self.gate.locked and "token=" in request.query:
            response.headers.add("Set-Cookie", self.gate.cookie())
        response.headers.set("Cache-Control", "no-store")
        return response
