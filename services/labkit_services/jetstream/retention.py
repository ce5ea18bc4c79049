"""Retention limits of results, events, dead letters, cancelled calls, ids."""

from __future__ import annotations

from dataclasses import dataclass

_HOUR = 3600.0
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Retention:
    """Limits for the messages of a stream: age, number, total size."""

    seconds: float | None = None
    messages: int | None = None
    bytes: int | None = None


RESULTS = Retention(seconds=_HOUR, messages=10_000, bytes=256 * _MIB)
EVENTS = Retention(seconds=24 * _HOUR, bytes=256 * _MIB)
DEAD_LETTERS = Retention(messages=100_000, bytes=1024 * _MIB)
QUEUED_CALLS = Retention()
RESERVED_BYTES = sum(one.bytes or 0 for one in (RESULTS, EVENTS, DEAD_LETTERS))
"""What JetStream reserves for a lab with one queue, on each server."""

CANCELLED_SECONDS = _HOUR
"""How long a cancelled call's id is kept, in case its message could not be
deleted at once."""

DUPLICATE_WINDOW_SECONDS = 120.0
"""How long the id of a message is known, as in OpenFaaS Pro (its jetstream
docs)."""
