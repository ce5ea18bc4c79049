"""Retry decisions, with the rules of OpenFaaS Pro."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit_services.contract.errors import InvalidValueError
from labkit_services.http import Headers
from labkit_services.queue_worker.retry import (
    Backoff,
    Decision,
    Exhausted,
    NoRetry,
    Retry,
    RetryPolicy,
    decide,
    parse_attempts,
    parse_codes,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
POLICY = RetryPolicy(attempts=4, min_wait=1.0, max_wait=5.0)


def decided(status: int, attempt: int = 1, policy: RetryPolicy = POLICY, **headers: str) -> Decision:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return decide(policy, attempt, status, Headers(pairs), random.Random(1), NOW)


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 405, 418, 501])
def test_a_status_not_on_the_list_is_not_retried(status: int) -> None:
    assert decided(status) == NoRetry()


@pytest.mark.row("2.6 retries")
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_status_on_the_list_is_retried(status: int) -> None:
    assert decided(status) == Retry(1.0)


@pytest.mark.parametrize(("status", "outcome"), [(404, Retry(1.0)), (405, Retry(1.0)), (200, NoRetry())])
def test_any_error_of_the_platform_is_retried(status: int, outcome: Decision) -> None:
    assert decided(status, X_OpenFaaS_Internal="proxy") == outcome


def test_waits_double_up_to_the_maximum() -> None:
    policy = RetryPolicy(attempts=100, min_wait=1.0, max_wait=5.0)

    assert [decided(500, n, policy) for n in (1, 2, 3, 4, 90)] == [
        Retry(1.0),
        Retry(2.0),
        Retry(4.0),
        Retry(5.0),
        Retry(5.0),
    ]


@pytest.mark.parametrize("attempt", [4, 5, 100])
def test_no_retry_follows_the_last_attempt(attempt: int) -> None:
    assert decided(500, attempt) == Exhausted(f"status 500 after {attempt} attempts")


def test_a_policy_of_one_attempt_never_retries() -> None:
    assert decided(500, 1, RetryPolicy(attempts=1)) == Exhausted("status 500 after 1 attempt")


@pytest.mark.parametrize(
    ("status", "asked", "delay"),
    [
        (429, "7", 7.0),
        (503, "7", 7.0),
        (429, "0", 1.0),  # not below the first wait
        (429, " 3 ", 3.0),
        (500, "7", 1.0),  # only for 429 and 503
        (429, "soon", 1.0),
        (429, "-5", 1.0),
        (429, "7.5", 1.0),
        (429, "", 1.0),
        (429, "99999999999999", 86400.0),  # a day at most
        (429, "Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        (429, "Mon, 23 Nov 2026 11:00:00 GMT", 1.0),  # past
        (429, "Mon, 99 Nov 2026 12:00:30 GMT", 1.0),
    ],
)
def test_retry_after_determines_the_wait(status: int, asked: str, delay: float) -> None:
    assert decided(status, Retry_After=asked) == Retry(delay)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(st.integers(1, 1000), st.floats(0, 100), st.floats(0, 1000), st.sampled_from(Backoff), st.integers())
def test_a_wait_is_never_negative_nor_above_the_maximum(
    attempt: int, shortest: float, longest: float, backoff: Backoff, seed: int
) -> None:
    policy = RetryPolicy(min_wait=shortest, max_wait=longest, backoff=backoff)
    full = RetryPolicy(min_wait=shortest, max_wait=longest).wait(attempt, random.Random())

    wait = policy.wait(attempt, random.Random(seed))

    assert 0 <= wait <= full <= longest
    assert wait >= full / 2 or backoff is Backoff.FULL


def test_full_jitter_ranges_from_zero_to_the_whole_wait() -> None:
    rng = random.Random(3)
    waits = [RetryPolicy(min_wait=1.0, backoff=Backoff.FULL).wait(1, rng) for _ in range(1000)]

    assert min(waits) < 0.05
    assert max(waits) > 0.95


def test_equal_jitter_ranges_from_half_to_the_whole_wait() -> None:
    rng = random.Random(3)
    waits = [RetryPolicy(min_wait=1.0, backoff=Backoff.EQUAL).wait(1, rng) for _ in range(1000)]

    assert 0.5 <= min(waits) < 0.55
    assert max(waits) > 0.95


def test_annotations_override_the_policy_unless_invalid() -> None:
    annotations = {
        "attempts": "7",
        "min_wait": "20ms",
        "max_wait": "nonsense",
        "codes": "418,500",
        "backoff": "EQUAL",
    }

    assert POLICY.with_annotations(annotations) == RetryPolicy(
        7, 0.02, 5.0, frozenset({418, 500}), Backoff.EQUAL
    )
    assert POLICY.with_annotations({}) is POLICY
    assert POLICY.with_annotations({"attempts": "0", "codes": "200", "other": "x"}) == POLICY


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "1.5", "10001", "99999999999", "\u0663"])
def test_an_invalid_number_of_attempts_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_attempts(text)


@pytest.mark.parametrize("text", ["200", "5xx", "50", "5000", "500;502", "\u0665\u0660\u0660"])
def test_an_invalid_list_of_statuses_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_codes(text)


def test_a_list_of_statuses_may_have_blanks_and_a_trailing_comma() -> None:
    assert parse_codes(" 429, 502,") == {429, 502}


def test_a_retry_after_date_is_relative_to_now() -> None:
    later = NOW + timedelta(seconds=1)

    assert decide(
        POLICY,
        1,
        503,
        Headers([("Retry-After", "Mon, 23 Nov 2026 12:00:30 GMT")]),
        random.Random(),
        later,
    ) == Retry(29.0)


def storm(policy: RetryPolicy, rng: random.Random) -> float:
    """Return when the last of ten calls is done of which two fit in at a time, for 0.1 s each."""
    waiting = [(0.0, 1) for _ in range(10)]
    busy: list[float] = []
    last = 0.0
    while waiting:
        now, attempt = min(waiting)
        waiting.remove((now, attempt))
        busy = [end for end in busy if end > now]
        if len(busy) < 2:
            busy.append(now + 0.1)
            last = max(last, now + 0.1)
        else:
            waiting.append((now + policy.wait(attempt, rng), attempt + 1))
    return last


def test_jitter_ends_a_retry_storm_sooner() -> None:
    rng = random.Random(7)
    together = storm(RetryPolicy(min_wait=0.3), rng)
    spread = sorted(storm(RetryPolicy(min_wait=0.3, backoff=Backoff.FULL), rng) for _ in range(100))

    assert together == pytest.approx(0.3 + 0.6 + 1.2 + 2.4 + 0.1)
    assert spread[50] < together / 2
    assert spread[98] < together
