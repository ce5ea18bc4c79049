"""Callback requests of a call, and captured requests with its id.

Times are Unix nanoseconds or None, as in ``attempt.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from labkit_services.call_record.attempt import has_failed


@dataclass(frozen=True, slots=True)
class Callback:
    """One request that posts a result to the ``X-Callback-Url``.

    Attributes:
        attempt: The attempt whose result it carried.
        url: The URL, as the worker sees it.
        sent: When the worker began to post it.
        answered: When the response was received, or the error known.
        status: HTTP status of the response.
        error: Why there was no response, or "".
        location: The last URL if the target redirected the request, or "".
        refused: Whether the target has not taken the result and no retry
            follows.
        retry_scheduled: When a retry was scheduled.
        retry_delay: Seconds until the retry.
    """

    attempt: int
    url: str = ""
    sent: int | None = None
    answered: int | None = None
    status: int | None = None
    error: str = ""
    location: str = ""
    refused: bool = False
    retry_scheduled: int | None = None
    retry_delay: float | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it has ended and the receiver has not accepted it."""
        return self.refused or has_failed(self.status, self.error)


@dataclass(frozen=True, slots=True)
class Capture:
    """A request with the call's id that reached a bin of the inspector."""

    time: int
    bin: str
    request: str
    """The request's id in that bin."""
    bytes: int | None
    """Size of the body."""
    seq: int | None = None
    """The request's number in that bin."""
