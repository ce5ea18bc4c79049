"""Answers requests for the status of a call, from the event log."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from labkit_services.call_record.call_json import call_to_json
from labkit_services.call_record.log import Call, CallLog
from labkit_services.contract.events import Event
from labkit_services.contract.names import CALL_STATUS_SUBJECT
from labkit_services.jetstream.event_follower import EventFollower
from labkit_services.runtime.background_tasks import BackgroundTasks, OnFailure

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

_HISTORY_SECONDS = 3600.0
_UNKNOWN_CALL_SECONDS = 0.5
"""A call that was accepted a moment ago may not be in the event log yet: how
long to wait for it."""
_MAX_WAIT_SECONDS = 30.0
_CATCH_UP_SECONDS = 5.0
_FOLLOW_SECONDS = 60.0
"""How long to follow the event log after a request: longer than any response
may be delayed."""


class CallStatusService:
    """Reduces the event log to calls; answers requests about them by NATS.

    It follows the event log only for a while after each request, so an idle
    inspector costs nothing. Following all the time would take a sixth of the
    time of an accept.
    """

    def __init__(self, on_failure: OnFailure) -> None:
        self._log = CallLog()
        self._follower: EventFollower | None = None
        self._changed = asyncio.Event()
        self._tasks = BackgroundTasks(on_failure)
        self._stop_timer: asyncio.TimerHandle | None = None

    async def start(self, client: Client) -> None:
        """Subscribe to status requests."""
        since = time.time_ns() - int(_HISTORY_SECONDS * 1e9)
        self._follower = EventFollower(client, self._on_events, self._log.clear, since_ns=since)
        await client.subscribe(CALL_STATUS_SUBJECT, cb=self._on_request)

    async def stop(self) -> None:
        """Stop responding and following."""
        if self._stop_timer is not None:
            self._stop_timer.cancel()
        await self._tasks.cancel()
        if self._follower is not None:
            await self._follower.stop()

    def reconnected(self) -> None:
        """Continue after the connection to nats-server was restored."""
        if self._follower is not None:
            self._follower.renew()

    def _follow_for_a_while(self, follower: EventFollower) -> None:
        if self._stop_timer is not None:
            self._stop_timer.cancel()
        follower.start()
        self._stop_timer = asyncio.get_running_loop().call_later(
            _FOLLOW_SECONDS, lambda: self._tasks.start(follower.stop(), name="stop following the event log")
        )

    def _on_events(self, events: Sequence[Event]) -> None:
        for event in events:
            self._log.apply(event)
        self._changed.set()
        self._changed = asyncio.Event()  # waiters hold the one that is set

    async def _on_request(self, message: Msg) -> None:
        self._tasks.start(self._respond(message), name="respond to a call status request")

    async def _respond(self, message: Msg) -> None:
        """Respond to ``{"id": …, "function": …, "wait": …}`` with the call.

        The response is ``{}`` if there is no such call; without a function it
        is the first of those that share the id. With ``wait`` it is sent
        when the call is settled or the time is over; with ``"for": "answer"``
        also when the function has answered for the last time.
        """
        from nats.errors import Error as NatsError  # imported before, by the connection

        response: dict[str, Any]
        try:
            request = json.loads(message.data)
            call_id, wait = str(request["id"]), min(float(request.get("wait", 0)), _MAX_WAIT_SECONDS)
            function = str(request.get("function", ""))
            is_done = attrgetter("is_answered" if request.get("for") == "answer" else "is_settled")
        except (ValueError, KeyError, TypeError) as error:
            response = {"error": f"not a call status request: {error!r}"}
        else:
            assert self._follower is not None
            self._follow_for_a_while(self._follower)
            # On an error the response is what has been read so far. A timeout
            # is an OSError.
            with suppress(NatsError, OSError):
                async with asyncio.timeout(_CATCH_UP_SECONDS):
                    await self._follower.read_to_end()
            call = await self._find(call_id, function, wait, is_done)
            functions = [shared.function for shared in self._log.sharing(call_id)]
            response = {} if call is None else call_to_json(call, functions)
        await message.respond(json.dumps(response).encode())

    async def _find(
        self, call_id: str, function: str, wait: float, is_done: Callable[[Call], bool]
    ) -> Call | None:
        now = asyncio.get_running_loop().time
        unknown_until, wait_until = now() + _UNKNOWN_CALL_SECONDS, now() + wait
        while True:
            changed = self._changed
            call = self._log.get(call_id, function)
            deadline = unknown_until if call is None else wait_until
            if now() >= deadline or (call is not None and is_done(call)):
                return call
            with suppress(TimeoutError):  # then it returns at the deadline
                async with asyncio.timeout_at(deadline):
                    await changed.wait()
