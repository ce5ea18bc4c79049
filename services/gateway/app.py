"""One handler for all of the gateway: hot routes by prefix, the rest by table."""

from __future__ import annotations

import re

from services.gateway.accept import Acceptor
from services.gateway.forward import Forwarder
from services.gateway.system import NAME, System
from services.http import Request, Response

_INVOKE = re.compile(rf"/(async-)?function/({NAME})(/.*)?")


class App:
    """Routes a request.

    Attributes:
        forwarder: ``/function/NAME``.
        acceptor: ``/async-function/NAME``.
        system: Everything under ``/system``, and the health check.
    """

    def __init__(self, forwarder: Forwarder, acceptor: Acceptor, system: System) -> None:
        self.forwarder = forwarder
        self.acceptor = acceptor
        self.system = system
        system.router.add("GET HEAD", "/healthz", self._health)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if match := _INVOKE.fullmatch(request.path):
            asynchronous, name, path = match.groups()
            if asynchronous:
                return await self.acceptor.handle(request, name, path or "")
            return await self.forwarder.handle(request, name, path or "")
        return await self.system.router(request)

    async def _health(self, _: Request, __: dict[str, str]) -> Response:
        return Response(200)
