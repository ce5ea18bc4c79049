"""A gateway without the lab's additions: OpenFaaS's routes and headers only.

The routes are those of OpenFaaS's gateway and provider (gateway/main.go of
openfaas/faas, serve.go of openfaas/faas-provider), without its page.
"""

from __future__ import annotations

import re

from labkit_services.contract.headers import CALL_ID, CALL_OUTCOME, CALL_REASON, DUPLICATE
from labkit_services.gateway.requests import NAME
from labkit_services.gateway.routes.sync_function import METHODS
from labkit_services.http import Headers, Request, Response
from labkit_services.http.server_state import Handler

_ROUTES = {
    rf"/function/{NAME}(/.*)?": frozenset(METHODS),
    rf"/async-function/{NAME}(/.*)?": frozenset({"POST"}),
    "/system/functions": frozenset({"GET", "POST", "PUT", "DELETE"}),
    rf"/system/function/{NAME}": frozenset({"GET"}),
    rf"/system/scale-function/{NAME}": frozenset({"POST"}),
    "/system/(info|logs|namespaces)": frozenset({"GET"}),
    "/system/alert": frozenset({"POST"}),
    "/system/secrets": frozenset({"GET", "POST", "PUT", "DELETE"}),
    rf"/system/namespace/({NAME})?": frozenset({"GET", "POST", "PUT", "DELETE"}),
    "/healthz": frozenset({"GET"}),
}
_PATTERNS = [(re.compile(pattern), methods) for pattern, methods in _ROUTES.items()]
_ADDED = frozenset(name.lower() for name in (DUPLICATE, CALL_OUTCOME, CALL_REASON))


class OpenFaasOnly:
    """Passes on the requests that OpenFaaS has a route for."""

    def __init__(self, app: Handler) -> None:
        self._app = app

    async def __call__(self, request: Request) -> Response:
        """Handle one request."""
        for pattern, methods in _PATTERNS:
            if pattern.fullmatch(request.path):
                if request.method not in methods:
                    return Response(405)
                return _without_additions(request, await self._app(request))
        return Response.error(404, "404 page not found\n")


def _without_additions(request: Request, response: Response) -> Response:
    """Drop the lab's own headers.

    OpenFaaS sends a call's id only if the client did not (middleware of
    gateway/handlers/callid_middleware.go).
    """
    dropped = _ADDED | {CALL_ID.lower()} if CALL_ID in request.headers else _ADDED
    response.headers = Headers(pair for pair in response.headers.pairs if pair[0].lower() not in dropped)
    return response
