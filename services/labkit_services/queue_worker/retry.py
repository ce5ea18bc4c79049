"""When a call is tried again: rules without I/O.

Settings and their meaning are OpenFaaS Pro's (its docs on retries, and the chart's
values): a status code that is on the list, or any error that the platform made, is
tried again after a wait that doubles from ``min_wait`` to ``max_wait``.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import INTERNAL
from labkit_services.contract.numbers import parse_digits, parse_whole_number
from labkit_services.http import Headers

MAX_ATTEMPTS = 10_000
_LONGEST_WAIT_SECONDS = 24 * 3600.0
"""A ``Retry-After`` beyond a day is taken for a mistake."""

RETRY_AFTER_STATUSES = frozenset({429, 503})


class Backoff(StrEnum):
    """How the wait grows, and how much chance is in it."""

    EXPONENTIAL = "exponential"  # exactly the doubled wait
    FULL = "full"  # anything from 0 to it, so that calls that failed together come apart
    EQUAL = "equal"  # anything from half of it to it


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, when, and after which answers.

    Attributes:
        attempts: How many times it is tried, the first time included.
        min_wait: Seconds before the second attempt, and the least that a ``Retry-After`` may ask for.
        max_wait: Seconds that a wait may grow to.
        codes: Statuses after which it is tried again.
        backoff: How waits grow.
    """

    attempts: int = 10
    min_wait: float = 10.0
    max_wait: float = 120.0
    codes: frozenset[int] = frozenset({408, 429, 500, 502, 503, 504})
    backoff: Backoff = Backoff.EXPONENTIAL

    def of(self, annotations: Mapping[str, str]) -> RetryPolicy:
        """Return the policy of one function; a value that can't be used leaves the worker's own.

        Args:
            annotations: By what follows ``com.openfaas.retry.``.
        """
        if not annotations:
            return self
        changes: dict[str, Any] = {}
        for name, read in (
            ("attempts", parse_attempts),
            ("min_wait", parse_duration),
            ("max_wait", parse_duration),
            ("codes", parse_codes),
            ("backoff", parse_backoff),
        ):
            try:
                if name in annotations:
                    changes[name] = read(annotations[name])
            except InvalidValueError:
                continue  # as in OpenFaaS Pro
        return replace(self, **changes)

    def is_retriable(self, status: int, headers: Headers) -> bool:
        """Tell whether an answer is one after which the call is tried again."""
        return status in self.codes or (status >= 400 and INTERNAL in headers)

    def wait(self, attempt: int, rng: random.Random) -> float:
        """Return the seconds between attempt number ``attempt`` and the next one."""
        # 2.0**1024 is out of range; 40 doublings of a nanosecond are long past any max_wait.
        full = min(self.max_wait, self.min_wait * 2.0 ** min(attempt - 1, 40))
        match self.backoff:
            case Backoff.FULL:
                return rng.uniform(0.0, full)
            case Backoff.EQUAL:
                return rng.uniform(full / 2, full)
            case _:
                return full


@dataclass(frozen=True, slots=True)
class Settled:
    """No further attempt: the answer stands, good or bad."""


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt after so many seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The attempts are used up."""

    reason: str


Decision = Settled | Again | Exhausted


def decide(
    policy: RetryPolicy, attempt: int, status: int, headers: Headers, rng: random.Random, now: datetime
) -> Decision:
    """Say what follows on an answer.

    Args:
        policy: The function's.
        attempt: Which attempt gave the answer, from 1, since the call was last put into the queue.
        status: Its HTTP status.
        headers: Its headers.
        rng: Where chance comes from.
        now: The time, with zone, for a ``Retry-After`` that names a date.
    """
    if not policy.is_retriable(status, headers):
        return Settled()
    if attempt >= policy.attempts:
        times = "attempt" if attempt == 1 else "attempts"
        return Exhausted(f"status {status} after {attempt} {times}")
    asked = retry_after(headers, now) if status in RETRY_AFTER_STATUSES else None
    if asked is not None:
        return Again(min(max(asked, policy.min_wait), _LONGEST_WAIT_SECONDS))
    return Again(policy.wait(attempt, rng))


def retry_after(headers: Headers, now: datetime) -> float | None:
    """Return the seconds that ``Retry-After`` asks for (RFC 9110 §10.2.3); None if it says nothing usable."""
    text = headers.get("Retry-After").strip()
    if (seconds := parse_digits(text[:18])) is not None:
        return float(seconds)
    try:
        date = parsedate_to_datetime(text)
        return max(0.0, (date - now).total_seconds())
    except (TypeError, ValueError, OverflowError):  # no date, or one without a zone
        return None


def parse_attempts(text: str) -> int:
    """Return a usable number of attempts.

    Raises:
        InvalidValueError: It is none.
    """
    return parse_whole_number("attempts", text, 1, MAX_ATTEMPTS)


def parse_codes(text: str) -> frozenset[int]:
    """Return HTTP error statuses from a list such as ``429,502``.

    Raises:
        InvalidValueError: One of them is none.
    """
    parts = filter(None, map(str.strip, text.split(",")))
    return frozenset(parse_whole_number("error status", part, 400, 999) for part in parts)


def parse_backoff(text: str) -> Backoff:
    """Return the kind of back-off.

    Raises:
        InvalidValueError: There is no such kind.
    """
    try:
        return Backoff(text.strip().lower())
    except ValueError:
        raise InvalidValueError(f"{text!r} is no back-off", expected=", ".join(Backoff)) from None
