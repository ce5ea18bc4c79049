"""Making a run of calls and waiting for its record to be complete."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labkit.clients.call_events import EventFeed
from labkit.clients.gateway import Body, GatewayClient
from labkit.views.measurement import Measurement
from labkit_services.call_record.log import Call, CallLog, Mode
from labkit_services.contract.errors import InvalidValueError, LabTimeoutError
from labkit_services.contract.events import Event, EventType, Row
from labkit_services.contract.names import CALL_ID

MAX_CALLS = 10_000
RUN_SECONDS = 120.0
"""Patience for a whole run of calls."""
_RECORD_SECONDS = 5.0
"""Patience for the events of calls that have ended to arrive here."""


@dataclass(frozen=True)
class Progress:
    """How far a run is: calls answered (the caller's side) and over (the function's side)."""

    answered: int
    over: int


OnProgress = Callable[[Progress], None]


class Measuring:
    """Makes calls one after the other, as a shell would, and keeps the client's part of the record."""

    def __init__(self, gateway: GatewayClient, feed: EventFeed) -> None:
        self._gateway = gateway
        self._feed = feed
        self._instance = f"client-{os.getpid()}"

    async def measure(
        self,
        function: str,
        *,
        calls: int = 10,
        mode: Mode = "sync",
        body: Body = b"",
        wait: bool = True,
        timeout: float = RUN_SECONDS,
        on_progress: OnProgress = lambda _: None,
    ) -> Measurement:
        """Make a run of calls, one after the other, and return what each hop saw of each.

        Args:
            function: Which function.
            calls: How many.
            mode: ``sync`` waits for each answer; ``async`` for each 202.
            body: What each call sends.
            wait: In ``async`` mode, whether to wait until all have been worked off.
            timeout: Seconds for the whole run.
            on_progress: Told how far it is, on the hub's thread.

        Raises:
            LabTimeoutError: It took longer; says how far it came.
        """
        if not 1 <= calls <= MAX_CALLS:
            raise InvalidValueError(
                "the number of calls is out of range", expected=f"1 to {MAX_CALLS}", seen=str(calls)
            )
        if mode not in ("sync", "async"):
            raise InvalidValueError("unknown mode", expected="'sync' or 'async'", seen=repr(mode))
        deadline = time.monotonic() + timeout
        started = time.time_ns()
        ids: list[str] = []
        for number in range(calls):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise LabTimeoutError(
                    f"the run took longer than {timeout:g} s",
                    expected=f"{calls} calls of {function}",
                    seen=f"{number} answered",
                    next_step="give it more time: timeout=…",
                )
            ids.append(await self._call(function, mode, body, remaining))
            on_progress(Progress(number + 1, number + 1 if mode == "sync" else self._over(ids)))
        if mode == "async" and wait:
            await self._drained(function, ids, max(deadline - time.monotonic(), 0.1), on_progress)
        finished = time.time_ns()
        if mode == "sync":
            await self._recorded(ids)
        log = self._feed.log
        found = tuple(log.get(call_id) or Call(call_id, function=function, mode=mode) for call_id in ids)
        return Measurement(function, mode, found, started, finished)

    async def _call(self, function: str, mode: Mode, body: Body, patience: float) -> str:
        call_id = str(uuid.uuid4())
        headers = {CALL_ID: call_id}
        await self._note(EventType.CLIENT_SENT, call_id, function, mode=mode, bytes=len(body))
        try:
            if mode == "sync":
                answer = await self._gateway.invoke(function, body, headers=headers, timeout=patience)
                status, size = answer.status, len(answer.body)
            else:
                accepted = await self._gateway.invoke_async(function, body, headers=headers, timeout=patience)
                status, size = accepted.status, 0
        except Exception as error:
            await self._note(EventType.CLIENT_ANSWERED, call_id, function, error=str(error))
            raise
        await self._note(EventType.CLIENT_ANSWERED, call_id, function, status=status, bytes=size)
        return call_id

    async def _note(self, type_: str, call_id: str, function: str, **data: Any) -> None:
        row: Row = [time.time_ns(), type_, call_id, function, 1, data]
        # Known here at once, and idempotent when it comes back from the stream.
        self._feed.log.apply(Event(row[0], type_, call_id, function, 1, "client", self._instance, data))
        await self._feed.publish([row], self._instance)

    def _over(self, ids: list[str]) -> int:
        return sum(_settled(self._feed.log, call_id) for call_id in ids)

    async def _drained(self, function: str, ids: list[str], patience: float, on_progress: OnProgress) -> None:
        pending = set(ids)

        def all_over(log: CallLog) -> bool | None:
            pending.difference_update([call_id for call_id in pending if _settled(log, call_id)])
            on_progress(Progress(len(ids), len(ids) - len(pending)))
            return None if pending else True

        try:
            await self._feed.until(all_over, patience, expected=f"{len(ids)} calls of {function} worked off")
        except LabTimeoutError as error:
            error.seen = f"{len(ids) - len(pending)} worked off, {len(pending)} not yet"
            raise

    async def _recorded(self, ids: list[str]) -> None:
        """Wait for the last events of calls that were answered; go on without them after a while."""

        def all_known(log: CallLog) -> bool | None:
            return all((call := log.get(i)) and call.replied is not None for i in ids) or None

        try:
            await self._feed.until(all_known, _RECORD_SECONDS, expected="the record of the run")
        except LabTimeoutError:
            return  # the client's own part of the record is there


def _settled(log: CallLog, call_id: str) -> bool:
    call = log.get(call_id)
    return call is not None and call.is_settled
