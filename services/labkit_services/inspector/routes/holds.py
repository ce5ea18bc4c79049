"""Holding requests, and answering them by hand."""

from __future__ import annotations

from labkit_services.http import Request, Response
from labkit_services.inspector.errors import RequestRefusedError
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.responding.held_requests import HeldRequests, Hold
from labkit_services.inspector.responding.responder import plan_by_hand
from labkit_services.inspector.responding.response_plan import ResponsePlan
from labkit_services.inspector.responding.rule_input import parse_step
from labkit_services.inspector.routes.route_group import PathValues, Route, find_bin, find_record, read_object
from labkit_services.inspector.storage.bin_store import BinStore

_BYTES = 2 * 1024 * 1024


class AnsweredAlreadyError(RequestRefusedError):
    """The request was answered already."""

    status = 409


class HoldRoutes:
    """The routes of holds."""

    def __init__(self, store: BinStore, holds: HeldRequests) -> None:
        self._store = store
        self._holds = holds
        self.routes: list[Route] = [
            ("GET", "/api/v1/bins/{bin}/hold", self._get),
            ("PUT", "/api/v1/bins/{bin}/hold", self._put),
            ("DELETE", "/api/v1/bins/{bin}/hold", self._delete),
            ("PUT", "/api/v1/bins/{bin}/requests/{id}/response", self._answer),
            ("POST", "/api/v1/bins/{bin}/requests/{id}/drop", self._drop),
        ]

    async def _get(self, _request: Request, path: PathValues) -> Response:
        stored = find_bin(self._store, path)
        hold = stored.settings.hold or Hold.parse({"enabled": False}).to_json()
        return Response.json(200, {**hold, "held": self._holds.ids(stored.name)})

    async def _put(self, request: Request, path: PathValues) -> Response:
        hold = Hold.parse(await read_object(request))
        name = find_bin(self._store, path).name
        self._store.change_settings(name, hold=hold.to_json())
        if not hold.enabled:
            self._holds.release(name)
        return Response(204)

    async def _delete(self, _request: Request, path: PathValues) -> Response:
        name = find_bin(self._store, path).name
        self._store.change_settings(name, hold=None)
        self._holds.release(name)
        return Response(204)

    async def _answer(self, request: Request, path: PathValues) -> Response:
        step = parse_step(await read_object(request, _BYTES))
        record = find_record(self._store, path)
        return self._resolve(record, plan_by_hand(step, record))

    async def _drop(self, _request: Request, path: PathValues) -> Response:
        return self._resolve(
            find_record(self._store, path), ResponsePlan(0, rule="by hand", overridden_by="dropped by hand")
        )

    def _resolve(self, record: RequestRecord, plan: ResponsePlan) -> Response:
        if self._holds.answer(record.id, plan):
            return Response(204)
        if record.response is not None:
            seen = f"status {record.response.status}, rule {record.response.rule}"
            raise AnsweredAlreadyError(expected="a request that is held", seen=seen)
        raise AnsweredAlreadyError(
            "the request is not held: its response is on its way", next_step="PUT /api/v1/bins/NAME/hold"
        )
