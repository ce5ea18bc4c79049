"""The lab's services and functions."""

from __future__ import annotations

from typing import Any

from labkit_services.http import Request, Response
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.inspector.calls.lab_poller import LabPoller
from labkit_services.inspector.routes.route_group import PathValues, Route

_QUEUE = "com.openfaas.queue"


class LabApiRoutes:
    """The routes of what the supervisor and the gateway know."""

    def __init__(self, lab: LabAccess, poller: LabPoller) -> None:
        self._lab = lab
        self._poller = poller
        self.routes: list[Route] = [
            ("GET", "/api/v1/services", self._services),
            ("GET", "/api/v1/functions", self._functions),
        ]

    async def _services(self, _request: Request, _path: PathValues) -> Response:
        return Response.json(200, await self._poller.services())

    async def _functions(self, _request: Request, _path: PathValues) -> Response:
        functions = await self._lab.gateway("GET", "/system/functions")
        url = self._lab.state()["gateway_url"]
        documents = [_function_to_json(function, url) for function in functions]
        return Response.json(200, {"functions": documents, "gateway_url": url})


def _function_to_json(function: dict[str, Any], url: str) -> dict[str, Any]:
    annotations = function.get("annotations") or {}
    name = function["name"]
    return {
        "name": name,
        "namespace": function.get("namespace", ""),
        "image": function.get("image", ""),
        "process": function.get("envProcess", ""),
        "replicas": function.get("replicas", 0),
        "available": function.get("availableReplicas", 0),
        "invocations": function.get("invocationCount", 0),
        "queue": annotations.get(_QUEUE, ""),
        "labels": function.get("labels") or {},
        "annotations": annotations,
        "url": f"{url}/function/{name}",
    }
