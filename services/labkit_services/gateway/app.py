"""One handler for all of the gateway: hot routes by prefix, the rest by table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from labkit_services.gateway import openapi
from labkit_services.gateway.accept import Acceptor
from labkit_services.gateway.auth import BasicAuth
from labkit_services.gateway.forward import METHODS, Forwarder
from labkit_services.gateway.requests import NAME
from labkit_services.http import Request, Response, Router
from labkit_services.http.router import RouteHandler
from labkit_services.runtime.metrics import CONTENT_TYPE

_ABOUT_CALLS = frozenset({"GET", "DELETE"})
"""With these ``/async-function/ID`` is about a call, not to a function."""

_INVOKE = re.compile(rf"/(async-)?function/({NAME})(/.*)?")


class App:
    """Routes a request; everything under ``/system`` asks for credentials.

    Attributes:
        routes: (methods, path pattern) of all there is, for the OpenAPI document to be held to.
    """

    def __init__(
        self,
        forwarder: Forwarder,
        acceptor: Acceptor,
        auth: BasicAuth,
        calls: Iterable[tuple[str, str, RouteHandler]],
        managed: Iterable[tuple[str, str, RouteHandler]],
        *,
        metrics: Callable[[], bytes],
        page: Callable[[], str],
    ) -> None:
        self._forwarder = forwarder
        self._acceptor = acceptor
        self._auth = auth
        self._metrics = metrics
        self._page = page
        self._router = Router()
        # Hot: not in the router, but matched by _INVOKE.
        self.routes = [
            (methods, route + rest)
            for methods, route in ((" ".join(sorted(METHODS)), "/function"), ("POST", "/async-function"))
            for rest in ("/{name}", "/{name}/{path...}")
        ]
        for method, pattern, handler in calls:
            self._add(method, pattern, handler)
        for method, pattern, handler in managed:
            self._add(method, pattern, self._checked(handler))
        self._add("GET", "/ui/{path...}", self._checked(self._ui))
        self._add("GET", "/", self._root)
        self._add("GET HEAD", "/healthz", self._health)
        self._add("GET", "/metrics", self._scrape)
        self._add("GET", "/openapi.json", self._openapi)

    def _add(self, methods: str, pattern: str, handler: RouteHandler) -> None:
        self.routes.append((methods, pattern))
        self._router.add(methods, pattern, handler)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if match := _INVOKE.fullmatch(request.path):
            asynchronous, name, path = match.groups()
            if asynchronous and request.method not in _ABOUT_CALLS:
                return await self._acceptor.handle(request, name, path or "")
            if not asynchronous:
                return await self._forwarder.handle(request, name, path or "")
        elif request.method not in _ABOUT_CALLS and request.path.startswith("/async-function/"):
            return Response.text(404, "404 page not found\n")  # no function can be called so
        return await self._router(request)

    def _checked(self, handler: RouteHandler) -> RouteHandler:
        async def checked(request: Request, captured: dict[str, str]) -> Response:
            self._auth.check(request)
            return await handler(request, captured)

        return checked

    async def _health(self, _: Request, __: dict[str, str]) -> Response:
        return Response(200)

    async def _root(self, _: Request, __: dict[str, str]) -> Response:
        return Response(307, [("Location", "/ui/")])

    async def _ui(self, _: Request, __: dict[str, str]) -> Response:
        """Lead to the inspector, which is the lab's page."""
        if page := self._page():
            return Response(307, [("Location", page)])
        return Response.text(404, "this gateway runs without an inspector\n")

    async def _scrape(self, _: Request, __: dict[str, str]) -> Response:
        return Response(200, [("Content-Type", CONTENT_TYPE)], self._metrics())

    async def _openapi(self, _: Request, __: dict[str, str]) -> Response:
        return Response(200, [("Content-Type", "application/json")], openapi.document())
