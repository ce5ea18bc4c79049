"""The ``/system/queues`` routes: how full, how fast, and what was given up."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import unquote

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from labkit_services.call_record.call_json import time_text
from labkit_services.contract.errors import InvalidValueError, LabError, error_text
from labkit_services.contract.outcome import DeadLetterMessage, Result
from labkit_services.contract.queues import check_queue_name, worker_control_subject
from labkit_services.gateway.dead_letters import DeadLetters, Kept
from labkit_services.gateway.requests import call_id_of_path, json_object, query_of, required_text
from labkit_services.http import HttpError, Request, Response
from labkit_services.http.router import RouteHandler
from labkit_services.jetstream.queue_depth import QueueDepth, QueueMissingError, depth_of
from labkit_services.jetstream.streams import queue_names

_WORKERS_SECONDS = 0.25
"""How long the first worker may take to answer."""
_MORE_WORKERS_SECONDS = 0.03
"""And each further one after it: nobody knows how many there are."""
_DEFAULT_LIMIT = 100
_MAX_LIMIT = 1000
_SHOWN_BYTES = 4096


class QueueRoutes:
    """Handlers; an addition of the lab's, for OpenFaaS has no such API."""

    def __init__(self, nats: Client, dead: DeadLetters) -> None:
        self._nats = nats
        self._dead = dead

    def routes(self) -> list[tuple[str, str, RouteHandler]]:
        """Return (method, path pattern, handler) of each."""
        queue = "/system/queues/{queue}"
        dead = queue + "/dead-letters"
        return [
            ("GET", "/system/queues", self._list),
            ("GET", queue, self._show),
            ("PUT", queue, self._configure),
            ("GET", dead, self._letters),
            ("DELETE", dead, self._purge),
            ("POST", dead + "/redrive", self._redrive),
            ("GET", dead + "/{id}", self._letters_of_call),
            ("DELETE", dead + "/{id}", self._purge),
        ]

    # -- queues

    async def _list(self, _: Request, __: dict[str, str]) -> Response:
        try:
            names = await queue_names(self._nats.jetstream())
        except (NatsError, OSError, TimeoutError) as error:
            raise HttpError(503, f"nats-server does not answer: {error_text(error)}; try again\n") from error
        return Response.json(200, await asyncio.gather(*map(self._queue, names)))

    async def _show(self, _: Request, captured: dict[str, str]) -> Response:
        return Response.json(200, await self._queue(_queue_of(captured)))

    async def _configure(self, request: Request, captured: dict[str, str]) -> Response:
        """Change ``maxInflight`` of every worker of the queue, while it runs."""
        body = await json_object(request)
        queue = _queue_of(captured)
        answers = await self._ask_workers(queue, {"max_inflight": body.get("maxInflight")})
        if not answers:
            raise HttpError(503, f"no queue-worker works on {queue}\n")
        for answer in answers:
            if "error" in answer:
                raise HttpError(400, answer["error"] + "\n")
        return Response.json(200, await self._queue(queue))

    async def _queue(self, queue: str) -> dict[str, Any]:
        try:
            depth, workers = await asyncio.gather(depth_of(self._nats, queue), self._ask_workers(queue, {}))
        except QueueMissingError:
            raise HttpError(404, f"there is no queue {queue}\n") from None
        except LabError as error:
            text = f"how full queue {queue} is, nats-server does not say: {error.seen}; try again\n"
            raise HttpError(503, text) from error
        return _queue_to_json(depth, workers)

    async def _ask_workers(self, queue: str, question: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what each worker of a queue answers; none if nobody works on it."""
        answers: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = self._nats.new_inbox()
        subscription = await self._nats.subscribe(inbox, cb=answers.put)
        found: list[dict[str, Any]] = []
        try:
            await self._nats.publish(worker_control_subject(queue), json.dumps(question).encode(), inbox)
            patience = _WORKERS_SECONDS
            while True:
                message = await asyncio.wait_for(answers.get(), patience)
                if not message.data:  # status 503: nobody listens
                    return found
                found.append(json.loads(message.data))
                patience = _MORE_WORKERS_SECONDS
        except TimeoutError:
            return found
        finally:
            await subscription.unsubscribe()

    # -- dead letters

    async def _letters(self, request: Request, captured: dict[str, str]) -> Response:
        query = query_of(request)
        limit = min(_number(query, "limit", _DEFAULT_LIMIT), _MAX_LIMIT)
        found = await self._dead.some(_queue_of(captured), after=_number(query, "after", 0), limit=limit)
        return Response.json(200, [_letter_to_json(kept) for kept in found])

    async def _letters_of_call(self, _: Request, captured: dict[str, str]) -> Response:
        call_id = call_id_of_path(captured["id"])
        found = await self._dead.of_call(_queue_of(captured), call_id)
        if not found:
            raise HttpError(404, f"there is no dead letter of call {call_id}\n")
        return Response.json(200, [_letter_to_json(kept) for kept in found])

    async def _redrive(self, request: Request, captured: dict[str, str]) -> Response:
        """Put letters back: ``{"callId": …}`` those of one call, ``{}`` all."""
        body = await json_object(request)
        # An empty id is somebody's mistake, not a wish for all.
        call_id = required_text(body, "callId") if "callId" in body else ""
        count = await self._dead.redrive(_queue_of(captured), call_id)
        if call_id and not count:
            raise HttpError(404, f"there is no dead letter of call {call_id}\n")
        return Response.json(200, {"redriven": count})

    async def _purge(self, _: Request, captured: dict[str, str]) -> Response:
        call_id = call_id_of_path(captured.get("id", ""))
        count = await self._dead.purge(_queue_of(captured), call_id)
        if call_id and not count:
            raise HttpError(404, f"there is no dead letter of call {call_id}\n")
        return Response.json(200, {"purged": count})


def _queue_of(captured: dict[str, str]) -> str:
    """Return the queue that a path names; what can be no queue's name is a queue that is not there."""
    try:
        return check_queue_name(unquote(captured["queue"]))
    except InvalidValueError as error:
        raise HttpError(404, f"{error.headline}\n") from None


def _number(query: dict[str, str], field: str, default: int) -> int:
    text = query.get(field, str(default))
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise HttpError(400, f"{field}: must be a whole number\n")
    return int(text)


def _queue_to_json(depth: QueueDepth, workers: list[dict[str, Any]]) -> dict[str, Any]:
    known = [worker for worker in workers if "error" not in worker]
    in_flight = sum(worker["in_flight"] for worker in known)
    return {
        "name": depth.queue,
        "pending": depth.pending,
        "inFlight": in_flight,
        "waitingForRetry": max(0, depth.outstanding - in_flight),
        "redelivered": depth.redelivered,
        "oldestSeconds": round(depth.oldest_seconds, 3),
        "submitted": depth.submitted,
        "dead": depth.dead,
        "maxInflight": sum(worker["max_inflight"] for worker in known),
        "workers": [
            {
                "name": worker["worker"],
                "maxInflight": worker["max_inflight"],
                "inFlight": worker["in_flight"],
                "processed": worker["processed"],
                "redelivered": worker["redelivered"],
            }
            for worker in known
        ],
    }


def _letter_to_json(kept: Kept) -> dict[str, Any]:
    letter: DeadLetterMessage = kept.letter
    call = letter.call
    return {
        "sequence": kept.seq,
        "callId": call.call_id,
        "function": call.function,
        "kind": letter.kind.value,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "diedAt": time_text(letter.died_ns),
        "callback": call.callback,
        "request": {
            "method": call.method,
            "path": call.path,
            "query": call.query,
            "headers": [[name, _shown(name, value)] for name, value in call.headers],
            **_body_to_json(call.body, len(call.body)),
        },
        "response": None if letter.result is None else _result_to_json(letter.result),
    }


def _shown(name: str, value: str) -> str:
    """Return a header's value, except where it is somebody's credentials."""
    return "(not shown)" if name.lower() in ("authorization", "cookie") else value


def _result_to_json(result: Result) -> dict[str, Any]:
    return {
        "status": result.status,
        "headers": [list(pair) for pair in result.headers],
        "attempt": result.attempt,
        **_body_to_json(result.body, result.size),
    }


def _body_to_json(body: bytes, size: int) -> dict[str, Any]:
    """Return the body as text to look at, its first bytes only, and how long it is."""
    return {"body": body[:_SHOWN_BYTES].decode("utf-8", "replace"), "bytes": size}
