"""The gateway's request handler: finds the route of each request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache, partial

from labkit_services.gateway.auth import BasicAuth
from labkit_services.gateway.request_target import decoded_path, function_target, is_plain
from labkit_services.gateway.requests import NAME, call_id_of_path
from labkit_services.gateway.routes import RouteSource
from labkit_services.gateway.routes.async_function import AsyncFunctionRoute
from labkit_services.gateway.routes.calls import MayBeNoCallError
from labkit_services.gateway.routes.sync_function import METHODS, FunctionRoute
from labkit_services.http import HttpError, Request, Response, Router
from labkit_services.http.router import RouteHandler
from labkit_services.web.navigation import is_framed, is_navigation
from labkit_services.web.same_origin import OwnOrigin, Refusal

_CALL_METHODS = frozenset({"GET", "DELETE"})
"""With these, ``/async-function/ID`` names a call, not a function."""

_CALL = re.compile(r"/async-function/([^/]+)(?:/result)?")
_QUEUES = "/system/queues/"
"""Paths of the lab's own routes, with ids of calls in them. An id may contain
encoded slashes, so these paths are not decoded as a whole."""

_PROTECTED = ("/system/", "/ui/")
"""Where paths begin that need credentials; ``/ui/`` reveals the inspector's
token."""

_invocation = lru_cache(maxsize=256)(re.compile(rf"/(async-)?function/({NAME})(/.*)?").fullmatch)
"""Matches a function's path; cached, because most calls are of a few."""


class GatewayApp:
    """Dispatches requests to their routes.

    Functions are open to everyone, pages of other sites included, as in
    OpenFaaS: a function is a public endpoint, and knows its callers. What
    changes or shows the lab itself is closed to such pages.

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
        origin: OwnOrigin | None = None,
    ) -> None:
        self._function = function
        self._async_function = async_function
        self._auth = auth
        self._origin = origin or OwnOrigin()
        self._router = Router()
        # The hot routes: not in the router, but matched by _invocation.
        self.routes = [
            (methods, route + rest)
            for methods, route in ((" ".join(sorted(METHODS)), "/function"), ("POST", "/async-function"))
            for rest in ("/{name}", "/{name}/{path...}")
        ]
        for source in others:
            for methods, pattern, handler in source.routes:
                check = self._check_access if pattern.startswith(_PROTECTED) else self._check_origin
                self._router.add(methods, pattern, partial(check, handler))
                self.routes.append((methods, pattern))

    async def _check_origin(
        self, handler: RouteHandler, request: Request, captured: dict[str, str]
    ) -> Response:
        if "name" in captured:  # a call's id: what it shows and cancels is nobody else's
            _raise_for(self._origin.refuse_host(request))
        _raise_for(self._origin.refuse_change(request))
        return await handler(request, captured)

    async def _check_access(
        self, handler: RouteHandler, request: Request, captured: dict[str, str]
    ) -> Response:
        _raise_for(self._origin.refuse_host(request))
        if is_framed(request):
            # /ui/ leads to a page with the inspector's token. Another site may
            # have a link to it, but not show it as a part of its own page.
            _raise_for(self._origin.refuse_page(request))
        if request.path == "/ui/" and is_navigation(request) and not self._auth.is_attempted(request):
            # Rather than the dialog for a password: the page at / says which.
            return Response(307, [("Location", "../"), ("Cache-Control", "no-store")])
        _raise_for(self._origin.refuse_change(request))
        self._auth.check(request)
        return await handler(request, captured)

    async def __call__(self, request: Request) -> Response:
        """Handle one request."""
        path = request.path
        call = _CALL.fullmatch(path) if request.method in _CALL_METHODS else None
        if not is_plain(path) and not call and not path.startswith(_QUEUES):
            decoded = decoded_path(request)
            if isinstance(decoded, Response):
                return decoded
            path = decoded
        if call:
            return await self._call(request, call_id_of_path(call[1]))
        if match := _invocation(path):
            asynchronous, name, rest = match.groups()
            route = self._async_function if asynchronous else self._function
            rest = rest or ""
            if asynchronous:  # OpenFaaS's queue has no query that was encoded in the path
                rest = rest.partition("?")[0]
            target, request.query = function_target(rest, request.query)
            return await route.handle(request, name, target)
        if path.startswith("/async-function/"):
            return Response.error(404, "404 page not found\n")  # not a function's name
        return await self._router.route(request, path)

    async def _call(self, request: Request, call_id: str) -> Response:
        """Handle a request for a call, or for a function's name.

        OpenFaaS answers 405 to the latter, and so does this gateway, unless a
        client has chosen the name as a call's id.
        """
        try:
            return await self._router.route(request, request.path)
        except MayBeNoCallError:
            if self._async_function.is_deployed(call_id):
                return Response(405, [("Allow", "POST")])
            raise


def _raise_for(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise HttpError(refusal.status, refusal.text)
