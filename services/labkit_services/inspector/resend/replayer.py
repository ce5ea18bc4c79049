"""Sends captured requests again, and records what came of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from labkit_services.http import Headers
from labkit_services.inspector.queries.diff import diff
from labkit_services.inspector.records.received_callback import parse_callback_headers
from labkit_services.inspector.records.request_record import ReceivedRequest, RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse
from labkit_services.inspector.resend.replay_marks import ReplayMarks
from labkit_services.inspector.resend.replay_request import OutgoingRequest, Replay
from labkit_services.inspector.resend.sender import NoAnswerError, Sender, TargetResponse
from labkit_services.inspector.resend.targets import AllowedTargets, CheckedTarget
from labkit_services.inspector.responding.held_requests import HeldRequests
from labkit_services.inspector.storage.bin_store import BinStore

_SECONDS = 40.0
"""Longer than the longest delay of a rule."""


@dataclass(frozen=True, slots=True)
class Resent:
    """One send; ``error`` says why there was no response."""

    record: RequestRecord
    error: NoAnswerError | None = None


@dataclass
class Replayer:
    """Replays requests.

    What is sent to one of the own bins is captured there. What is sent to
    another server is recorded in the original's bin, with the server's
    response. Both have ``replay_of``.

    Attributes:
        url: The inspector's own address, known once it listens.
    """

    store: BinStore
    targets: AllowedTargets
    sender: Sender
    holds: HeldRequests
    marks: ReplayMarks = field(default_factory=ReplayMarks)
    url: str = ""
    _sending: set[asyncio.Task[TargetResponse]] = field(default_factory=set)

    async def replay(self, original: RequestRecord, replay: Replay) -> dict[str, Any]:
        """Send a request once or several times; return the result as JSON.

        ``id``, ``status`` and ``diff`` are those of the last send. The status
        is None if the request is still held.

        Raises:
            NoAnswerError: No send got a response.
        """
        outgoing = replay.apply(original, self.url)
        target = await self.targets.resolve(outgoing.url)
        results: list[Resent] = []
        for number in range(replay.times):
            if number:
                await asyncio.sleep(replay.gap)
            results.append(await self._send(original, outgoing, target))
        last = results[-1]
        if all(result.error for result in results) and last.error is not None:
            raise last.error
        response = last.record.response
        return {
            "id": last.record.id,
            "ids": [result.record.id for result in results],
            "bin": last.record.bin,
            "status": response.status if response else None,
            "statuses": [
                result.record.response.status if result.record.response else None for result in results
            ],
            "diff": diff(original, last.record),
            "left_out": list(outgoing.left_out),
        }

    async def _send(
        self, original: RequestRecord, outgoing: OutgoingRequest, target: CheckedTarget
    ) -> Resent:
        is_own = target.origins[0].port == urlsplit(self.url).port and target.origins[0].is_loopback
        if not is_own:
            return await self._send_elsewhere(original, outgoing, target)
        mark, captured = self.marks.add(original.id)
        headers = [*outgoing.headers, mark]
        sending = asyncio.create_task(
            self.sender.send(target, outgoing.method, headers, outgoing.body, _SECONDS), name="replay"
        )
        self._sending.add(sending)
        sending.add_done_callback(self._done)
        started = time.time_ns()
        try:
            either: set[asyncio.Future[Any]] = {sending, captured}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not captured.done():  # it was no request to a bin
                return self._record(original, outgoing, started, await _result(sending))
            record = captured.result()
            if record.id not in self.holds.ids(record.bin):
                # A held request is answered later, when somebody does.
                await asyncio.wait({sending})
            return Resent(self.store.record(record.bin, record.id) or record)
        finally:
            self.marks.remove(mark)

    async def _send_elsewhere(
        self, original: RequestRecord, outgoing: OutgoingRequest, target: CheckedTarget
    ) -> Resent:
        started = time.time_ns()
        sending = self.sender.send(target, outgoing.method, list(outgoing.headers), outgoing.body, _SECONDS)
        return self._record(original, outgoing, started, await _result(sending))

    def _record(
        self,
        original: RequestRecord,
        outgoing: OutgoingRequest,
        started_ns: int,
        result: TargetResponse | NoAnswerError,
    ) -> Resent:
        parts = urlsplit(outgoing.url)
        received = ReceivedRequest(
            received_ns=started_ns,
            body_seconds=0.0,
            peer=("", 0),
            http_version="1.1",
            method=outgoing.method,
            target=outgoing.url.encode().decode("latin-1"),
            path=parts.path or "/",
            subpath=parts.path or "/",
            query=parts.query,
            headers=(("Host", parts.netloc), *outgoing.headers),
            body=outgoing.body,
            size=len(outgoing.body),
            sha256=hashlib.sha256(outgoing.body).hexdigest(),
            callback=parse_callback_headers(Headers(outgoing.headers)),
        )
        seconds = (time.time_ns() - started_ns) / 1e9
        rule = f"sent to {parts.netloc}"
        if isinstance(result, NoAnswerError):
            response = SentResponse(
                0, rule=rule, overridden_by=result.headline, started=seconds, ended=seconds
            )
        else:
            response = SentResponse(
                result.status, result.headers, result.body, rule=rule, started=seconds, ended=seconds
            )
        record, _ = self.store.add(original.bin, received, replay_of=original.id)
        record = self.store.answered(record.id, response) or record
        return Resent(record, result if isinstance(result, NoAnswerError) else None)

    def _done(self, sending: asyncio.Task[TargetResponse]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled():
            sending.exception()  # of a held request that nobody waits for

    def close(self) -> None:
        """Give up what is still being sent."""
        for sending in self._sending:
            sending.cancel()


async def _result(sending: Awaitable[TargetResponse]) -> TargetResponse | NoAnswerError:
    try:
        return await sending
    except NoAnswerError as error:
        return error
