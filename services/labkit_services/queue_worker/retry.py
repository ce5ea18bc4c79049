"""Decide whether and when a call is retried. Pure, no I/O.

Settings and their meaning are OpenFaaS Pro's (its docs on retries, and the
chart's values): after a listed status code, or any error made by the platform,
the call is retried after a wait that doubles from ``min_wait`` to
``max_wait``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.headers import INTERNAL
from labkit_services.contract.numbers import parse_digits, parse_whole_number
from labkit_services.contract.queues import MAX_ATTEMPTS
from labkit_services.http import Headers

_LONGEST_WAIT_SECONDS = 24 * 3600.0
"""A ``Retry-After`` beyond a day is treated as an error."""

RETRY_AFTER_STATUSES = frozenset({429, 503})


class Backoff(StrEnum):
    """How the wait grows, and its jitter."""

    EXPONENTIAL = "exponential"  # exactly the doubled wait
    FULL = "full"  # random between 0 and the wait: spreads calls that failed together
    EQUAL = "equal"  # random between half the wait and the wait


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, when, and after which statuses to retry; waits in seconds.

    ``attempts`` includes the first one. ``min_wait`` is the wait before the
    second one, and the lower limit for a ``Retry-After``.
    """

    attempts: int = 10
    min_wait: float = 10.0
    max_wait: float = 120.0
    codes: frozenset[int] = frozenset({408, 429, 500, 502, 503, 504})
    backoff: Backoff = Backoff.EXPONENTIAL

    def changed(self, texts: Mapping[str, str]) -> RetryPolicy:
        """Return a policy with parsed values, or raise InvalidValueError."""
        known = {name: _PARSERS[name](text) for name, text in texts.items() if name in _PARSERS}
        return replace(self, **known)

    def with_annotations(self, annotations: Mapping[str, str]) -> RetryPolicy:
        """Return the policy changed by a function's annotations.

        They come without their prefix ``com.openfaas.retry.``. Invalid values
        are ignored, as in OpenFaaS Pro.
        """
        policy = self
        for name, text in annotations.items():
            with suppress(InvalidValueError):
                policy = policy.changed({name: text})
        return policy

    def is_retriable(self, status: int, headers: Headers) -> bool:
        """Tell whether a response is followed by a retry."""
        return status in self.codes or (status >= 400 and INTERNAL in headers)

    def wait(self, attempt: int, rng: random.Random) -> float:
        """Return the seconds between an attempt and the next one."""
        # Limited, since 2.0**1024 overflows; 40 doublings of a nanosecond
        # exceed any max_wait.
        full = min(self.max_wait, self.min_wait * 2.0 ** min(attempt - 1, 40))
        match self.backoff:
            case Backoff.FULL:
                return rng.uniform(0.0, full)
            case Backoff.EQUAL:
                return rng.uniform(full / 2, full)
            case _:
                return full


@dataclass(frozen=True, slots=True)
class NoRetry:
    """No further attempt: the response is final, good or bad."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Another attempt after ``delay`` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Exhausted:
    """No attempts are left."""

    reason: str


Decision = NoRetry | Retry | Exhausted


def decide(
    policy: RetryPolicy, attempt: int, status: int, headers: Headers, rng: random.Random, now: datetime
) -> Decision:
    """Decide what follows a response.

    Attempts are counted from 1 since the call was last queued. ``now`` has a
    zone: it is for a ``Retry-After`` that is a date.
    """
    if not policy.is_retriable(status, headers):
        return NoRetry()
    if attempt >= policy.attempts:
        times = "attempt" if attempt == 1 else "attempts"
        return Exhausted(f"status {status} after {attempt} {times}")
    requested = retry_after(headers, now) if status in RETRY_AFTER_STATUSES else None
    if requested is not None:
        return Retry(min(max(requested, policy.min_wait), _LONGEST_WAIT_SECONDS))
    return Retry(policy.wait(attempt, rng))


def retry_after(headers: Headers, now: datetime) -> float | None:
    """Return the seconds of ``Retry-After`` (RFC 9110 §10.2.3), if usable."""
    text = headers.get("Retry-After").strip()
    if (seconds := parse_digits(text[:18])) is not None:
        return float(seconds)
    try:
        date = parsedate_to_datetime(text)
        return max(0.0, (date - now).total_seconds())
    except (TypeError, ValueError, OverflowError):  # not a date, or one without a zone
        return None


def parse_attempts(text: str) -> int:
    """Return a number of attempts, or raise ``InvalidValueError``."""
    return parse_whole_number("attempts", text, 1, MAX_ATTEMPTS)


def parse_codes(text: str) -> frozenset[int]:
    """Return the error statuses in a list, or raise ``InvalidValueError``."""
    parts = filter(None, map(str.strip, text.split(",")))
    return frozenset(parse_whole_number("error status", part, 400, 999) for part in parts)


def parse_backoff(text: str) -> Backoff:
    """Return a kind of back-off, or raise ``InvalidValueError``."""
    try:
        return Backoff(text.strip().lower())
    except ValueError:
        raise InvalidValueError(f"{text!r} is not a kind of back-off", expected=", ".join(Backoff)) from None


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "attempts": parse_attempts,
    "min_wait": parse_duration,
    "max_wait": parse_duration,
    "codes": parse_codes,
    "backoff": parse_backoff,
}
