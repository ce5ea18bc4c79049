"""What became of a call: the function's answer, kept for a while, and the dead letter.

Both travel as NATS messages: metadata as JSON in one header, bodies as they
are. The gateway and the queue-worker write them, whoever asks reads them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from labkit_services.contract.compact import encode
from labkit_services.contract.queued import CALL_HEADER, DEDUPE_HEADER, QueuedCall

RESULT_HEADER = "Faas-Result"
DEAD_HEADER = "Faas-Dead"
QUEUE_HEADER = "Faas-Queue"
"""Which queue a callback's call came from."""
TRIED_HEADER = "Faas-Tried"
"""Of a callback that was put off: its first try has been made. One that was put back begins anew."""

_MAX_HEADER_BYTES = 8_000
"""Of the function's headers no more is kept: with the call's own they must stay below JetStream's 64 KiB."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a function answered.

    Attributes:
        status: HTTP status.
        headers: All headers, as ordered pairs.
        body: The body, or as much of it as could be kept.
        size: Bytes of the whole body.
        attempt: Which attempt gave it.
        finished_ns: Unix nanoseconds at which it was complete.
        seconds: From taking the call off the queue to having the answer.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    size: int
    attempt: int
    finished_ns: int
    seconds: float

    @property
    def is_whole(self) -> bool:
        """Whether all of the body was kept."""
        return len(self.body) == self.size

    def within(self, limit: int) -> Result:
        """Return it with a body of at most ``limit`` bytes."""
        return self if len(self.body) <= limit else replace(self, body=self.body[:limit])

    def metadata(self) -> str:
        """Return all but the body, on one line of ASCII."""
        headers: list[tuple[str, str]] = []
        room = _MAX_HEADER_BYTES
        for name, value in self.headers:
            room -= len(name) + len(value)
            if room < 0:
                break
            headers.append((name, value))
        return encode([self.status, headers, self.size, self.attempt, self.finished_ns, self.seconds])

    @classmethod
    def from_metadata(cls, text: str, body: bytes) -> Result:
        """Rebuild what ``metadata`` wrote.

        Raises:
            ValueError: It is something else.
        """
        try:
            status, headers, size, attempt, finished_ns, seconds = json.loads(text)
            pairs = tuple((name, value) for name, value in headers)
        except TypeError as error:
            raise ValueError(f"not a result: {error!r}") from error
        return cls(status, pairs, body, size, attempt, finished_ns, seconds)


class DeadKind(StrEnum):
    """What was given up."""

    INVOCATION = "invocation"  # the function failed in every attempt
    CALLBACK = "callback"  # the function's answer could not be delivered


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A call, or a call's callback, that was given up.

    Attributes:
        call: The call with its body.
        kind: What was given up.
        reason: Why, in a few words.
        attempts: How often it was tried: the function, or the callback.
        died_ns: Unix nanoseconds.
        result: The function's last answer; None if there never was one.
    """

    call: QueuedCall
    kind: DeadKind
    reason: str
    attempts: int
    died_ns: int
    result: Result | None

    def message(self, room: int) -> tuple[dict[str, str], bytes]:
        """Return the NATS headers and the body: the call's, then the result's.

        Args:
            room: Bytes that a message may have. The call's body always stays
                whole; the result's is cut if need be.
        """
        headers = {
            # Of this death: one that was put back may die again in the same way, within the duplicate window.
            DEDUPE_HEADER: f"{self.call.call_id}:{self.kind}:{self.died_ns}",
            CALL_HEADER: self.call.metadata(),
            DEAD_HEADER: encode([self.kind, self.reason, self.attempts, self.died_ns, len(self.call.body)]),
        }
        body = self.call.body
        if self.result is not None:
            headers[RESULT_HEADER] = self.result.metadata()
            body += self.result.body[: max(0, room - len(body))]
        return headers, body

    @classmethod
    def from_message(cls, headers: Mapping[str, str] | None, body: bytes) -> DeadLetter:
        """Rebuild what ``message`` wrote.

        Raises:
            ValueError: It is something else.
        """
        headers = headers or {}
        try:
            kind, reason, attempts, died_ns, length = json.loads(headers[DEAD_HEADER])
            call = QueuedCall.from_message(headers, body[:length])
            text = headers.get(RESULT_HEADER)
            result = None if text is None else Result.from_metadata(text, body[length:])
            return cls(call, DeadKind(kind), reason, attempts, died_ns, result)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a dead letter: {error!r}") from error
