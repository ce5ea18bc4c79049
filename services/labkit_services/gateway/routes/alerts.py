"""``POST /system/alert``: scale functions by AlertManager's webhook."""

from __future__ import annotations

from typing import Any

from labkit_services.gateway.functions.provider import FunctionProvider
from labkit_services.gateway.functions.scaling import ScaleLimits
from labkit_services.gateway.requests import json_object
from labkit_services.gateway.routes import Route
from labkit_services.http import HttpError, Request, Response

_BAD_FORMAT = "Unable to parse alert, bad format.\n"
"""OpenFaaS's text (gateway/handlers/alerthandler.go)."""


class AlertRoutes:
    """The handler. The lab's own autoscaler does not use it."""

    def __init__(self, provider: FunctionProvider) -> None:
        self._provider = provider
        self.routes: list[Route] = [("POST", "/system/alert", self._alert)]

    async def _alert(self, request: Request, _: dict[str, str]) -> Response:
        for name, firing in _parse(await json_object(request, _BAD_FORMAT)):
            function = self._provider.find(name)
            if function is None:
                raise HttpError(500, f"unable to find function: {name}\n")
            limits = ScaleLimits.of(function.spec.labels)
            wanted = limits.up(function.wanted) if firing else limits.down()
            await self._provider.scale(function.spec.key, wanted)
        return Response(200)


def _parse(body: dict[str, Any]) -> list[tuple[str, bool]]:
    """Return each alert's function, and whether it fires or is resolved."""
    _check_texts(body, "status", "receiver")
    alerts = body.get("alerts")
    if not isinstance(alerts, list):
        raise HttpError(400, _BAD_FORMAT)
    found = []
    for alert in alerts:
        labels = alert.get("labels") if isinstance(alert, dict) else None
        if not isinstance(labels, dict) or "function_name" not in labels:
            raise HttpError(400, _BAD_FORMAT)
        _check_texts(alert, "status")
        _check_texts(labels, "function_name", "alertname")
        found.append((labels["function_name"], alert.get("status") == "firing"))
    return found


def _check_texts(values: dict[str, Any], *names: str) -> None:
    if not all(isinstance(values.get(name, ""), str) for name in names):
        raise HttpError(400, _BAD_FORMAT)
