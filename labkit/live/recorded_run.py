"""A recorded run in a notebook: the live views, played from its file."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.language import language
from labkit.live.display import FLOW, GAUGE, TIMELINE
from labkit.live.feed import FeedView
from labkit.live.parts import ViewParts
from labkit.views.flow import CallFlow
from labkit.views.queue_status import QueueFigures
from labkit.views.timeline.picture import CallTimeline
from labkit_services.call_record.call_index import CallIndex
from labkit_services.call_record.fault_spans import fault_spans
from labkit_services.call_record.log import CallLog
from labkit_services.call_record.record_file import RunRecord, read_record
from labkit_services.contract.errors import InvalidValueError

if TYPE_CHECKING:
    from labkit.live.flow import FlowView
    from labkit.live.gauge import GaugeView
    from labkit.live.timeline import TimelineView

_MOST_CALLS = 2_000
"""A browser draws this number of calls without effort; ``labkit open`` shows
more."""


class RecordedRun:
    """A run that ``lab.record()`` has written; it needs no lab.

    Attributes:
        path: The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read the record.

        Raises:
            InvalidValueError: There is no such file, or it is no record.
        """
        self.path = Path(path).expanduser().absolute()
        try:
            with self.path.open("rb") as file:
                self._record = read_record(file, str(path))
        except OSError as error:
            raise InvalidValueError(
                f"{path} can't be read", expected="a record that lab.record() wrote", seen=str(error)
            ) from error

    def __repr__(self) -> str:
        return f"<RecordedRun {self.path}: {len(self._record.events)} events>"

    def timeline(self, function: str = "", *, last: int = 0) -> CallTimeline | TimelineView:
        """Return the timeline of the run, of one function or of all.

        In a notebook it can be played, step by step, at any speed.

        Args:
            function: Only this function's calls.
            last: How many of the last calls; 0 is all, up to 2,000.
        """
        calls = [call for call in self._feed.index.log.calls if function in ("", call.function)]
        faults = fault_spans(event for event in self._record.events if not event.call_id)
        still = CallTimeline(tuple(calls), tuple(faults), self._record.end_ns, most=last or 200)
        return TIMELINE.show(still, self.view_parts("timeline", function=function, last=last))

    def flow(self, function: str = "") -> CallFlow | FlowView:
        """Return the way of the run's calls, which can be played."""
        calls = [call for call in self._feed.index.log.calls if function in ("", call.function)]
        still = CallFlow.of(calls)
        return FLOW.show(still, self.view_parts("flow", function=function))

    def gauge(self) -> QueueFigures | GaugeView:
        """Return the figures of the run's queues, which can be played.

        They are derived from the calls. As text there are none.
        """
        return GAUGE.show(QueueFigures(), self.view_parts("gauge"))

    def view_parts(self, kind: str, **options: Any) -> ViewParts:
        """Return what a view of the run is made of."""
        record = {"start": self._record.start_ns / 1e9, "end": self._record.end_ns / 1e9}
        settings = {"kind": kind, "lang": language(), "options": options, "record": record}
        return ViewParts(self._feed, _call, settings)

    @cached_property
    def _feed(self) -> RecordFeed:
        return RecordFeed(self._record)


class RecordFeed:
    """Gives a view all of a record at once; how it is played, the page knows.

    Attributes:
        index: Its calls.
        request: None: there is no lab that could answer.
    """

    request = None

    def __init__(self, record: RunRecord) -> None:
        record.events.sort(key=lambda event: event.time_ns)
        self.index = CallIndex(CallLog(_MOST_CALLS))
        self.index.apply(record.events)
        self.index.refresh(_MOST_CALLS)
        self._end_ns = record.end_ns

    def attach(self, view: FeedView) -> None:
        """Give it to a view."""
        entries = sorted(self.index, key=lambda entry: entry.start_ns)
        content = {
            "calls": [self.index.to_json(entry.call, self._end_ns) for entry in entries],
            "counts": self.index.counted(),
            "faults": self.index.faults(),
            "now": self._end_ns / 1e9,
        }
        view.post_keyframe({"seq": 1, "epoch": 0, "topics": {"calls": content}})

    def detach(self, view: FeedView) -> None:
        """Nothing is sent later."""


def _call(function: Callable[..., object], *values: object) -> None:
    function(*values)
