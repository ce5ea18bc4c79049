"""HTTP routes of the gateway, one module for each resource."""

from __future__ import annotations

from labkit_services.http.router import RouteHandler

Route = tuple[str, str, RouteHandler]
"""Methods, separated by blanks; path pattern; handler."""
