"""Outcomes of a call as NATS messages: the result, the dead letter.

Metadata is JSON in one header, bodies are unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from labkit_services.contract.compact_json import encode
from labkit_services.contract.queued_call import CALL_HEADER, DEDUPE_HEADER, QueuedCall

RESULT_HEADER = "Faas-Result"
DEAD_HEADER = "Faas-Dead"
QUEUE_HEADER = "Faas-Queue"
"""On a callback to be retried: the queue that its call came from."""
TRIED_HEADER = "Faas-Tried"
"""On a callback to be retried: the first request was sent. A redriven callback
lacks this header."""

_MAX_HEADER_BYTES = 8_000
"""Limit for the stored headers of a response: with the call's own they must
fit JetStream's 64 KiB."""


@dataclass(frozen=True, slots=True)
class Result:
    """The response of a function to one call.

    Attributes:
        status: HTTP status.
        headers: All headers, as ordered pairs.
        body: The body, possibly cut off.
        size: Bytes of the whole body.
        attempt: Number of the attempt.
        finished_ns: Unix nanoseconds at which the response was complete.
        seconds: From the delivery of the call to the complete response.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    size: int
    attempt: int
    finished_ns: int
    seconds: float

    @property
    def is_complete(self) -> bool:
        """Whether the body is complete."""
        return len(self.body) == self.size

    def metadata(self) -> str:
        """Encode all but the body in ASCII, on one line."""
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
        """Decode ``metadata``, or raise ``ValueError``."""
        try:
            status, headers, size, attempt, finished_ns, seconds = json.loads(text)
            pairs = tuple((name, value) for name, value in headers)
        except TypeError as error:
            raise ValueError(f"not a result: {error!r}") from error
        return cls(status, pairs, body, size, attempt, finished_ns, seconds)


class DeadKind(StrEnum):
    """What failed for good."""

    INVOCATION = "invocation"  # the function failed in every attempt
    CALLBACK = "callback"  # the result could not be delivered


@dataclass(frozen=True, slots=True)
class DeadLetterMessage:
    """A call that failed for good, or whose callback did.

    Attributes:
        call: The call with its body.
        kind: What failed.
        reason: Why, in a few words.
        attempts: Number of attempts: at the invocation, or at the callback.
        died_ns: Unix nanoseconds of the last failure.
        result: The last response of the function, if there was one.
    """

    call: QueuedCall
    kind: DeadKind
    reason: str
    attempts: int
    died_ns: int
    result: Result | None

    @property
    def size(self) -> int:
        """Bytes of its bodies."""
        return len(self.call.body) + (len(self.result.body) if self.result else 0)

    def message(self, max_body_bytes: int) -> tuple[dict[str, str], bytes]:
        """Return NATS headers and body: the call's body, then the result's.

        Beyond ``max_body_bytes`` the result's body is cut off; the call's
        stays complete.
        """
        headers = {
            # With the time: after a redrive it may fail again in the same way
            # within the duplicate window.
            DEDUPE_HEADER: f"{self.call.call_id}:{self.kind}:{self.died_ns}",
            CALL_HEADER: self.call.metadata(),
            DEAD_HEADER: encode([self.kind, self.reason, self.attempts, self.died_ns, len(self.call.body)]),
        }
        body = self.call.body
        if self.result is not None:
            headers[RESULT_HEADER] = self.result.metadata()
            body += self.result.body[: max(0, max_body_bytes - len(body))]
        return headers, body

    @classmethod
    def from_message(cls, headers: Mapping[str, str] | None, body: bytes) -> DeadLetterMessage:
        """Decode a NATS message, or raise ``ValueError``."""
        headers = headers or {}
        try:
            kind, reason, attempts, died_ns, length = json.loads(headers[DEAD_HEADER])
            call = QueuedCall.from_message(headers, body[:length])
            text = headers.get(RESULT_HEADER)
            result = None if text is None else Result.from_metadata(text, body[length:])
            return cls(call, DeadKind(kind), reason, attempts, died_ns, result)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a dead letter: {error!r}") from error
