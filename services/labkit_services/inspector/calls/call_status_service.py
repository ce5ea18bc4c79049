"""Answers requests for the status of a call, from the event log."""

from __future__ import annotations

import json
import time
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from labkit_services.contract.names import CALL_STATUS_SUBJECT
from labkit_services.inspector.calls.call_feed import CallFeed
from labkit_services.runtime.background_tasks import BackgroundTasks, OnFailure

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

_MAX_WAIT_SECONDS = 30.0


class CallStatusService:
    """Answers requests by NATS for the gateway."""

    def __init__(self, feed: CallFeed, on_failure: OnFailure) -> None:
        self._feed = feed
        self._tasks = BackgroundTasks(on_failure)

    async def start(self, client: Client) -> None:
        """Subscribe to status requests."""
        await client.subscribe(CALL_STATUS_SUBJECT, cb=self._on_request)

    async def stop(self) -> None:
        """Stop responding."""
        await self._tasks.cancel()

    async def _on_request(self, message: Msg) -> None:
        self._tasks.start(self._respond(message), name="respond to a call status request")

    async def _respond(self, message: Msg) -> None:
        """Respond to ``{"id": …, "function": …, "wait": …}`` with the call.

        The response is ``{}`` if there is no such call; without a function it
        is the first of those that share the id. With ``wait`` it is sent
        when the call is settled or the time is over; with ``"for": "answer"``
        also when the function has answered for the last time.
        """
        response: dict[str, Any]
        try:
            request = json.loads(message.data)
            call_id, wait = str(request["id"]), min(float(request.get("wait", 0)), _MAX_WAIT_SECONDS)
            function = str(request.get("function", ""))
            is_done = attrgetter("is_answered" if request.get("for") == "answer" else "is_settled")
        except (ValueError, KeyError, TypeError) as error:
            response = {"error": f"not a call status request: {error!r}"}
        else:
            with self._feed.followed():
                call = await self._feed.find(call_id, function, wait, is_done)
            await self._feed.refresh()
            response = {} if call is None else self._feed.index.to_json(call, time.time_ns())
        await message.respond(json.dumps(response).encode())
