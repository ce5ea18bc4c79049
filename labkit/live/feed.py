"""The feed of a lab: what happens in it, sent to the open views.

It runs on the background loop, so that views stay live while a cell blocks.
Without an open view it has no task, no connection and no timer.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from labkit.clients.api_request import ApiRequest
from labkit.clients.event_subscription import EventSubscription
from labkit.errors import LabGoneError, LabResetError
from labkit.live.pump import KEYFRAME_LINES, Outbox, call_key, grown, pruned
from labkit.live.sources import LabLink
from labkit.live.topics import TOPICS
from labkit_services.call_record.call_index import CallIndex, IndexedCall
from labkit_services.contract.errors import LabTimeoutError
from labkit_services.contract.events import Event
from labkit_services.runtime.background_tasks import BackgroundTasks, OnFailure

TICK_SECONDS = 0.05
"""At most this often a view gets a message."""
KEYFRAME_SECONDS = 2.0
_FIRST_KEYFRAMES_SECONDS = 0.25
_OPENING_SECONDS = 3.0
"""For this time after a view was opened, keyframes come more often: its page
loses the messages before it is drawn."""
_HISTORY_SECONDS = 600.0
_STEP = 20
"""Calls that are derived before others may use the event loop."""
_MOST_RECENT = 1_000


class FeedView(Protocol):
    """What the feed needs of a view; it calls it on the background loop."""

    outbox: Outbox

    def post(self, message: dict[str, Any]) -> None:
        """Send a message: ``{"seq", "epoch", "topics"}``."""

    def post_keyframe(self, keyframe: dict[str, Any]) -> None:
        """Set what a page reads that is loaded later."""


class LabFeed:
    """The feed of one lab; its methods belong to the background loop.

    Topics: ``calls``, ``reset``, ``ended``, and those of ``TOPICS``.
    """

    def __init__(self, link: LabLink, on_failure: OnFailure) -> None:
        self._link = link
        self._on_failure = on_failure
        self._tasks = BackgroundTasks(self._failed)
        self._topics: Counter[str] = Counter()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._views: list[FeedView] = []
        self._clear()
        self._epoch = 0
        self._ended: dict[str, Any] | None = None

    def _clear(self) -> None:
        self._index = CallIndex()
        self._recent: dict[tuple[str, str], dict[str, Any]] = {}
        self._latest: dict[str, dict[str, Any]] = {}
        self._changed = asyncio.Event()
        self._is_new = False
        self._keyframe_due = 0.0
        self._opened = 0.0

    async def request(self, request: ApiRequest) -> tuple[int, Any]:
        """Send a page's request to the lab's API; return status and JSON."""
        return await self._link.connections.inspector.relay(request, self._link.state.run_id)

    # -- views

    def attach(self, view: FeedView) -> None:
        """Send what happens to ``view`` from now on; idempotent."""
        if view in self._views:
            return
        self._views.append(view)
        if self._ended is not None:
            view.outbox.put("ended", self._ended)
        for topic in view.outbox.topics:
            self._topics[topic] += 1
            self._start(topic)
        self._opened = time.monotonic()
        if "pump" not in self._running:
            # The first keyframe waits until the event log was read.
            self._keyframe_due = self._opened + _OPENING_SECONDS
            self._running["pump"] = self._tasks.start(self._pump(), name="send to live views")
            self._running["follow"] = self._tasks.start(self._follow(), name="follow calls for live views")
        else:
            self._post_keyframes([view])
        self._changed.set()

    def detach(self, view: FeedView) -> None:
        """Send nothing to ``view`` any more; idempotent."""
        if view not in self._views:
            return
        self._views.remove(view)
        for topic in view.outbox.topics:
            self._topics[topic] -= 1
            if not self._topics[topic]:
                self._latest.pop(topic, None)
                self._stop(topic)
        if not self._views:
            self._stop("pump")
            self._stop("follow")
            self._clear()

    def _start(self, topic: str) -> None:
        name, _, rest = topic.partition(":")
        source = TOPICS.get(name)
        if source is None or topic in self._running or self._ended is not None:
            return

        async def run() -> None:
            async for content in source(self._link, rest):
                self._publish(topic, content)

        self._running[topic] = self._tasks.start(run(), name=f"read {topic} for live views")

    def _stop(self, name: str) -> None:
        task = self._running.pop(name, None)
        if task is not None:
            task.cancel()

    def _failed(self, name: str, error: BaseException) -> None:
        self._on_failure(name, error)
        self._publish("problem", {"text": f"{name}: {error!r}"[:300]})

    def _publish(self, topic: str, content: dict[str, Any]) -> None:
        self._latest[topic] = grown(topic, self._latest.get(topic, {}), content, KEYFRAME_LINES)
        for view in self._views:
            view.outbox.put(topic, content)
        self._changed.set()

    # -- calls

    async def _follow(self) -> None:
        """Follow the event log over resets, until the lab ends."""
        watch = self._link.connections.watch
        while True:
            try:
                await watch.guard(self._follow_events())
            except LabResetError:
                self._reset()
            except LabGoneError as error:
                self._ended = {
                    "text": error.headline,
                    "seen": error.seen,
                    "next": error.next_step,
                    "now": time.time(),
                }
                self._publish("ended", self._ended)
                for topic in self._topics:
                    self._stop(topic)
                return

    async def _follow_events(self) -> None:
        state = self._link.state
        since = max(state.started_ns, time.time_ns() - int(_HISTORY_SECONDS * 1e9))
        subscription = EventSubscription(state.nats_context, self._apply, self._reset, since_ns=since)
        try:
            await subscription.start()
            with suppress(LabTimeoutError):  # then it is what was read until now
                await subscription.catch_up()
            self._keyframe_due = 0.0
            self._changed.set()
            await asyncio.get_running_loop().create_future()  # until it is cancelled
        finally:
            await subscription.stop()

    def _apply(self, events: Sequence[Event]) -> None:
        faults = self._index.faults()
        self._index.apply(events)
        self._is_new = self._is_new or self._index.faults() != faults
        self._changed.set()

    def _reset(self) -> None:
        self._epoch += 1
        self._index.clear()
        self._recent.clear()
        self._publish("reset", {"epoch": self._epoch})
        self._is_new = True

    # -- messages

    async def _pump(self) -> None:
        is_keyframe_old = True
        while True:
            wait = max(self._keyframe_due - time.monotonic(), 0.0) if is_keyframe_old else None
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            if self._changed.is_set():
                self._changed.clear()
                await self._put_calls()
                for view in list(self._views):
                    if (message := view.outbox.take()) is not None:
                        view.post({**message, "epoch": self._epoch})
                        is_keyframe_old = True
            now = time.monotonic()
            if is_keyframe_old and now >= self._keyframe_due:
                self._post_keyframes(self._views)
                opening = now < self._opened + _OPENING_SECONDS
                self._keyframe_due = now + (_FIRST_KEYFRAMES_SECONDS if opening else KEYFRAME_SECONDS)
                is_keyframe_old = False
            await asyncio.sleep(TICK_SECONDS)

    async def _put_calls(self) -> None:
        entries: dict[int, IndexedCall] = {}
        while self._index.is_stale:
            entries.update((entry.number, entry) for entry in self._index.refresh(_STEP))
            await asyncio.sleep(0)
        if not entries and not self._is_new:
            return
        self._is_new = False
        now_ns = time.time_ns()
        newest = sorted(entries.values(), key=lambda entry: entry.start_ns)[-_MOST_RECENT:]
        calls = []
        for number, entry in enumerate(newest, 1):
            calls.append(self._index.to_json(entry.call, now_ns))
            if not number % _STEP:
                await asyncio.sleep(0)
        self._recent.update((call_key(call), call) for call in calls)
        while len(self._recent) > _MOST_RECENT:
            del self._recent[next(iter(self._recent))]
        content = self._calls(calls, now_ns / 1e9)
        for view in self._views:
            view.outbox.put("calls", content)

    def _calls(self, calls: Sequence[Any], now: float) -> dict[str, Any]:
        return {
            "calls": list(calls),
            "counts": self._index.counted(),
            "faults": self._index.faults(),
            "now": now,
        }

    def _post_keyframes(self, views: Sequence[FeedView]) -> None:
        now = time.time()
        calls = self._calls(pruned(self._recent.values(), now), now)
        latest = {**self._latest, "calls": calls}
        latest.pop("reset", None)
        for view in list(views):
            topics = {topic: content for topic, content in latest.items() if topic in view.outbox.topics}
            view.post_keyframe({"seq": view.outbox.seq, "epoch": self._epoch, "topics": topics})


OnLoop = Callable[..., object]
"""Calls a function on the background loop: ``call_soon_threadsafe``."""
