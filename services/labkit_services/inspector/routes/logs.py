"""The logs of the lab's services, merged; and as they grow."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.numbers import parse_whole_number
from labkit_services.http import Request, Response
from labkit_services.inspector.calls.call_query import parse_time
from labkit_services.inspector.calls.log_files import LogFiles
from labkit_services.inspector.routes.events import STREAM_HEADERS
from labkit_services.inspector.routes.route_group import PathValues, Route

_MAX_TAIL = 5000
_PARAMETERS = {"service", "tail", "since", "token"}


class LogApiRoutes:
    """The routes of logs."""

    def __init__(self, files: LogFiles) -> None:
        self._files = files
        self.routes: list[Route] = [
            ("GET", "/api/v1/logs", self._read),
            ("GET", "/api/v1/logs/events", self._follow),
        ]

    async def _read(self, request: Request, _path: PathValues) -> Response:
        given = _given(request)
        tail = parse_whole_number("tail", given.get("tail", "200"), 0, _MAX_TAIL)
        since = parse_time("since", given.get("since", ""))
        services = self._files.services(given.get("service", ""))
        lines = await asyncio.to_thread(self._files.read, services, tail, since)
        return Response.json(200, {"lines": lines, "services": self._files.services()})

    async def _follow(self, request: Request, _path: PathValues) -> Response:
        services = self._files.services(_given(request).get("service", ""))
        return Response(200, STREAM_HEADERS, await self._files.follow(services))


def _given(request: Request) -> dict[str, str]:
    given = dict(parse_qsl(request.query))
    if unknown := given.keys() - _PARAMETERS:
        expected = "one of " + ", ".join(sorted(_PARAMETERS - {"token"}))
        raise InvalidValueError(f"unknown parameter: {min(unknown)!a}", expected=expected)
    return given
