"""The lab's services, workers and functions; the lab's reset."""

from __future__ import annotations

from urllib.parse import quote, unquote

from labkit_services.call_record.lab_json import function_to_json
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.numbers import whole_number
from labkit_services.http import Request, Response
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.inspector.calls.lab_poller import LabPoller
from labkit_services.inspector.routes.route_group import PathValues, Route, read_settings

_CHANGE_SECONDS = 90.0
"""A queue-worker that is removed finishes its running calls."""
_BY = "the inspector"


class LabApiRoutes:
    """The routes of what the supervisor and the gateway know."""

    def __init__(self, lab: LabAccess, poller: LabPoller) -> None:
        self._lab = lab
        self._poller = poller
        self.routes: list[Route] = [
            ("GET", "/api/v1/services", self._services),
            ("GET", "/api/v1/workers", self._workers),
            ("PUT", "/api/v1/workers", self._scale_workers),
            ("GET", "/api/v1/functions", self._functions),
            ("GET", "/api/v1/functions/{function}", self._function),
            ("PUT", "/api/v1/functions/{function}", self._scale_function),
            ("POST", "/api/v1/reset", self._reset),
        ]

    async def _services(self, _request: Request, _path: PathValues) -> Response:
        return Response.json(200, await self._poller.services())

    async def _functions(self, _request: Request, _path: PathValues) -> Response:
        functions = await self._lab.gateway("GET", "/system/functions")
        url = self._lab.state()["gateway_url"]
        documents = [function_to_json(function, url) for function in functions]
        return Response.json(200, {"functions": documents, "gateway_url": url})

    async def _function(self, _request: Request, path: PathValues) -> Response:
        function = await self._lab.gateway("GET", f"/system/function/{_quoted(path)}")
        return Response.json(200, function_to_json(function, self._lab.state()["gateway_url"]))

    async def _scale_function(self, request: Request, path: PathValues) -> Response:
        """Change how many replicas a function has; the gateway limits it."""
        settings = await read_settings(request, {"replicas": int})
        replicas = settings.get("replicas", -1)
        if replicas < 0:
            expected = "a whole number from 0"
            raise InvalidValueError("replicas is out of range", expected=expected, seen=repr(replicas))
        name = unquote(path["function"])
        await self._lab.gateway(
            "POST", f"/system/scale-function/{_quoted(path)}", {"serviceName": name, "replicas": replicas}
        )
        return await self._function(request, path)

    # -- queue-workers and the lab as a whole

    async def _workers(self, _request: Request, _path: PathValues) -> Response:
        return Response.json(200, (await self._lab.command("status"))["workers"])

    async def _scale_workers(self, request: Request, path: PathValues) -> Response:
        """Change the number of queue-workers; respond when it is done."""
        settings = await read_settings(request, {"count": int})
        count = whole_number("count", settings.get("count"), None)
        await self._lab.command("scale_workers", within=_CHANGE_SECONDS, workers=count)
        return await self._workers(request, path)

    async def _reset(self, _request: Request, _path: PathValues) -> Response:
        """Ask for a reset, as ``lab.reset()``; it restarts the inspector.

        ``last_reset`` of ``GET /api/v1/services`` tells when it is over.
        """
        await self._lab.command("reset", wait=False, by=_BY)
        return Response.json(202, {"run_id": self._lab.state()["run_id"]})


def _quoted(path: PathValues) -> str:
    return quote(unquote(path["function"]), safe="")
