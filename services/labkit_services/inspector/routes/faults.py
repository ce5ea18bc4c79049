"""Faults: list, begin, end. Each ends by itself."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.http import Request, Response
from labkit_services.inspector.calls.call_feed import CallFeed
from labkit_services.inspector.calls.fault_order import FaultOrder
from labkit_services.inspector.calls.lab_faults import LabFaults
from labkit_services.inspector.errors import RequestRefusedError, UnavailableError
from labkit_services.inspector.routes.route_group import SETTINGS_BYTES, PathValues, Route

_MAX_FAULTS = 20


class UnchangeableError(RequestRefusedError):
    """A fault that is active can't be changed."""

    status = 405
    headers = (("Allow", "DELETE, GET, POST"),)


class FaultRoutes:
    """The routes of faults."""

    def __init__(self, faults: LabFaults, feed: CallFeed) -> None:
        self._faults = faults
        self._feed = feed
        self.routes: list[Route] = [
            ("GET", "/api/v1/faults", self._list),
            ("POST", "/api/v1/faults", self._begin),
            ("PATCH", "/api/v1/faults", self._change),
            ("DELETE", "/api/v1/faults", self._end),
            ("PATCH", "/api/v1/faults/{id}", self._change),
            ("DELETE", "/api/v1/faults/{id}", self._end),
        ]

    async def _list(self, request: Request, _path: PathValues) -> Response:
        """Return the active faults, and all that the event log knows.

        With ``history=false`` it does not wait for the event log, which takes
        long while nats-server is stopped.
        """
        history: list[dict[str, Any]] = []
        if dict(parse_qsl(request.query)).get("history") != "false":
            with suppress(UnavailableError):  # without nats-server there is no event log
                await self._feed.catch_up()
                history = self._feed.index.faults()
        active = await self._faults.active()
        return Response.json(200, {"faults": active, "history": history, "now": time.time()})

    async def _begin(self, request: Request, _path: PathValues) -> Response:
        """Begin one fault, or a list of them; none if one is invalid."""
        document = await _read(request)
        documents = document if isinstance(document, list) else [document]
        if not 1 <= len(documents) <= _MAX_FAULTS:
            raise InvalidValueError("too few or too many faults", expected=f"1 to {_MAX_FAULTS}")
        orders = [FaultOrder.parse(each) for each in documents]
        begun = [await self._faults.begin(order) for order in orders]
        return Response.json(201, {"faults": begun})

    async def _change(self, _request: Request, _path: PathValues) -> Response:
        raise UnchangeableError(next_step="end it by DELETE, and begin another by POST")

    async def _end(self, _request: Request, path: PathValues) -> Response:
        await self._faults.end(unquote(path.get("id", "")))
        return Response(204)


async def _read(request: Request) -> Any:
    body = await request.body(SETTINGS_BYTES)
    try:
        return read_json(body)
    except InvalidJsonError as error:
        raise InvalidValueError(
            "the body is not JSON", expected="a fault, or a list", seen=str(error)
        ) from None
