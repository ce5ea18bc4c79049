"""Queues, their limits, and their dead letters; by the lab's gateway."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from labkit_services.call_record.lab_json import queue_to_json
from labkit_services.contract.names import DEFAULT_QUEUE
from labkit_services.contract.numbers import parse_whole_number, whole_number
from labkit_services.contract.queues import check_queue_name
from labkit_services.http import Request, Response
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.inspector.calls.lab_poller import LabPoller
from labkit_services.inspector.calls.queue_peek import QueuePeek
from labkit_services.inspector.routes.route_group import PathValues, Route, read_settings

_MAX_LIMIT = 1000
_MAX_PEEK = 100


class QueueApiRoutes:
    """The routes of queues."""

    def __init__(self, lab: LabAccess, poller: LabPoller, peek: QueuePeek) -> None:
        self._lab = lab
        self._poller = poller
        self._queue_peek = peek
        letters = "/api/v1/queues/{queue}/dead-letters"
        self.routes: list[Route] = [
            ("GET", "/api/v1/queue", self._peek),
            ("GET", "/api/v1/queues", self._list),
            ("GET", "/api/v1/queues/{queue}", self._get),
            ("PUT", "/api/v1/queues/{queue}", self._configure),
            ("GET", letters, self._letters),
            ("DELETE", letters, self._purge),
            ("POST", letters + "/redrive", self._redrive),
            ("DELETE", letters + "/{id}", self._purge),
            ("POST", letters + "/{id}/redrive", self._redrive),
        ]

    async def _list(self, _request: Request, _path: PathValues) -> Response:
        return Response.json(200, {"queues": await self._poller.queues()})

    async def _peek(self, request: Request, _path: PathValues) -> Response:
        """Show the next messages of a queue; nothing is consumed."""
        given = dict(parse_qsl(request.query))
        queue = check_queue_name(given.get("queue", DEFAULT_QUEUE))
        limit = parse_whole_number("limit", given.get("limit", "10"), 0, _MAX_PEEK)
        return Response.json(200, await self._queue_peek.peek(queue, limit))

    async def _get(self, _request: Request, path: PathValues) -> Response:
        return Response.json(200, queue_to_json(await self._lab.gateway("GET", _queue_path(path))))

    async def _configure(self, request: Request, path: PathValues) -> Response:
        """Change ``max_inflight`` of the running workers and of later ones."""
        settings = await read_settings(request, {"max_inflight": int})
        count = whole_number("max_inflight", settings.get("max_inflight"), None)
        queue = await self._lab.gateway("PUT", _queue_path(path), {"maxInflight": count})
        await self._lab.command("configure", queue=_queue(path), max_inflight=count)
        return Response.json(200, queue_to_json(queue))

    # -- dead letters

    async def _letters(self, request: Request, path: PathValues) -> Response:
        given = dict(parse_qsl(request.query))
        limit = parse_whole_number("limit", given.get("limit", "100"), 1, _MAX_LIMIT)
        after = parse_whole_number("after", given.get("after", "0"), 0, 10**18 - 1)
        query = urlencode({"limit": limit, "after": after})
        letters = await self._lab.gateway("GET", f"{_queue_path(path)}/dead-letters?{query}")
        following = letters[-1]["sequence"] if len(letters) == limit else None
        return Response.json(200, {"dead_letters": letters, "next": following})

    async def _redrive(self, request: Request, path: PathValues) -> Response:
        body: dict[str, Any] = {}
        if "id" in path:
            body = {"callId": unquote(path["id"]), **_function(request)}
        answer = await self._lab.gateway("POST", f"{_queue_path(path)}/dead-letters/redrive", body)
        return Response.json(200, answer)

    async def _purge(self, request: Request, path: PathValues) -> Response:
        letter, query = "", ""
        if "id" in path:
            letter = "/" + quote(unquote(path["id"]), safe="")
            query = "?" + urlencode(_function(request))
        answer = await self._lab.gateway("DELETE", f"{_queue_path(path)}/dead-letters{letter}{query}")
        return Response.json(200, answer)


def _queue(path: PathValues) -> str:
    return check_queue_name(unquote(path["queue"]))


def _queue_path(path: PathValues) -> str:
    return f"/system/queues/{quote(_queue(path), safe='')}"


def _function(request: Request) -> dict[str, str]:
    function = dict(parse_qsl(request.query)).get("function", "")
    return {"function": function} if function else {}
