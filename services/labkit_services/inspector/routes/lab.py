"""The lab's services and functions."""

from __future__ import annotations

from labkit_services.call_record.lab_json import function_to_json
from labkit_services.http import Request, Response
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.inspector.calls.lab_poller import LabPoller
from labkit_services.inspector.routes.route_group import PathValues, Route


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
        documents = [function_to_json(function, url) for function in functions]
        return Response.json(200, {"functions": documents, "gateway_url": url})
