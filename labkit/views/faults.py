"""What went wrong on purpose: the record's events on faults, read without any I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from labkit_services.contract.events import Event, EventType


class FaultKind(StrEnum):
    """What can be done to a service."""

    KILL = "kill"  # SIGKILL; the supervisor starts it again
    STOP = "stop"  # stopped gracefully; started again at the end
    PAUSE = "pause"  # SIGSTOP, at the end SIGCONT: connections stay open, nothing is answered
    RESTART = "restart"  # stopped gracefully and started again at once
    SLOW = "slow"  # a slow network between the queue-workers and the gateway


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """One fault, from its beginning to its end.

    Attributes:
        kind: ``kill``, ``stop``, ``pause``, ``restart``, ``slow`` or ``down``.
        service: With what.
        began: Unix nanoseconds.
        ended: The same; None as long as it lasts.
        how: What else it is like: ``delay``, ``bandwidth``, ``bin``, ``answer``.
    """

    kind: str
    service: str
    began: int
    ended: int | None = None
    how: Mapping[str, Any] = field(default_factory=dict)


def fault_spans(events: Iterable[Event]) -> list[FaultSpan]:
    """Return the faults that events tell of, in the order of their beginnings.

    An end belongs to the last fault of that kind and place that has none; one whose
    beginning is not among the events is left out.
    """
    spans: list[FaultSpan] = []
    for event in sorted(events, key=lambda event: event.time_ns):
        if event.type == EventType.FAULT_STARTED:
            how = {key: value for key, value in event.data.items() if key not in ("fault", "service")}
            spans.append(
                FaultSpan(
                    str(event.data.get("fault")), str(event.data.get("service")), event.time_ns, how=how
                )
            )
        elif event.type == EventType.FAULT_ENDED:
            for index in reversed(range(len(spans))):
                if spans[index].ended is None and _is_of(event, spans[index]):
                    spans[index] = replace(spans[index], ended=event.time_ns)
                    break
    return spans


def _is_of(event: Event, span: FaultSpan) -> bool:
    what = (event.data.get("fault"), event.data.get("service"), event.data.get("bin"))
    return what == (span.kind, span.service, span.how.get("bin"))
