"""``/system/queues``: how full each queue is, and its workers.

An addition to OpenFaaS, which has no such API.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

from nats.aio.client import Client

from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.queues import check_queue_name
from labkit_services.gateway.nats_errors import nats_errors_as
from labkit_services.gateway.queue_workers import QueueWorkers
from labkit_services.gateway.requests import json_object
from labkit_services.gateway.routes import Route
from labkit_services.http import HttpError, Request, Response
from labkit_services.jetstream.queue_depth import QueueDepth, QueueMissingError, depth_of
from labkit_services.jetstream.streams import queue_names


class QueueRoutes:
    """Lists, describes and configures queues."""

    def __init__(self, nats: Client, workers: QueueWorkers, lab: str = "") -> None:
        self._nats = nats
        self._lab = lab
        self._workers = workers
        self.routes: list[Route] = [
            ("GET", "/system/queues", self._list),
            ("GET", "/system/queues/{queue}", self._describe),
            ("PUT", "/system/queues/{queue}", self._configure),
        ]

    async def _list(self, _: Request, __: dict[str, str]) -> Response:
        with nats_errors_as(503, "could not list the queues"):
            names = await queue_names(self._nats.jetstream(), self._lab)
        return Response.json(200, await asyncio.gather(*map(self._queue, names)))

    async def _describe(self, _: Request, captured: dict[str, str]) -> Response:
        return Response.json(200, await self._queue(queue_of(captured)))

    async def _configure(self, request: Request, captured: dict[str, str]) -> Response:
        """Change ``maxInflight`` of every running worker of the queue."""
        body = await json_object(request)
        queue = queue_of(captured)
        answers = await self._workers.ask(queue, {"max_inflight": body.get("maxInflight")})
        if not answers:
            raise HttpError(503, f"queue {queue} has no queue-worker\n")
        for answer in answers:
            if "error" in answer:
                raise HttpError(400, answer["error"] + "\n")
        return Response.json(200, await self._queue(queue))

    async def _queue(self, queue: str) -> dict[str, Any]:
        try:
            depth, workers = await asyncio.gather(depth_of(self._nats, queue), self._workers.ask(queue, {}))
        except QueueMissingError:
            raise HttpError(404, f"there is no queue {queue}\n") from None
        except LabError as error:
            text = f"could not read the depth of queue {queue} from nats-server: {error.seen}; try again\n"
            raise HttpError(503, text) from error
        return _queue_to_json(depth, [worker for worker in workers if "error" not in worker])


def queue_of(captured: dict[str, str]) -> str:
    """Return the queue of a path; raise HttpError 404 for an invalid name."""
    try:
        return check_queue_name(unquote(captured["queue"]))
    except InvalidValueError as error:
        raise HttpError(404, f"{error.headline}\n") from None


def _queue_to_json(depth: QueueDepth, workers: list[dict[str, Any]]) -> dict[str, Any]:
    in_flight = sum(worker["in_flight"] for worker in workers)
    return {
        "name": depth.queue,
        "pending": depth.pending,
        "inFlight": in_flight,
        "waitingForRetry": max(0, depth.outstanding - in_flight),
        "redelivered": depth.redelivered,
        "oldestSeconds": round(depth.oldest_seconds, 3),
        "submitted": depth.submitted,
        "dead": depth.dead,
        "maxInflight": sum(worker["max_inflight"] for worker in workers),
        "workers": [
            {
                "name": worker["worker"],
                "maxInflight": worker["max_inflight"],
                "inFlight": worker["in_flight"],
                "processed": worker["processed"],
                "redelivered": worker["redelivered"],
            }
            for worker in workers
        ],
    }
