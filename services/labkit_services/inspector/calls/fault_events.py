"""Tells the streams of events when a fault begins and when it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from labkit_services.contract.events import Event, EventType
from labkit_services.inspector.live.server_sent_events import ServerSentEvents
from labkit_services.inspector.storage.changes import StoreChange

_FAULTS = (EventType.FAULT_STARTED, EventType.FAULT_ENDED)
GOOD_ANSWER = 200


def is_down(answer: int) -> bool:
    """Tell whether a bin with this answer fails; 0 closes the connection."""
    return answer == 0 or answer >= 300


class FaultEvents:
    """Announces faults of services, and of bins that go down or up."""

    def __init__(self, events: ServerSentEvents) -> None:
        self._events = events

    def on_lab_events(self, events: Sequence[Event]) -> None:
        """Announce what the supervisor reports."""
        for event in events:
            if event.type in _FAULTS:
                how = {key: value for key, value in event.data.items() if key not in ("fault", "service")}
                where, what = str(event.data.get("service")), str(event.data.get("fault"))
                self._events.announce(event.type, _to_json(where, what, event.time_ns, how))

    def on_change(self, change: StoreChange) -> None:
        """Announce a bin that goes down or up."""
        answer = change.bin.settings.answer
        if change.previous is None or is_down(change.previous.answer) == is_down(answer):
            return
        type_ = EventType.FAULT_STARTED if is_down(answer) else EventType.FAULT_ENDED
        how = {"bin": change.bin.name, "status": answer}
        self._events.announce(
            type_.value, _to_json("callback", "status", time.time_ns(), how), change.bin.name
        )


def _to_json(where: str, what: str, time_ns: int, how: dict[str, Any]) -> dict[str, Any]:
    return {"where": where, "what": what, "time": time_ns / 1e9, **how}
