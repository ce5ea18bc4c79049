"""Read single events and their data, which may be missing."""

from __future__ import annotations

from typing import Any

from labkit_services.contract.events import Event

ByType = dict[str, list[Event]]
"""A call's events by type, each list in time order."""


def first(by_type: ByType, type_: str) -> Event | None:
    """Return the first event of a type."""
    events = by_type.get(type_)
    return events[0] if events else None


def last(by_type: ByType, type_: str) -> Event | None:
    """Return the last event of a type."""
    events = by_type.get(type_)
    return events[-1] if events else None


def time_of(event: Event | None) -> int | None:
    """Return the time of an event."""
    return event.time_ns if event else None


def integer(event: Event | None, key: str) -> int | None:
    """Return an integer of an event's data, None if it is missing."""
    value: Any = event.data.get(key) if event else None
    return value if isinstance(value, int) else None


def seconds(event: Event | None, key: str) -> float | None:
    """Return a duration of an event's data, None if it is missing."""
    value: Any = event.data.get(key) if event else None
    return float(value) if isinstance(value, int | float) else None


def text(event: Event | None, key: str) -> str:
    """Return a text of an event's data, "" if it is missing."""
    return str(event.data.get(key, "")) if event else ""
