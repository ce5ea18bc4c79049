"""Maps paths to handlers, for routes that are not hot."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from labkit_services.http.request import Request
from labkit_services.http.response import Response

RouteHandler = Callable[[Request, dict[str, str]], Awaitable[Response]]


class Router:
    """A list of (path pattern, methods, handler), tried in order.

    A pattern is a path with ``{name}`` for one segment, ``{name:regex}`` for a
    segment that matches, and ``{name...}`` for all the rest. An unknown path
    gets 404 ``404 page not found``, a wrong method 405 and an empty body, as
    Go's gorilla/mux does in OpenFaaS.
    """

    def __init__(self) -> None:
        self._routes: dict[re.Pattern[str], dict[str, RouteHandler]] = {}

    def add(self, methods: str, pattern: str, handler: RouteHandler) -> None:
        """Add a route; ``methods`` are separated by blanks, ``*`` is any."""
        by_method = self._routes.setdefault(_to_regex(pattern), {})
        by_method.update(dict.fromkeys(methods.split(), handler))

    async def __call__(self, request: Request) -> Response:
        """Pass ``request`` to the first route that its path matches."""
        return await self.route(request, request.path)

    async def route(self, request: Request, path: str) -> Response:
        """Pass ``request`` to the first route that ``path`` matches."""
        for regex, by_method in self._routes.items():
            if match := regex.fullmatch(path):
                handler = by_method.get(request.method) or by_method.get("*")
                if handler is None:
                    return Response(405, [("Allow", ", ".join(sorted(by_method)))])
                return await handler(request, match.groupdict())
        return Response.error(404, "404 page not found\n")


def _to_regex(pattern: str) -> re.Pattern[str]:
    def part(match: re.Match[str]) -> str:
        name, rest, form = match.groups()
        if name is None:
            return re.escape(match[0])
        return f"(?P<{name}>{'.*' if rest else form or '[^/]+'})"

    return re.compile(re.sub(r"\{(\w+)(\.\.\.)?(?::([^}]+))?\}|[^{]+", part, pattern))
