"""The headers that OpenFaaS sets on a callback."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from labkit_services.contract.headers import (
    CALL_ID,
    DURATION_SECONDS,
    FUNCTION_NAME,
    FUNCTION_STATUS,
    RETRY,
    RETRY_MAX,
)
from labkit_services.contract.names import short_function_name
from labkit_services.contract.numbers import parse_digits
from labkit_services.http import Headers

_HEADERS = (CALL_ID, FUNCTION_NAME, FUNCTION_STATUS, DURATION_SECONDS, RETRY, RETRY_MAX)
_NAMES = frozenset(name.lower() for name in _HEADERS)
_MAX_DIGITS = 9


@dataclass(frozen=True, slots=True)
class CallbackHeaders:
    """The parsed headers; a missing or invalid value is "" or None.

    Attributes:
        call_id: Of the asynchronous call whose result this is.
        function: Name as the learner wrote it, without the default namespace.
        status: The *function's* status; the callback itself is always a POST
            that arrived.
        duration_seconds: From the worker's receipt of the call to the
            function's complete response, without the time in the queue.
        retry: How many times the call was retried, of at most ``retry_max``.
    """

    call_id: str = ""
    function: str = ""
    status: int | None = None
    duration_seconds: float | None = None
    retry: int | None = None
    retry_max: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the ``openfaas`` part of a record."""
        document: dict[str, Any] = {
            "call_id": self.call_id or None,
            "function_name": self.function or None,
            "function_status": self.status,
            "duration_seconds": self.duration_seconds,
        }
        if self.retry is not None:
            document |= {"retry": self.retry, "retry_max": self.retry_max}
        return document


def parse_callback_headers(headers: Headers) -> CallbackHeaders | None:
    """Return the callback headers, or None if the request has none of them."""
    if not headers.has_any(_NAMES):
        return None
    return CallbackHeaders(
        call_id=headers.get(CALL_ID),
        function=short_function_name(headers.get(FUNCTION_NAME)),
        status=_parse_number(headers.get(FUNCTION_STATUS)),
        duration_seconds=_parse_seconds(headers.get(DURATION_SECONDS)),
        retry=_parse_number(headers.get(RETRY)),
        retry_max=_parse_number(headers.get(RETRY_MAX)),
    )


def _parse_number(text: str) -> int | None:
    return parse_digits(text) if len(text) <= _MAX_DIGITS else None


def _parse_seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None
