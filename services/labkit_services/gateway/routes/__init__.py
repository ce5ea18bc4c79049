"""HTTP routes of the gateway, one module for each resource."""

from __future__ import annotations

from typing import Protocol

from labkit_services.http.router import RouteHandler

Route = tuple[str, str, RouteHandler]
"""Methods, separated by blanks; path pattern; handler."""


class RouteSource(Protocol):
    """What has routes: an object or a module."""

    routes: list[Route]
