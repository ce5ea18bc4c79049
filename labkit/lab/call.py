"""A call that is on the queue: what becomes of it, and taking it back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labkit.clients.answer import Answer
from labkit.clients.gateway import CALL_SECONDS, Accepted, expect
from labkit.errors import LabGoneError, NoResultError, RecordAwayError
from labkit.lab.flavours import OnHub, blocking
from labkit_services.call_record.log import Call, CallLog, CallState
from labkit_services.contract.errors import LabTimeoutError
from labkit_services.contract.names import CALL_ID, DEFAULT_QUEUE

if TYPE_CHECKING:
    from labkit.clients.connections import Clients

_LONGEST_POLL_SECONDS = 30.0
"""The gateway's limit."""
_AWAY_SECONDS = 0.2
_STORED_SECONDS = 2.0
"""A result may be stored a moment after the record says that there is one."""
_KNOWN_SECONDS = 10.0
_ANSWERED = (CallState.DONE, CallState.CALLING_BACK)


class AsyncCall(OnHub):
    """An accepted call, as coroutines.

    Attributes:
        id: Its ``X-Call-Id``.
        function: The function's name.
        accepted: What the gateway answered: 202.
        seconds: How long the caller waited for that.
    """

    def __init__(self, clients: Clients, accepted: Accepted) -> None:
        self.id = call_id = accepted.id
        self.function = accepted.function
        self.accepted = accepted.status
        self.seconds = accepted.seconds
        self._clients = clients
        self._gateway = clients.gateway
        self._path = f"/async-function/{quote(call_id, safe='')}"

    def __repr__(self) -> str:
        return f"AcceptedCall({self.function or self.id!r}, {self.accepted} Accepted)"

    async def status(self) -> Call:
        """Return what is known of the call now.

        Raises:
            LabTimeoutError: Nothing is.
        """
        await (await self._clients.feed()).caught_up()
        return await self._in_record(lambda call: True, _KNOWN_SECONDS, "to hear of")

    async def wait(self, timeout: float = CALL_SECONDS) -> Call:
        """Return the call's record once it has run and its callback, if any, was posted.

        Raises:
            LabTimeoutError: It took longer.
        """
        began = time.monotonic()
        # First the newest: a call that was put back has an end that is no longer true. While nats-server is
        # away, as in a drill, it may still be back in time.
        with contextlib.suppress(LabTimeoutError):
            await (await self._clients.feed()).caught_up(timeout)
        left = max(0.0, timeout - (time.monotonic() - began))
        return await self._in_record(lambda call: call.is_settled, left, "the end of")

    async def _in_record(self, holds: Callable[[Call], bool], patience: float, expected: str) -> Call:
        def look(log: CallLog) -> Call | None:
            call = log.get(self.id)
            return call if call is not None and holds(call) else None

        feed = await self._clients.feed()
        return await feed.until(look, patience, expected=f"{expected} call {self.id}")

    async def document(self, wait: float = 0.0) -> dict[str, Any]:
        """Return what the gateway says of the call, when it is settled or after ``wait`` seconds.

        Raises:
            GatewayError: It does not know the call, or can't tell.
        """
        poll = min(wait, _LONGEST_POLL_SECONDS)
        response = await self._gateway.request("GET", self._path, params={"wait": f"{poll:.3f}"})
        expect(response, f"there is no telling what became of call {self.id}", 200)
        told: dict[str, Any] = response.json()
        return told

    async def result(self, timeout: float = CALL_SECONDS) -> Answer:
        """Return the function's answer, good or bad, waiting up to ``timeout`` seconds for it.

        It is there as soon as the function is done; its callback may still be on the way.

        Raises:
            NoResultError: The call died, was cancelled, or its result is not kept any more.
            LabTimeoutError: It took longer.
        """
        began = time.monotonic()
        deadline = began + timeout
        lost_at: float | None = None
        while True:
            now = time.monotonic()
            try:
                answer = await self._kept(max(0.0, deadline - now), began)
                told = await self.document()
            except (LabGoneError, RecordAwayError):
                # A drill, or a restart: whoever keeps it is soon back.
                if now >= deadline:
                    raise
                await asyncio.sleep(_AWAY_SECONDS)
                continue
            state = CallState(told["state"])
            if state in (CallState.DEAD, CallState.CANCELLED):
                raise _no_result(told, answer)
            if state in _ANSWERED or told["settled"]:
                if answer is not None:
                    return answer
                lost_at = lost_at or now
                if now - lost_at > _STORED_SECONDS:
                    raise _no_result(told, None)
            elif now >= deadline:
                raise LabTimeoutError(
                    f"call {self.id} had no result within {timeout:g} s",
                    expected=f"{told['function']} to answer",
                    seen=f"the call is {state}",
                    next_step="give it more time: result(timeout=…); or take it back: cancel()",
                )
            await asyncio.sleep(_AWAY_SECONDS)

    async def _kept(self, wait: float, began: float) -> Answer | None:
        """Return the function's answer if one is kept, waiting for it."""
        poll = min(wait, _LONGEST_POLL_SECONDS)
        path = f"{self._path}/result"
        response = await self._gateway.request("GET", path, params={"wait": f"{poll:.3f}"})
        if CALL_ID not in response.headers:  # the gateway's own words, not the function's
            if response.status_code == 503:
                raise RecordAwayError(
                    f"the result of call {self.id} can't be had",
                    expected="the gateway to know what became of it",
                    seen=response.text.strip(),
                    next_step="look at lab.status(): the inspector keeps the record of calls",
                )
            expect(response, f"the result of call {self.id} can't be had", 404)
            return None
        seconds = time.monotonic() - began
        return Answer(response.status_code, response.content, dict(response.headers), self.id, seconds)

    async def cancel(self) -> None:
        """Take the call back: it will not run, or not any longer; no callback is posted.

        Raises:
            GatewayError: It is over, or not known.
        """
        response = await self._gateway.request("DELETE", self._path)
        expect(response, f"call {self.id} was not cancelled", 202)


def _no_result(told: dict[str, Any], answer: Answer | None) -> NoResultError:
    """Return what to say of a call that has no result, from the gateway's account of it."""
    call_id, function = told["callId"], told["function"]
    queue = f" --queue {told['queue']}" if told["queue"] != DEFAULT_QUEUE else ""
    last = f"; the last answer was {answer.status} {answer.text.strip()[:200]}" if answer else ""
    if told["state"] == CallState.DEAD:
        return NoResultError(
            f"call {call_id} of {function} was given up",
            expected="an answer that is no failure",
            seen=told["deadReason"] + last,
            next_step=f"put it back: lab.queue({told['queue']!r}).redrive({call_id!r}), "
            f"or labkit dead redrive {call_id}{queue}",
        )
    if told["state"] == CallState.CANCELLED:
        return NoResultError(
            f"call {call_id} of {function} was cancelled",
            expected="a call that nobody takes back",
            seen=f"it was taken back at {told['times']['cancelled']}",
            next_step="make the call again",
        )
    return NoResultError(
        f"the result of call {call_id} of {function} is not kept any more",
        expected="one of the last 10,000 results, and of the last hour",
        seen=f"the call is {told['state']}",
        next_step="make the call again, or give it a callback",
    )


class AcceptedCall:
    """A call that is on the queue."""

    def __init__(self, core: AsyncCall) -> None:
        self._core = core

    @property
    def id(self) -> str:
        """Its ``X-Call-Id``."""
        return self._core.id

    @property
    def function(self) -> str:
        """The function's name."""
        return self._core.function

    @property
    def accepted(self) -> int:
        """What the gateway answered: 202."""
        return self._core.accepted

    @property
    def seconds(self) -> float:
        """How long the caller waited for that."""
        return self._core.seconds

    def __repr__(self) -> str:
        return repr(self._core)

    status = blocking(AsyncCall.status)
    wait = blocking(AsyncCall.wait)
    result = blocking(AsyncCall.result)
    cancel = blocking(AsyncCall.cancel)
