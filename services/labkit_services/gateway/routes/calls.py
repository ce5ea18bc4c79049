"""``/async-function/CALL-ID``: status, result and cancellation of one call."""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError, NotFoundError
from nats.js.kv import KeyValue

from labkit_services.call_record.call import CallState
from labkit_services.contract.errors import error_text
from labkit_services.contract.events import EventType
from labkit_services.contract.headers import CALL_ID, CALL_OUTCOME, CALL_REASON, FUNCTION_NAME
from labkit_services.contract.names import CALL_STATUS_SUBJECT, RESULT_STREAM, short_function_name
from labkit_services.contract.outcome import RESULT_HEADER, Result
from labkit_services.contract.queues import job_token, queue_stream, result_subject
from labkit_services.gateway.nats_errors import nats_errors_as
from labkit_services.gateway.requests import call_id_of_path, query_of
from labkit_services.gateway.routes import Route
from labkit_services.http import HttpError, Request, Response
from labkit_services.http.headers import HOP_BY_HOP, Pair
from labkit_services.jetstream.event_publisher import EventPublisher
from labkit_services.jetstream.publisher import Publisher
from labkit_services.runtime.log import Log

MAX_WAIT_SECONDS = 30.0
_STATUS_SECONDS = 10.0
"""Timeout of the call status service, which may have a long event log to read
first."""
_INSPECTOR_SECONDS = 2.0
"""How long a question waits for the inspector to subscribe: after a restart of
nats-server it connects a little later than the gateway."""
_ASK_AGAIN_SECONDS = 0.1

_REASON_CHARACTERS = 500
_NOT_COPIED = HOP_BY_HOP | {"content-length", "date", CALL_OUTCOME.lower(), CALL_REASON.lower()}


class MayBeNoCallError(HttpError):
    """No such call is known: there may be none of this id."""


class CallRoutes:
    """Handlers that need no credentials; knowing the call id is enough."""

    def __init__(
        self, nats: Client, publisher: Publisher, cancelled: KeyValue, events: EventPublisher, log: Log
    ) -> None:
        self._nats = nats
        self._publisher = publisher
        self._cancelled = cancelled
        self._events = events
        self._log = log
        # POST on these paths names a function, not a call: async_function.py.
        self.routes: list[Route] = [
            ("GET", "/async-function/{name}", self._status),
            ("DELETE", "/async-function/{name}", self._cancel),
            ("GET", "/async-function/{name}/result", self._result),
        ]

    async def _status(self, request: Request, captured: dict[str, str]) -> Response:
        call = await self._load_call(request, captured, _wait_seconds(request))
        response = Response.json(200, call)
        for pair in _outcome_headers(call):
            response.headers.add(*pair)
        return response

    async def _result(self, request: Request, captured: dict[str, str]) -> Response:
        """Return the function's response while its result is stored."""
        # Not the call's end: its callback may take long.
        call = await self._load_call(request, captured, _wait_seconds(request), until="answer")
        call_id, function = call["callId"], call["function"]
        result = await self._load_result(call_id, function)
        if result is None:
            reason = call["outcome"]["reason"]
            text = f"call {call_id} has no result: it is {call['state']}. {reason}"
            raise HttpError(404, f"{text} Results are kept for an hour.\n")
        headers = [pair for pair in result.headers if pair[0].lower() not in _NOT_COPIED]
        if not any(name.lower() == CALL_ID.lower() for name, _ in headers):
            headers.append((CALL_ID, call_id))
        headers.append((FUNCTION_NAME, function))  # several may share the id
        headers += _outcome_headers(call)
        if not result.is_complete:
            headers.append(("X-Result-Truncated", f"{len(result.body)} of {result.size} bytes"))
        return Response(result.status, headers, result.body)

    async def _cancel(self, request: Request, captured: dict[str, str]) -> Response:
        """Cancel a call that is queued, waiting for a retry, or running."""
        await self._events.flush()  # another function's call with this id may just have been accepted
        call = await self._load_call(request, captured)
        call_id, state = call["callId"], CallState(call["state"])
        if len(call["functions"]) > 1 and not _function_of(request):
            shared = ", ".join(call["functions"])
            raise HttpError(409, f"calls of {shared} share the id {call_id}: add ?function=NAME\n")
        if call["mode"] != "async":
            raise HttpError(409, f"call {call_id} is synchronous: it ends when its client disconnects\n")
        if state is CallState.CANCELLED:
            return Response(202)
        if state.is_final or state is CallState.CALLING_BACK:
            raise HttpError(409, f"call {call_id} can't be cancelled, it is {state}\n")
        # First tell the workers, one of which may have the call or be about to
        # get it. Then delete its message, which would stay in the queue until
        # a worker drops it.
        with nats_errors_as(500, "the call was not cancelled"):
            await self._cancelled.put(job_token(call_id, call["function"]), str(time.time_ns()).encode())
        self._events.emit(EventType.CALL_CANCELLED, call_id, call["function"])
        if call["queue"] and call["sequence"]:
            await self._delete_message(call["queue"], call["sequence"], call_id)
        await self._events.store(self._publisher)
        return Response(202)

    async def _delete_message(self, queue: str, seq: int, call_id: str) -> None:
        try:
            await self._nats.jetstream().delete_msg(queue_stream(queue), seq)
        except APIError:
            return  # acknowledged meanwhile
        except (NatsError, OSError, TimeoutError) as error:
            # A worker will drop the message.
            self._log.warning("cancelled call still in the queue", call_id=call_id, error=error_text(error))

    async def _load_call(
        self, request: Request, captured: dict[str, str], wait: float = 0.0, *, until: str = "end"
    ) -> dict[str, Any]:
        """Ask the call status service, which waits for ``until``."""
        call_id, function = call_id_of_path(captured["name"]), _function_of(request)
        question = json.dumps({"id": call_id, "function": function, "wait": wait, "for": until}).encode()
        timeout = _STATUS_SECONDS + wait
        with nats_errors_as(503, "could not read the call's status"):
            answer = await self._ask_inspector(question, timeout)
        call: dict[str, Any] = json.loads(answer)
        if "error" in call:
            raise HttpError(500, call["error"] + "\n")
        if not call:
            of = f" of {function}" if function else ""
            raise MayBeNoCallError(404, f"call {call_id}{of} is unknown, or no longer in the event log\n")
        return call

    async def _ask_inspector(self, question: bytes, timeout: float) -> bytes:
        deadline = time.monotonic() + _INSPECTOR_SECONDS
        while True:
            try:
                return (await self._nats.request(CALL_STATUS_SUBJECT, question, timeout=timeout)).data
            except NoRespondersError:
                if time.monotonic() > deadline:
                    text = "the status of calls is not available: the inspector is not connected\n"
                    raise MayBeNoCallError(503, text) from None
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def _load_result(self, call_id: str, function: str) -> Result | None:
        subject = result_subject(call_id, function)
        with nats_errors_as(503, "could not read the call's result"):
            try:
                message = await self._nats.jetstream().get_msg(RESULT_STREAM, subject=subject, direct=True)
                return Result.from_metadata((message.headers or {})[RESULT_HEADER], message.data or b"")
            except (NotFoundError, KeyError, ValueError):
                return None


def _outcome_headers(call: dict[str, Any]) -> list[Pair]:
    """Return which hop decided the call's outcome, and why, in ASCII."""
    outcome = call["outcome"]
    reason = outcome["reason"].encode("ascii", "replace").decode()[:_REASON_CHARACTERS]
    printable = "".join(letter if letter.isprintable() else " " for letter in reason)
    return [(CALL_OUTCOME, f"{outcome['hop']} {outcome['code']}"), (CALL_REASON, printable)]


def _function_of(request: Request) -> str:
    """Return the function whose call is meant, "" if the id alone says it."""
    return short_function_name(query_of(request).get("function", ""))


def _wait_seconds(request: Request) -> float:
    """Return how long the client wants to wait for the call's end."""
    text = query_of(request).get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        raise HttpError(400, f"wait: must be a number of seconds from 0 to {MAX_WAIT_SECONDS:g}\n")
    return seconds
