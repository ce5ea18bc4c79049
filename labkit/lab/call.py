"""An asynchronous call: its status, its result, and cancelling it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from labkit.clients.connections import Connections
from labkit.clients.gateway import CALL_SECONDS, FunctionResponse
from labkit.clients.http_client import expect
from labkit.clients.lab_watch import guarded
from labkit.errors import CallStatusUnavailableError, LabGoneError, NoResultError
from labkit.lab.background_loop import LoopBound, blocking
from labkit.views.outcome import OutcomeInWords
from labkit.views.timeline.picture import CallTimeline
from labkit_services.call_record.attribution import CallOutcome, Surroundings, explain
from labkit_services.call_record.log import Call, CallLog, CallState
from labkit_services.contract.errors import LabTimeoutError
from labkit_services.contract.headers import CALL_ID
from labkit_services.contract.names import DEFAULT_QUEUE

_LONGEST_POLL_SECONDS = 30.0
"""The gateway's limit."""
_RETRY_SECONDS = 0.2
_STORED_SECONDS = 2.0
"""A result may be stored a moment after the call's status shows its end."""
_KNOWN_SECONDS = 10.0
_WHERE_IDS_ARE = "the ids of calls: lab.calls(), or kubectl logs deployment/queue-worker -n openfaas"
_ANSWERED = (CallState.DONE, CallState.CALLING_BACK)


class AsyncCallHandle(LoopBound):
    """A ``CallHandle`` whose methods are coroutines."""

    accepted = 202

    def __init__(
        self, connections: Connections, call_id: str, function: str = "", seconds: float = 0.0
    ) -> None:
        self.id = call_id
        self.function = function
        self.seconds = seconds
        self.watch = connections.watch
        self._connections = connections
        self._gateway = connections.gateway
        self._path = f"/async-function/{quote(call_id, safe='')}"
        # A callback to an asynchronous function carries this id, too.
        self._params = {"function": function} if function else {}

    def __repr__(self) -> str:
        return f"CallHandle({self.function or self.id!r}, {self.accepted} Accepted)"

    @guarded
    async def status(self) -> Call:
        """Return what the event log holds about the call now."""
        await (await self._connections.call_events()).catch_up()
        return await self._find(lambda call: True, _KNOWN_SECONDS, "an event of")

    @guarded
    async def wait(self, timeout: float = CALL_SECONDS) -> Call:
        """Return the finished call once its callback, if any, has been posted.

        Raises:
            LabTimeoutError: It took longer.
        """
        began = time.monotonic()
        # First read the newest events: a call that was redriven has an
        # outdated end. If that fails because nats-server is unavailable, it
        # may still be back in time.
        with contextlib.suppress(LabTimeoutError):
            await (await self._connections.call_events()).catch_up(timeout)
        remaining = max(0.0, timeout - (time.monotonic() - began))
        try:
            return await self._find(lambda call: call.is_settled, remaining, "the end of")
        except LabTimeoutError as error:
            error.headline = f"timed out after {timeout:g} s"  # in all
            raise

    async def _find(self, condition: Callable[[Call], bool], timeout: float, expected: str) -> Call:
        def find(log: CallLog) -> Call | None:
            call = log.get(self.id, self.function)
            return call if call is not None and condition(call) else None

        events = await self._connections.call_events()
        return await events.until(
            find, timeout, expected=f"{expected} call {self.id}", describe=self._describe
        )

    def _describe(self, log: CallLog) -> str:
        """Return the state of the call, for an error about it."""
        call = log.get(self.id, self.function)
        if call is None and self.seconds:
            return "it was accepted with 202; its events have not been read yet"
        if call is None:
            return "the event log has no event of it: the id is of no call, or the lab was reset"
        since = max((event.time_ns for event in call.events), default=time.time_ns())
        seconds = max(0.0, (time.time_ns() - since) / 1e9)
        reason = explain(call, Surroundings(time.time_ns())).reason
        return f"the call is {call.state}, for {seconds:.1f} s. {reason}"

    @guarded
    async def document(self, wait: float = 0.0) -> dict[str, Any]:
        """Return the call's status from the gateway.

        It comes when the call is settled, or after ``wait`` seconds.

        Raises:
            GatewayError: The gateway does not know the call, or its status is
                unavailable.
        """
        poll = min(wait, _LONGEST_POLL_SECONDS)
        headline = f"could not read the status of call {self.id}"
        parameters = {**self._params, "wait": f"{poll:.3f}"}
        return dict(
            await self._gateway.json("GET", self._path, headline, next_step=_WHERE_IDS_ARE, params=parameters)
        )

    @guarded
    async def explain(self) -> CallOutcome:
        """Return which hop decided the call's outcome, why, and what to do.

        Of a call that goes on, it tells what it waits for. ``str`` gives it
        in words; ``hop``, ``code``, ``reason`` and ``next`` are its parts.
        """
        try:
            document = await self.document()
        except (LabGoneError, CallStatusUnavailableError):
            # Without gateway or inspector the event log may tell.
            found = explain(await self.status(), Surroundings(time.time_ns()))
            return OutcomeInWords(found.hop, found.code, found.values)
        return OutcomeInWords.from_json(document["outcome"])

    @guarded
    async def result(self, timeout: float = CALL_SECONDS) -> FunctionResponse:
        """Return the function's response, success or failure.

        It is available as soon as the function has ended, even before its
        callback is posted.

        Raises:
            NoResultError: The call died or was cancelled, or its result is no
                longer stored.
            LabTimeoutError: It took longer.
        """
        began = time.monotonic()
        deadline = began + timeout
        lost_at: float | None = None
        while True:
            now = time.monotonic()
            try:
                result = await self._load_result(max(0.0, deadline - now), began)
                document = await self.document()
            except (LabGoneError, CallStatusUnavailableError):
                # The gateway or the inspector is being restarted.
                if now >= deadline:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            state = CallState(document["state"])
            if state in (CallState.DEAD, CallState.CANCELLED):
                raise _no_result(document, result)
            if state in _ANSWERED or document["settled"]:
                if result is not None:
                    return result
                lost_at = lost_at or now
                if now - lost_at > _STORED_SECONDS:
                    raise _no_result(document, None)
            elif now >= deadline:
                raise LabTimeoutError(
                    f"call {self.id} had no result within {timeout:g} s",
                    expected=f"a response of {document['function']}",
                    seen=f"the call is {state}. {document['outcome']['reason']}",
                    next_step="wait longer: result(timeout=…); or cancel it: cancel()",
                )
            await asyncio.sleep(_RETRY_SECONDS)

    async def _load_result(self, wait: float, began: float) -> FunctionResponse | None:
        """Return the stored response, waiting for it, or None."""
        poll = min(wait, _LONGEST_POLL_SECONDS)
        path, params = f"{self._path}/result", {**self._params, "wait": f"{poll:.3f}"}
        response = await self._gateway.request("GET", path, params=params)
        if CALL_ID not in response.headers:  # the gateway's own response, not the function's
            headline = f"could not read the result of call {self.id}"
            if response.status_code == 503:
                raise CallStatusUnavailableError(
                    headline,
                    expected="the call's status",
                    seen=response.text.strip(),
                    next_step="look at lab.status(): the inspector runs the call status service",
                )
            expect(response, headline, 404)
            return None
        seconds = time.monotonic() - began
        return FunctionResponse(
            response.status_code, response.content, dict(response.headers), self.id, seconds
        )

    async def timeline(self) -> CallTimeline:
        """Return the call's timeline: a picture in a notebook, else text."""
        return CallTimeline((await self.status(),), now_ns=time.time_ns())

    @guarded
    async def cancel(self) -> None:
        """Cancel the call, queued or running; no callback is posted.

        Raises:
            GatewayError: It has ended, or is unknown.
        """
        response = await self._gateway.request("DELETE", self._path, params=self._params)
        expect(response, f"call {self.id} was not cancelled", 202)


def _no_result(document: dict[str, Any], last: FunctionResponse | None) -> NoResultError:
    """Return the error for a call without a result, from its status."""
    call_id, function, queue = document["callId"], document["function"], document["queue"]
    if document["state"] == CallState.DEAD:
        queue_flag = f" --queue {queue}" if queue != DEFAULT_QUEUE else ""
        response = f" The last response was {last.status} {last.text.strip()[:200]}" if last else ""
        return NoResultError(
            f"call {call_id} of {function} was dead-lettered",
            expected="a response that is not a failure",
            seen=document["outcome"]["reason"] + response,
            next_step=f"redrive it: lab.queue({queue!r}).redrive({call_id!r}), "
            f"or labkit dead redrive {call_id}{queue_flag}",
        )
    if document["state"] == CallState.CANCELLED:
        return NoResultError(
            f"call {call_id} of {function} was cancelled",
            expected="a call that is not cancelled",
            seen=f"cancelled at {document['times']['cancelled']}. {document['outcome']['reason']}",
            next_step="make the call again",
        )
    return NoResultError(
        f"the result of call {call_id} of {function} is no longer stored",
        expected="one of the last 10,000 results, at most an hour old",
        seen=f"the call is {document['state']}",
        next_step="make the call again, or give it a callback",
    )


class CallHandle:
    """An asynchronous call.

    Attributes:
        id: Its ``X-Call-Id``.
        function: The function's name; "" if only the id is known.
        accepted: Status of the gateway's response: 202.
        seconds: How long the caller waited for it.
    """

    def __init__(self, async_call: AsyncCallHandle) -> None:
        self.id = async_call.id
        self.function = async_call.function
        self.accepted = async_call.accepted
        self.seconds = async_call.seconds
        self._async = async_call

    def __repr__(self) -> str:
        return repr(self._async)

    status = blocking(AsyncCallHandle.status)
    wait = blocking(AsyncCallHandle.wait)
    explain = blocking(AsyncCallHandle.explain)
    result = blocking(AsyncCallHandle.result)
    cancel = blocking(AsyncCallHandle.cancel)
    timeline = blocking(AsyncCallHandle.timeline)
