"""Injected faults: their kinds, their events, and how they are shown."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from labkit.views.formatting import format_seconds
from labkit.views.tables import TableList
from labkit_services.contract.events import Event, EventType


class FaultKind(StrEnum):
    """The faults that can be injected into a service."""

    KILL = "kill"  # SIGKILL; over when the service has been restarted
    STOP = "stop"  # stopped with SIGTERM; started again at the end
    PAUSE = "pause"  # SIGSTOP, at the end SIGCONT: it keeps its connections but does not respond
    RESTART = "restart"  # stopped with SIGTERM and started again at once
    SLOW = "slow"  # delay and limited bandwidth between the queue-workers and the gateway


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """One fault, from its beginning to its end.

    Attributes:
        kind: A ``FaultKind``, or ``down`` for a bin that responds with an
            error.
        ended: Unix nanoseconds, as ``began``; None while it lasts.
        how: Its parameters: ``delay``, ``bandwidth``, ``bin``, ``answer``.
    """

    kind: str
    service: str
    began: int
    ended: int | None = None
    how: Mapping[str, Any] = field(default_factory=dict)

    def row(self) -> tuple[str, ...]:
        """Return its row of a table of ``FaultList``."""
        seconds, rest = divmod(self.began, 10**9)
        began = f"{time.strftime('%H:%M:%S', time.gmtime(seconds))}.{rest // 10**6:03d}"
        how = "".join(f", {key} {value}" for key, value in self.how.items())
        lasted = "goes on" if self.ended is None else format_seconds((self.ended - self.began) / 1e9)
        return began, f"{self.service} {self.kind}{how}", lasted


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


class FaultList(TableList[FaultSpan]):
    """Injected faults, oldest first; shows itself as a table."""

    heading = ("began at (UTC)", "what", "lasted")
    empty = "no faults"
