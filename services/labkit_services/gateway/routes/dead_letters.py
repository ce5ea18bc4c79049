"""``/system/queues/QUEUE/dead-letters``: list, redrive and purge."""

from __future__ import annotations

from typing import Any

from labkit_services.contract.headers import CALLBACK_URL
from labkit_services.contract.numbers import parse_digits
from labkit_services.contract.outcome import Result
from labkit_services.contract.times import rfc3339
from labkit_services.gateway.dead_letter_store import DeadLetterStore, StoredDeadLetter
from labkit_services.gateway.requests import (
    call_id_of_path,
    json_object,
    optional_text,
    query_of,
    required_text,
)
from labkit_services.gateway.routes import Route
from labkit_services.gateway.routes.queues import queue_of
from labkit_services.http import HttpError, Request, Response
from labkit_services.http.origin import redacted

_DEFAULT_LIMIT = 100
_MAX_NUMBER = 10**18 - 1  # as in openapi.yaml
_MAX_LIMIT = 1000
_MAX_SHOWN_BYTES = 4096


class DeadLetterRoutes:
    """Handlers for all letters of a queue, and for those of one call."""

    def __init__(self, store: DeadLetterStore) -> None:
        self._store = store
        path = "/system/queues/{queue}/dead-letters"
        self.routes: list[Route] = [
            ("GET", path, self._list),
            ("DELETE", path, self._purge),
            ("POST", path + "/redrive", self._redrive),
            ("GET", path + "/{id}", self._of_call),
            ("DELETE", path + "/{id}", self._purge),
        ]

    async def _list(self, request: Request, captured: dict[str, str]) -> Response:
        query = query_of(request)
        limit = min(_number(query, "limit", _DEFAULT_LIMIT), _MAX_LIMIT)
        found = self._store.read(queue_of(captured), after=_number(query, "after", 0), limit=limit)
        return Response.json(200, [_letter_to_json(stored) async for stored in found])

    async def _of_call(self, request: Request, captured: dict[str, str]) -> Response:
        call_id, function = call_id_of_path(captured["id"]), query_of(request).get("function", "")
        found = self._store.read(queue_of(captured), call_id, function)
        letters = [_letter_to_json(stored) async for stored in found]
        _check_found(call_id, len(letters))
        return Response.json(200, letters)

    async def _redrive(self, request: Request, captured: dict[str, str]) -> Response:
        """Redrive those of an id for ``{"callId": …}``, all for ``{}``.

        ``"function"`` chooses one of the functions that share an id.
        """
        body = await json_object(request)
        # An empty id is refused: more likely a client's mistake than a request
        # for all.
        call_id = required_text(body, "callId") if "callId" in body else ""
        function = optional_text(body, "function")
        if function and not call_id:
            raise HttpError(400, "function: needs a callId\n")
        count = await self._store.redrive(queue_of(captured), call_id, function)
        _check_found(call_id, count)
        return Response.json(200, {"redriven": count})

    async def _purge(self, request: Request, captured: dict[str, str]) -> Response:
        call_id = call_id_of_path(captured.get("id", ""))
        function = query_of(request).get("function", "")
        if function and not call_id:
            raise HttpError(400, "function: needs a call id in the path\n")
        count = await self._store.purge(queue_of(captured), call_id, function)
        _check_found(call_id, count)
        return Response.json(200, {"purged": count})


def _check_found(call_id: str, count: int) -> None:
    if call_id and not count:
        raise HttpError(404, f"there is no dead letter of call {call_id}\n")


def _number(query: dict[str, str], field: str, default: int) -> int:
    number = parse_digits(query.get(field, str(default)))
    if number is None or number > _MAX_NUMBER:
        raise HttpError(400, f"{field}: must be a whole number\n")
    return number


def _letter_to_json(stored: StoredDeadLetter) -> dict[str, Any]:
    letter = stored.letter
    call = letter.call
    return {
        "sequence": stored.seq,
        "callId": call.call_id,
        "function": call.function,
        "kind": letter.kind.value,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "diedAt": rfc3339(letter.died_ns),
        "callback": redacted(call.callback),
        "request": {
            "method": call.method,
            "path": call.path,
            "query": call.query,
            "headers": [[name, _redacted(name, value)] for name, value in call.headers],
            **_body_to_json(call.body, len(call.body)),
        },
        "response": None if letter.result is None else _result_to_json(letter.result),
    }


def _redacted(name: str, value: str) -> str:
    """Return a header's value unless it holds credentials."""
    if name.lower() == CALLBACK_URL.lower():
        return redacted(value)
    return "(not shown)" if name.lower() in ("authorization", "cookie") else value


def _result_to_json(result: Result) -> dict[str, Any]:
    return {
        "status": result.status,
        "headers": [list(pair) for pair in result.headers],
        "attempt": result.attempt,
        **_body_to_json(result.body, result.size),
    }


def _body_to_json(body: bytes, size: int) -> dict[str, Any]:
    """Return the first bytes of a body as text, and its size."""
    return {"body": body[:_MAX_SHOWN_BYTES].decode("utf-8", "replace"), "bytes": size}
