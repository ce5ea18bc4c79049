"""The lab's events, followed as they are published and reduced to calls."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from labkit.clients.event_subscription import EventSubscription
from labkit_services.call_record.log import CallLog
from labkit_services.contract.errors import LabError, LabTimeoutError
from labkit_services.contract.events import Event, Row

T = TypeVar("T")

_HISTORY_SECONDS = 600.0
_LAB_EVENTS = 1_000
_LOOK_AT_LOGS = "look at the logs: lab.logs('queue-worker'), lab.logs('gateway')"


class ReadableCalls(ABC):
    """Calls that can be read, and waited for.

    Attributes:
        log: The newest ten thousand calls.
        lab_events: The newest events that belong to no call: services and
            faults.
        hint: What to check when events do not come, or "".
        failure: Why no more events can come, or None.
    """

    _NO_EVENT = "no such event"

    def __init__(self, hint: str = "", next_step: str = "") -> None:
        """Begin with no calls; ``next_step`` is for waits that end in vain."""
        self.log = CallLog()
        self.lab_events: deque[Event] = deque(maxlen=_LAB_EVENTS)
        self.hint = hint
        self.failure: LabError | None = None
        self._next_step = next_step or hint
        self._changed = asyncio.Event()

    @abstractmethod
    async def catch_up(self, timeout: float = ...) -> None:
        """Wait until all events until now have been read."""

    @abstractmethod
    async def publish(self, rows: list[Row], instance: str) -> None:
        """Publish the client's own events."""

    async def until(
        self,
        check: Callable[[CallLog], T | None],
        timeout: float,
        *,
        expected: str,
        describe: Callable[[CallLog], str] = lambda _: "",
    ) -> T:
        """Call ``check`` after every event until its result is not None.

        ``describe`` tells what the log shows instead, for the error.

        Raises:
            LabTimeoutError: It took longer than ``timeout`` seconds.
            LabError: The ``failure``.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    self._changed.clear()
                    if (found := check(self.log)) is not None:
                        return found
                    if self.failure is not None:
                        raise self.failure
                    await self._changed.wait()
        except TimeoutError:
            if (found := check(self.log)) is not None:
                return found
            raise LabTimeoutError(
                f"timed out after {timeout:g} s",
                expected=expected,
                seen=describe(self.log) or self._NO_EVENT,
                next_step=self._next_step,
            ) from None


class CallEvents(EventSubscription, ReadableCalls):
    """Follows the event stream; reads those of the last ten minutes, too."""

    _NO_EVENT = "no such event in the event log"

    def __init__(self, context: str, *, since_ns: int = 0) -> None:
        """Follow the events since a time, in Unix nanoseconds.

        ``context`` is the path of a file with the login to NATS.
        """
        oldest = time.time_ns() - int(_HISTORY_SECONDS * 1e9)
        EventSubscription.__init__(self, context, self._apply, self._clear, since_ns=max(since_ns, oldest))
        ReadableCalls.__init__(self, next_step=_LOOK_AT_LOGS)

    def _apply(self, events: Sequence[Event]) -> None:
        for event in events:
            self.log.apply(event)
            if not event.call_id:
                self.lab_events.append(event)
        self._changed.set()

    def _clear(self) -> None:
        self.log = CallLog()
        self.lab_events.clear()
