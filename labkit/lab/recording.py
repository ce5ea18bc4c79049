"""Record a run: the lab's events, written to a file while they happen."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from labkit.clients.connections import Connections
from labkit.clients.event_subscription import EventSubscription
from labkit.clients.lab_watch import guarded
from labkit.errors import InspectorError, LabGoneError
from labkit.lab.background_loop import LoopBound, blocking, finish_interrupted
from labkit.live.recorded_run import RecordedRun
from labkit.views.flow import CallFlow
from labkit.views.timeline.picture import CallTimeline
from labkit.workspace import LabState
from labkit_services.call_record.record_file import (
    MAX_BYTES,
    MAX_EVENTS,
    event_line,
    head_line,
    request_line,
)
from labkit_services.contract.events import Event

if TYPE_CHECKING:
    from labkit.live.flow import FlowView
    from labkit.live.timeline import TimelineView

PUBLISH_SECONDS = 0.1
"""The services publish an event this long after it at the latest."""


class AsyncRecording(LoopBound):
    """A ``Recording`` whose methods are coroutines."""

    def __init__(self, connections: Connections, state: LabState, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().absolute()
        self.events = 0
        self.watch = connections.watch
        self._inspector = connections.inspector
        self._state = state
        self._since_ns = 0
        self._size = 0
        self._file: IO[str] | None = None
        self._follower: EventSubscription | None = None

    def __repr__(self) -> str:
        state = "recording" if self._file else "stopped"
        return f"<Recording {self.path}: {self.events} events, {state}>"

    @guarded
    async def start(self, *, history: bool) -> None:
        """Begin to write what happens; with ``history`` since the start."""
        self._since_ns = self._state.started_ns if history else time.time_ns()
        self._file = self.path.open("w", encoding="utf-8")
        self._write(head_line(time.time_ns(), since=self._since_ns / 1e9))
        state = self._state
        self._follower = EventSubscription(state.nats_context, self._write_events, since_ns=self._since_ns)
        await self._follower.start()

    def _write_events(self, events: Sequence[Event]) -> None:
        for event in events:
            if self.events < MAX_EVENTS and self._size < MAX_BYTES // 2:
                self.events += 1
                self._write(event_line(event))
        if self._file is not None:
            self._file.flush()

    def _write(self, line: str) -> None:
        if self._file is not None:
            self._size += len(line)
            self._file.write(line)

    @guarded
    async def stop(self) -> Path:
        """Write what has happened until now, and close the file; idempotent.

        Returns the file's path.
        """
        follower, self._follower = self._follower, None
        if follower is not None:
            try:
                await asyncio.sleep(PUBLISH_SECONDS)
                await follower.catch_up()
                await self._write_requests()
            finally:
                await follower.stop()
                if self._file is not None:
                    self._file.close()
                    self._file = None
        return self.path

    async def _write_requests(self) -> None:
        """Add the captured requests, without headers and bodies."""
        try:
            requests = await self._inspector.summaries(self._since_ns)
        except (InspectorError, LabGoneError):
            return  # the record is complete without them
        for summary in requests:
            self._write(request_line(summary))


class Recording:
    """A record that is being written; ``labkit open`` shows it.

    Use it in a ``with`` block, or call ``stop``.

    Attributes:
        path: The file.
    """

    def __init__(self, async_recording: AsyncRecording) -> None:
        self.path = async_recording.path
        self._async = async_recording

    def __repr__(self) -> str:
        return repr(self._async)

    stop = blocking(AsyncRecording.stop)

    def timeline(self, function: str = "", *, last: int = 0) -> CallTimeline | TimelineView:
        """End the recording and return its timeline, which can be played."""
        return RecordedRun(self.stop()).timeline(function, last=last)

    def flow(self, function: str = "") -> CallFlow | FlowView:
        """End the recording and return its flow, which can be played."""
        return RecordedRun(self.stop()).flow(function)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            finish_interrupted(self._async.stop(), error, "the record is being completed")
        else:
            self.stop()
