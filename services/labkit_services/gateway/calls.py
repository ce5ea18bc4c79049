"""What became of one asynchronous call, and taking it back."""

from __future__ import annotations

import json
import math
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError, NotFoundError
from nats.js.kv import KeyValue

from labkit_services.call_record.call import CallState
from labkit_services.contract.errors import error_text
from labkit_services.contract.events import EventType
from labkit_services.contract.names import CALL_ID, CALL_STATUS_SUBJECT, RESULT_STREAM
from labkit_services.contract.outcome import RESULT_HEADER, Result
from labkit_services.contract.queues import call_token, queue_stream, result_subject
from labkit_services.gateway.headers import now_ns
from labkit_services.gateway.requests import call_id_of_path, query_of
from labkit_services.http import HttpError, Request, Response
from labkit_services.http.headers import HOP_BY_HOP
from labkit_services.http.router import RouteHandler
from labkit_services.jetstream.event_publisher import Events
from labkit_services.jetstream.publisher import Publisher
from labkit_services.runtime.log import Log

MAX_WAIT_SECONDS = 30.0
_RECORD_SECONDS = 10.0
"""Patience with the keeper of the record, who may have a lot to read first."""
_OWN = HOP_BY_HOP | {"content-length", "date"}


class CallRoutes:
    """Handlers of ``/async-function/CALL-ID``."""

    def __init__(
        self, nats: Client, publisher: Publisher, cancelled: KeyValue, events: Events, log: Log
    ) -> None:
        self._nats = nats
        self._publisher = publisher
        self._cancelled = cancelled
        self._events = events
        self._log = log

    def routes(self) -> list[tuple[str, str, RouteHandler]]:
        """Return (method, path pattern, handler) of each.

        Where a POST has the function's name, these have the call's id.
        """
        return [
            ("GET", "/async-function/{name}", self._status),
            ("DELETE", "/async-function/{name}", self._cancel),
            ("GET", "/async-function/{name}/result", self._result),
        ]

    async def _status(self, request: Request, captured: dict[str, str]) -> Response:
        call_id = call_id_of_path(captured["name"])
        return Response.json(200, await self._call(call_id, _wait(request)))

    async def _result(self, request: Request, captured: dict[str, str]) -> Response:
        """Answer as the function did, as long as its result is kept."""
        call_id = call_id_of_path(captured["name"])
        # The callback's way may be long: the answer is there before.
        call = await self._call(call_id, _wait(request), until="answer")
        result = await self._kept(call_id)
        if result is None:
            text = f"call {call_id} has no result: it is {call['state']}; results are kept for an hour\n"
            raise HttpError(404, text)
        headers = [pair for pair in result.headers if pair[0].lower() not in _OWN]
        if not any(name.lower() == CALL_ID.lower() for name, _ in headers):
            headers.append((CALL_ID, call_id))
        if not result.is_complete:
            headers.append(("X-Result-Truncated", f"{len(result.body)} of {result.size} bytes"))
        return Response(result.status, headers, result.body)

    async def _cancel(self, _: Request, captured: dict[str, str]) -> Response:
        """Take a call back, wherever it is: in the queue, waiting to be tried again, or running."""
        call_id = call_id_of_path(captured["name"])
        call = await self._call(call_id)
        state = CallState(call["state"])
        if call["mode"] != "async":
            raise HttpError(409, f"call {call_id} is synchronous: it ends when its client hangs up\n")
        if state is CallState.CANCELLED:
            return Response(202)
        if state.is_final or state is CallState.CALLING_BACK:
            raise HttpError(409, f"call {call_id} can't be cancelled, it is {state}\n")
        # First for the worker that has it, or is just about to get it. Then for the queue, which would
        # keep it until somebody came to drop it.
        try:
            await self._cancelled.put(call_token(call_id), str(now_ns()).encode())
        except (NatsError, OSError, TimeoutError) as error:
            text = (
                f"the call was not cancelled, nats-server does not answer: {error_text(error)}; try again\n"
            )
            raise HttpError(500, text) from error
        self._events.emit(EventType.CALL_CANCELLED, call_id, call["function"])
        if call["queue"] and call["sequence"]:
            await self._drop(call["queue"], call["sequence"], call_id)
        await self._events.store(self._publisher)
        return Response(202)

    async def _drop(self, queue: str, seq: int, call_id: str) -> None:
        try:
            await self._nats.jetstream().delete_msg(queue_stream(queue), seq)
        except APIError:
            return  # acknowledged in the meantime
        except (NatsError, OSError, TimeoutError) as error:
            # The worker knows, and will drop it.
            self._log.warning("cancelled call still in the queue", call_id=call_id, error=error_text(error))

    async def _call(self, call_id: str, wait: float = 0.0, *, until: str = "end") -> dict[str, Any]:
        """Ask the keeper of the record, and wait for the call's ``end`` or its ``answer``.

        Raises:
            HttpError: 404 if it does not know the call, 503 if there is none.
        """
        question = json.dumps({"id": call_id, "wait": wait, "for": until}).encode()
        try:
            answer = await self._nats.request(CALL_STATUS_SUBJECT, question, timeout=_RECORD_SECONDS + wait)
        except NoRespondersError:
            text = "nobody keeps the record of calls: the inspector does not run\n"
            raise HttpError(503, text) from None
        except (NatsError, OSError, TimeoutError) as error:
            raise HttpError(503, f"the record of calls does not answer: {error_text(error)}\n") from error
        call: dict[str, Any] = json.loads(answer.data)
        if "error" in call:
            raise HttpError(500, call["error"] + "\n")
        if not call:
            raise HttpError(404, f"call {call_id} is not known, or not any more\n")
        return call

    async def _kept(self, call_id: str) -> Result | None:
        try:
            message = await self._nats.jetstream().get_msg(
                RESULT_STREAM, subject=result_subject(call_id), direct=True
            )
            return Result.from_metadata((message.headers or {})[RESULT_HEADER], message.data or b"")
        except (NotFoundError, KeyError, ValueError):
            return None
        except (NatsError, OSError, TimeoutError) as error:
            raise HttpError(
                503, f"results can't be read, nats-server does not answer: {error_text(error)}\n"
            ) from error


def _wait(request: Request) -> float:
    """Return how many seconds the client would wait for the call's end."""
    text = query_of(request).get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        raise HttpError(400, f"wait: must be a number of seconds from 0 to {MAX_WAIT_SECONDS:g}\n")
    return seconds
