"""The event follower on a real nats-server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence

import pytest
from eventually import eventually_async
from nats.aio.client import Client

from labkit import Lab
from labkit_services.contract.events import Event, encode_batch
from labkit_services.contract.names import EVENT_STREAM, event_subject
from labkit_services.jetstream.event_follower import EventFollower


class FollowedCalls:
    """An event follower, and the ids of the calls that it has read."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seen: list[str] = []
        self.follower = EventFollower(client, self._take, self.seen.clear, since_ns=time.time_ns())

    def _take(self, events: Sequence[Event]) -> None:
        self.seen += [event.call_id for event in events if event.call_id.startswith("follow-")]

    async def publish(self, *numbers: int) -> None:
        """Publish one message with one event for each number."""
        for number in numbers:
            row = [time.time_ns(), "call.received", f"follow-{number}", "f", 1, {}]
            await self.client.publish(event_subject("test"), encode_batch("test", "test-1", [row]))
        await self.client.flush()

    async def reads(self, *numbers: int) -> None:
        """Wait until exactly these have been read, in any order."""
        wanted = {f"follow-{number}" for number in numbers}
        await eventually_async(lambda: set(self.seen) >= wanted, within=10)
        assert set(self.seen) == wanted


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def follow(lab: Lab) -> AsyncIterator[FollowedCalls]:
    client = Client()
    await client.connect(lab.aio.state.nats_url, token=lab.aio.state.nats_token)
    follow = FollowedCalls(client)
    follow.follower.start()
    async with asyncio.timeout(10):
        await follow.follower.read_to_end()
    yield follow
    await follow.follower.stop()
    await client.close()


@pytest.mark.anyio
async def test_messages_that_were_sent_but_did_not_arrive_are_requested_again(follow: FollowedCalls) -> None:
    consumers = await follow.client.jetstream().consumers_info(EVENT_STREAM)
    newest = max(consumers, key=lambda consumer: str(consumer.created))
    stolen = await follow.client.subscribe("stolen")
    # To the server this looks like the follower: the messages count as delivered to it.
    request = json.dumps({"batch": 3, "expires": 2_000_000_000}).encode()
    await follow.client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{EVENT_STREAM}.{newest.name}", request, "stolen")

    await follow.publish(*range(10))

    await stolen.next_msg(5)
    await follow.reads(*range(10))


@pytest.mark.anyio
async def test_a_follower_restarted_at_once_continues_where_it_stopped(follow: FollowedCalls) -> None:
    await follow.publish(1, 2)
    await follow.reads(1, 2)
    stopping = asyncio.create_task(follow.follower.stop())
    await asyncio.sleep(0)
    follow.follower.start()
    await follow.publish(3)
    await stopping
    await follow.publish(4)

    await follow.reads(1, 2, 3, 4)
