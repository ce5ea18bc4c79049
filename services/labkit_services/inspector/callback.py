"""What OpenFaaS says in the headers of a callback."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from labkit_services.contract.names import (
    CALL_ID,
    DURATION_SECONDS,
    FUNCTION_NAME,
    FUNCTION_STATUS,
    RETRY,
    RETRY_MAX,
    short_function_name,
)
from labkit_services.http import Headers

_HEADERS = (CALL_ID, FUNCTION_NAME, FUNCTION_STATUS, DURATION_SECONDS, RETRY, RETRY_MAX)


@dataclass(frozen=True, slots=True)
class Callback:
    """The decoded headers; what was not said, or makes no sense, is "" or None.

    Attributes:
        call_id: Of the asynchronous call whose result this is.
        function: Name as the learner wrote it, without the default namespace.
        status: The *function's* status; the callback itself is always a POST that arrived.
        duration_seconds: From the worker's taking the call to this callback;
            the time in the queue is not in it.
        retry: How often the call was tried again.
        retry_max: How often it may be.
    """

    call_id: str
    function: str
    status: int | None
    duration_seconds: float | None
    retry: int | None
    retry_max: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the ``openfaas`` part of a record."""
        facts: dict[str, Any] = {
            "call_id": self.call_id or None,
            "function_name": self.function or None,
            "function_status": self.status,
            "duration_seconds": self.duration_seconds,
        }
        if self.retry is not None:
            facts |= {"retry": self.retry, "retry_max": self.retry_max}
        return facts


def decode(headers: Headers) -> Callback | None:
    """Return what the headers say of a call, or None if they say nothing."""
    if not any(name in headers for name in _HEADERS):
        return None
    return Callback(
        call_id=headers.get(CALL_ID),
        function=short_function_name(headers.get(FUNCTION_NAME)),
        status=_whole(headers.get(FUNCTION_STATUS)),
        duration_seconds=_seconds(headers.get(DURATION_SECONDS)),
        retry=_whole(headers.get(RETRY)),
        retry_max=_whole(headers.get(RETRY_MAX)),
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None
