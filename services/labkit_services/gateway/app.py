"""The gateway's request handler: finds the route of each request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from labkit_services.gateway.auth import BasicAuth
from labkit_services.gateway.requests import NAME
from labkit_services.gateway.routes import RouteSource
from labkit_services.gateway.routes.async_function import AsyncFunctionRoute
from labkit_services.gateway.routes.sync_function import METHODS, FunctionRoute
from labkit_services.http import Request, Response, Router
from labkit_services.http.router import RouteHandler

_CALL_METHODS = frozenset({"GET", "DELETE"})
"""With these, ``/async-function/ID`` names a call, not a function."""

_PROTECTED = ("/system/", "/ui/")
"""Where paths begin that need credentials; ``/ui/`` reveals the inspector's
token."""

_INVOKE = re.compile(rf"/(async-)?function/({NAME})(/.*)?")


class GatewayApp:
    """Dispatches requests to their routes.

    Attributes:
        routes: (methods, path pattern) of every route, for the OpenAPI
            document's test.
    """

    def __init__(
        self,
        function: FunctionRoute,
        async_function: AsyncFunctionRoute,
        auth: BasicAuth,
        others: Iterable[RouteSource],
    ) -> None:
        self._function = function
        self._async_function = async_function
        self._auth = auth
        self._router = Router()
        # The hot routes: not in the router, but matched by _INVOKE.
        self.routes = [
            (methods, route + rest)
            for methods, route in ((" ".join(sorted(METHODS)), "/function"), ("POST", "/async-function"))
            for rest in ("/{name}", "/{name}/{path...}")
        ]
        for source in others:
            for methods, pattern, handler in source.routes:
                if pattern.startswith(_PROTECTED):
                    handler = partial(self._check_and_handle, handler)
                self._router.add(methods, pattern, handler)
                self.routes.append((methods, pattern))

    async def _check_and_handle(
        self, handler: RouteHandler, request: Request, captured: dict[str, str]
    ) -> Response:
        self._auth.check(request)
        return await handler(request, captured)

    async def __call__(self, request: Request) -> Response:
        """Handle one request."""
        if match := _INVOKE.fullmatch(request.path):
            asynchronous, name, path = match.groups()
            if asynchronous and request.method not in _CALL_METHODS:
                return await self._async_function.handle(request, name, path or "")
            if not asynchronous:
                return await self._function.handle(request, name, path or "")
        elif request.method not in _CALL_METHODS and request.path.startswith("/async-function/"):
            return Response.text(404, "404 page not found\n")  # not a function's name
        return await self._router(request)
