"""Injected faults, from the events that report them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from labkit_services.contract.events import Event, EventType


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """One fault, from its beginning to its end.

    Attributes:
        kind: ``kill``, ``stop``, ``pause``, ``restart``, ``slow``; or ``down``
            for a bin that responds with an error.
        ended: Unix nanoseconds, as ``began``; None while it lasts.
        how: Its parameters: ``delay``, ``bandwidth``, ``bin``, ``answer``.
    """

    kind: str
    service: str
    began: int
    ended: int | None = None
    how: Mapping[str, Any] = field(default_factory=dict)


def fault_spans(events: Iterable[Event]) -> list[FaultSpan]:
    """Return the faults in ``events``, in the order of their beginnings.

    An end belongs to the last fault of the same kind and service that has
    none. An end whose beginning is not among the events is ignored.
    """
    spans: list[FaultSpan] = []
    open_spans: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.time_ns):
        kind, service = str(event.data.get("fault")), str(event.data.get("service"))
        same_fault = open_spans[kind, service, event.data.get("bin")]
        if event.type == EventType.FAULT_STARTED:
            how = {key: value for key, value in event.data.items() if key not in ("fault", "service")}
            same_fault.append(len(spans))
            spans.append(FaultSpan(kind, service, event.time_ns, how=how))
        elif event.type == EventType.FAULT_ENDED and same_fault:
            index = same_fault.pop()
            spans[index] = replace(spans[index], ended=event.time_ns)
    return spans
