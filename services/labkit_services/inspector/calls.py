"""The lab's one keeper of the record of calls: whoever asks for a call's status asks here."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from labkit_services.call_record.call_json import call_to_json
from labkit_services.call_record.log import Call, CallLog
from labkit_services.contract.events import Event
from labkit_services.contract.names import CALL_STATUS_SUBJECT
from labkit_services.jetstream.event_follower import EventFollower

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

_HISTORY_SECONDS = 3600.0
_KNOWN_SECONDS = 0.5
"""A call that was accepted a moment ago may not be in the record yet: for so long an answer waits for it."""
_MAX_WAIT_SECONDS = 30.0
_CATCH_UP_SECONDS = 5.0
_ATTENTIVE_SECONDS = 60.0
"""Longer than any answer may wait."""


class CallKeeper:
    """Reduces the stream of events to calls, and answers questions about them.

    It reads the record while somebody asks, and for a while after: what nobody looks
    at costs nothing. Following it all the time would take a sixth of what accepting a call does.
    """

    def __init__(self) -> None:
        self._log = CallLog()
        self._follower: EventFollower | None = None
        self._changed = asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()
        self._resting: asyncio.TimerHandle | None = None

    async def start(self, client: Client) -> None:
        """Listen for questions."""
        since = time.time_ns() - int(_HISTORY_SECONDS * 1e9)
        self._follower = EventFollower(client, self._take, self._forget, since_ns=since)
        await client.subscribe(CALL_STATUS_SUBJECT, cb=self._on_question)

    async def stop(self) -> None:
        """Stop listening and following."""
        if self._resting is not None:
            self._resting.cancel()
        for task in list(self._answering):
            task.cancel()
        if self._follower is not None:
            await self._follower.stop()

    def _follow_for_a_while(self, follower: EventFollower) -> None:
        if self._resting is not None:
            self._resting.cancel()
        follower.start()
        self._resting = asyncio.get_running_loop().call_later(_ATTENTIVE_SECONDS, self._rest, follower)

    def _rest(self, follower: EventFollower) -> None:
        task = asyncio.create_task(follower.stop())
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    def restored(self) -> None:
        """Go on after the connection came back."""
        if self._follower is not None:
            self._follower.renew()

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            self._log.apply(event)
        self._changed.set()
        self._changed = asyncio.Event()  # whoever waits holds the one that is set

    def _forget(self) -> None:
        self._log.clear()

    async def _on_question(self, message: Msg) -> None:
        task = asyncio.create_task(self._answer(message))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, message: Msg) -> None:
        """Answer ``{"id": …, "wait": seconds}`` with the call, or ``{}`` if there is none of that id.

        With ``wait`` the answer comes once the call is settled, or after so many seconds;
        with ``"for": "answer"``, too, once the function has answered for good.
        """
        from nats.errors import Error as NatsError  # by now it is imported anyway

        answer: dict[str, Any]
        try:
            question = json.loads(message.data)
            call_id, wait = str(question["id"]), min(float(question.get("wait", 0)), _MAX_WAIT_SECONDS)
            enough = _is_answered if question.get("for") == "answer" else _is_settled
        except (ValueError, KeyError, TypeError) as error:
            answer = {"error": f"not a question about a call: {error!r}"}
        else:
            assert self._follower is not None
            self._follow_for_a_while(self._follower)
            with suppress(NatsError, OSError):  # then with what has been read so far; a timeout is an OSError
                async with asyncio.timeout(_CATCH_UP_SECONDS):
                    await self._follower.read_to_end()
            call = await self._find(call_id, wait, enough)
            answer = {} if call is None else call_to_json(call)
        await message.respond(json.dumps(answer).encode())

    async def _find(self, call_id: str, wait: float, enough: Callable[[Call], bool]) -> Call | None:
        now = asyncio.get_running_loop().time
        known_by, settled_by = now() + _KNOWN_SECONDS, now() + wait
        while True:
            changed = self._changed
            call = self._log.get(call_id)
            deadline = known_by if call is None else settled_by
            if now() >= deadline or (call is not None and enough(call)):
                return call
            try:
                async with asyncio.timeout_at(deadline):
                    await changed.wait()
            except TimeoutError:
                continue  # the look at the deadline says it


def _is_settled(call: Call) -> bool:
    return call.is_settled


def _is_answered(call: Call) -> bool:
    return call.is_answered
