"""The feed of a lab: when it runs, what it sends, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from labkit.errors import LabGoneError, LabResetError
from labkit.live import feed as feed_module
from labkit.live.feed import LabFeed
from labkit.live.pump import Outbox
from labkit.live.sources import LabLink
from labkit_services.contract.events import Event, EventType

pytestmark = pytest.mark.anyio


class View:
    """A view whose messages are kept."""

    def __init__(self, *topics: str) -> None:
        self.outbox = Outbox(("calls", "reset", "ended", "problem", *topics))
        self.messages: list[dict[str, Any]] = []
        self.keyframes: list[dict[str, Any]] = []

    def post(self, message: dict[str, Any]) -> None:
        self.messages.append(message)

    def post_keyframe(self, keyframe: dict[str, Any]) -> None:
        self.keyframes.append(keyframe)

    def topic(self, name: str) -> list[Any]:
        return [message["topics"][name] for message in self.messages if name in message["topics"]]


class Watch:
    """Interrupts what it guards when the test says so."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[Exception] = asyncio.Queue()

    async def guard(self, work: Any) -> Any:
        task = asyncio.get_running_loop().create_task(work, name="guarded")
        try:
            raise await self.news.get()
        finally:
            task.cancel()
            await asyncio.wait({task})


class Subscription:
    """Stands for the connection to nats-server."""

    made: list[Subscription]

    def __init__(self, _context: str, on_events: Any, on_reset: Any, *, since_ns: int) -> None:
        self.on_events, self.on_reset = on_events, on_reset
        self.open = False
        Subscription.made.append(self)

    async def start(self) -> None:
        self.open = True

    async def catch_up(self) -> None:
        """All was read."""

    async def stop(self) -> None:
        self.open = False


@pytest.fixture(autouse=True)
def subscriptions(monkeypatch: pytest.MonkeyPatch) -> list[Subscription]:
    Subscription.made = []
    monkeypatch.setattr(feed_module, "EventSubscription", Subscription)
    return Subscription.made


def made(failures: list[str] | None = None) -> tuple[LabFeed, Watch]:
    watch = Watch()
    state = SimpleNamespace(nats_context="", started_ns=0)
    link = SimpleNamespace(state=state, connections=SimpleNamespace(watch=watch), supervisor=None)
    reported = [] if failures is None else failures
    return LabFeed(cast(LabLink, link), lambda name, error: reported.append(f"{name}: {error}")), watch


def event(call_id: str, time_ns: int = 1) -> Event:
    data = {"queue": "faas-request", "seq": 1, "bytes": 0}
    return Event(time_ns, EventType.CALL_QUEUED, call_id, "f", 1, "gateway", "gateway", data)


def tasks() -> list[str]:
    ours = ("live views", "guarded")
    return [task.get_name() for task in asyncio.all_tasks() if any(text in task.get_name() for text in ours)]


async def test_without_a_view_there_is_no_task_and_no_connection(subscriptions: list[Subscription]) -> None:
    feed, _ = made()
    assert (tasks(), subscriptions) == ([], [])
    first, second = View(), View()
    for _ in range(20):
        feed.attach(first)
        feed.attach(second)
        await asyncio.sleep(0.01)
        feed.detach(first)
        feed.detach(first)
    assert len(subscriptions) == 1
    assert len(tasks()) == 3

    feed.detach(second)
    await asyncio.sleep(0.05)

    assert tasks() == []
    assert not subscriptions[0].open


async def test_events_become_one_message_a_view_at_most_each_50_ms(subscriptions: list[Subscription]) -> None:
    feed, _ = made()
    view = View()
    feed.attach(view)
    await asyncio.sleep(0.1)
    for number in range(100):
        subscriptions[0].on_events([event(f"c{number % 10}", number)])
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.1)
    feed.detach(view)

    contents = view.topic("calls")
    assert 2 <= len(contents) <= 10
    assert {call["callId"] for content in contents for call in content["calls"]} == {
        f"c{n}" for n in range(10)
    }
    assert [message["seq"] for message in view.messages] == list(range(1, len(view.messages) + 1))


async def test_a_second_view_begins_with_what_is_known(subscriptions: list[Subscription]) -> None:
    feed, _ = made()
    first, second = View(), View()
    feed.attach(first)
    await asyncio.sleep(0.05)
    subscriptions[0].on_events([event("a")])
    await asyncio.sleep(0.15)
    feed.attach(second)

    assert [call["callId"] for call in second.keyframes[0]["topics"]["calls"]["calls"]] == ["a"]
    feed.detach(first)
    feed.detach(second)


async def test_the_last_keyframe_comes_when_traffic_has_stopped(
    subscriptions: list[Subscription], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "KEYFRAME_SECONDS", 0.2)
    monkeypatch.setattr(feed_module, "_FIRST_KEYFRAMES_SECONDS", 0.2)
    feed, _ = made()
    view = View()
    feed.attach(view)
    await asyncio.sleep(0.1)
    for number in range(3):
        subscriptions[0].on_events([event(f"c{number}")])
        await asyncio.sleep(0.06)
    await asyncio.sleep(0.4)
    count = len(view.keyframes)
    await asyncio.sleep(0.4)
    feed.detach(view)

    last = view.keyframes[-1]
    assert [call["callId"] for call in last["topics"]["calls"]["calls"]] == ["c0", "c1", "c2"]
    assert last["seq"] == view.messages[-1]["seq"]
    assert len(view.keyframes) == count  # and none while nothing happens


async def test_a_reset_empties_the_views_and_the_feed_goes_on(subscriptions: list[Subscription]) -> None:
    feed, watch = made()
    view = View()
    feed.attach(view)
    await asyncio.sleep(0.05)
    subscriptions[0].on_events([event("a")])
    await asyncio.sleep(0.1)
    watch.news.put_nowait(LabResetError("reset"))
    await asyncio.sleep(0.1)
    subscriptions[1].on_events([event("b")])
    await asyncio.sleep(0.1)
    feed.detach(view)

    assert [message["epoch"] for message in view.messages] == [0, 1, 1]
    assert view.topic("reset") == [{"epoch": 1}]
    assert [call["callId"] for call in view.messages[-1]["topics"]["calls"]["calls"]] == ["b"]


async def test_after_the_lab_s_end_the_views_say_so_and_so_does_a_new_one(
    subscriptions: list[Subscription],
) -> None:
    feed, watch = made()
    view = View("queues")
    feed.attach(view)
    await asyncio.sleep(0.05)
    watch.news.put_nowait(LabGoneError("The lab is gone.", next_step="labkit up"))
    await asyncio.sleep(0.1)
    later = View("queues")
    feed.attach(later)
    await asyncio.sleep(0.1)

    assert view.topic("ended")[0]["text"] == later.topic("ended")[0]["text"] == "The lab is gone."
    assert not any("queues" in name for name in tasks())
    feed.detach(view)
    feed.detach(later)
    await asyncio.sleep(0.05)
    assert tasks() == []


async def test_a_source_runs_while_a_view_with_its_topic_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    rests = []

    async def source(_link: LabLink, rest: str) -> AsyncIterator[dict[str, Any]]:
        rests.append(rest)
        for number in range(1_000):
            yield {"requests": [number]}
            await asyncio.sleep(0.01)

    monkeypatch.setattr(feed_module, "TOPICS", {"bin": source})
    feed, _ = made()
    plain, view = View(), View("bin:callbacks")
    feed.attach(plain)
    await asyncio.sleep(0.05)
    assert rests == []
    feed.attach(view)
    await asyncio.sleep(0.15)
    feed.detach(view)
    await asyncio.sleep(0.05)

    assert rests == ["callbacks"]
    assert view.topic("bin:callbacks")
    assert not plain.topic("bin:callbacks")
    assert not any("bin" in name for name in tasks())
    feed.detach(plain)


async def test_a_source_that_fails_is_reported_in_the_view(monkeypatch: pytest.MonkeyPatch) -> None:
    async def source(_link: LabLink, _rest: str) -> AsyncIterator[dict[str, Any]]:
        raise ValueError("broken")
        yield {}

    failures: list[str] = []
    monkeypatch.setattr(feed_module, "TOPICS", {"queues": source})
    feed, _ = made(failures)
    view = View("queues")
    feed.attach(view)
    await asyncio.sleep(0.15)
    feed.detach(view)

    assert failures == ["read queues for live views: broken"]
    assert "broken" in view.topic("problem")[0]["text"]
