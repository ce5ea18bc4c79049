"""Deliveries of a consumer, taken at nats-py's parser and by its public methods: both do the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from inspectors import nats_server
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy

from labkit_services.jetstream.connection import Client, NatsError, reach_server
from labkit_services.jetstream.delivered_message import ACK, IN_PROGRESS, TERM, DeliveredMessage, nak
from labkit_services.jetstream.direct_messages import DirectMessages, PublicMessages, messages_of
from labkit_services.queue_worker.inflight_limit import Credit
from labkit_services.queue_worker.puller import Puller, PullSource
from labkit_services.runtime.log import Log


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with nats_server(store=tmp_path_factory.mktemp("store")) as url:
        yield url


@pytest.fixture(params=[DirectMessages, PublicMessages], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[object]:
    if request.param is PublicMessages:
        monkeypatch.setattr("labkit_services.jetstream.direct_messages._ATTRIBUTES", ("_gone",))
    chosen: type[object] = request.param
    return chosen


class Queue:
    """A work queue, and a puller whose messages are received one by one."""

    def __init__(self, client: Client, name: str, max_inflight: int) -> None:
        self.client = client
        self.name = name
        self.credit = Credit(max_inflight)
        self.restored = asyncio.Event()
        self.received: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        source = PullSource(name, "worker")
        self.puller = Puller(client, source, self.credit, self.received.put_nowait, Log("test"))

    async def create(self, *, ack_wait: float = 30.0) -> None:
        js = self.client.jetstream()
        await js.add_stream(name=self.name, subjects=[self.name], retention=RetentionPolicy.WORK_QUEUE)
        config = ConsumerConfig(durable_name="worker", ack_policy=AckPolicy.EXPLICIT, ack_wait=ack_wait)
        await js.add_consumer(self.name, config)

    async def put(self, *bodies: bytes) -> None:
        for body in bodies:
            await self.client.jetstream().publish(self.name, body, headers={"Faas-Call": "[1, 2]"})

    async def take(self) -> DeliveredMessage:
        return await asyncio.wait_for(self.received.get(), 5)

    async def settle(self, message: DeliveredMessage, payload: bytes) -> None:
        self.credit.finish()
        await self.puller.send(message.reply, payload)
        self.puller.wake()

    async def expect_left(self, count: int) -> None:
        js = self.client.jetstream()
        for _ in range(250):
            if (await js.stream_info(self.name)).state.messages == count:
                return
            await asyncio.sleep(0.02)
        pytest.fail(f"there are not {count} messages left")


@asynccontextmanager
async def running(url: str, name: str, max_inflight: int, *, ack_wait: float = 30.0) -> AsyncIterator[Queue]:
    queue: Queue | None = None

    async def restored() -> None:
        assert queue is not None
        queue.puller.restored()
        queue.restored.set()

    client = Client()
    await client.connect(
        url,
        reconnect_time_wait=0.05,  # type: ignore[arg-type]
        max_reconnect_attempts=-1,
        reconnected_cb=restored,
    )
    queue = Queue(client, name, max_inflight)
    await queue.create(ack_wait=ack_wait)
    await queue.puller.start()
    pulling = asyncio.create_task(queue.puller.run())
    try:
        yield queue
    finally:
        pulling.cancel()
        await client.close()


def test_a_delivery_has_body_headers_and_counts(server: str, way: type[object]) -> None:
    async def run() -> None:
        async with running(server, f"facts-{way.__name__}", 1) as queue:
            assert isinstance(messages_of(queue.client), way)
            await queue.put(b"one")
            first = await queue.take()
            assert (first.data, first.headers["Faas-Call"]) == (b"one", "[1, 2]")
            assert (first.num_delivered, first.stream_sequence) == (1, 1)
            await queue.settle(first, nak())
            again = await queue.take()
            assert (again.data, again.num_delivered, again.stream_sequence) == (b"one", 2, 1)
            await queue.settle(again, ACK)
            await queue.put(b"two")
            assert (await queue.take()).stream_sequence == 2

    asyncio.run(run())


def test_every_ack_requests_the_next_message(server: str, way: type[object]) -> None:
    async def run() -> None:
        async with running(server, f"acks-{way.__name__}", 2) as queue:
            bodies = [b"%d" % number for number in range(50)]
            await queue.put(*bodies)
            taken = []
            for _ in bodies:
                message = await queue.take()
                taken.append(message.data)
                queue.credit.finish()
                await queue.puller.send(message.reply, ACK)  # and no request beside it
                assert queue.credit.in_flight + queue.credit.requested <= 2
            assert sorted(taken) == sorted(bodies)
            await queue.expect_left(0)
            assert queue.received.empty()
            assert (queue.credit.in_flight, queue.credit.requested) == (0, 2)

    asyncio.run(run())


def test_term_removes_a_message_and_a_delay_puts_it_off(server: str, way: type[object]) -> None:
    async def run() -> None:
        async with running(server, f"ends-{way.__name__}", 1) as queue:
            await queue.put(b"bad", b"late")
            await queue.settle(await queue.take(), TERM)
            began = asyncio.get_running_loop().time()
            await queue.settle(await queue.take(), nak(0.5))
            late = await queue.take()
            assert (late.data, late.num_delivered) == (b"late", 2)
            assert asyncio.get_running_loop().time() - began >= 0.45
            await queue.settle(late, ACK)
            await queue.expect_left(0)

    asyncio.run(run())


def test_a_renewed_lease_does_not_run_out(server: str, way: type[object]) -> None:
    async def run() -> None:
        async with running(server, f"leases-{way.__name__}", 2, ack_wait=0.5) as queue:
            await queue.put(b"long")
            message = await queue.take()
            for _ in range(6):
                await asyncio.sleep(0.2)
                await queue.puller.send(message.reply, IN_PROGRESS)
            assert queue.received.empty()
            again = await queue.take()  # once it is not renewed
            assert again.num_delivered == 2

    asyncio.run(run())


def test_a_message_without_room_is_returned_at_once(server: str, way: type[object]) -> None:
    async def run() -> None:
        async with running(server, f"room-{way.__name__}", 1) as queue:
            queue.credit.max_inflight = 0  # the request for one is open
            await queue.put(b"one")
            await asyncio.sleep(0.3)
            assert queue.received.empty()
            queue.credit.max_inflight = 1
            queue.puller.wake()
            assert (await queue.take()).num_delivered > 1

    asyncio.run(run())


def test_withdrawn_requests_are_replaced(server: str, way: type[object]) -> None:
    async def run() -> None:
        async with running(server, f"less-{way.__name__}", 10) as queue:
            queue.credit.max_inflight = 1
            await queue.puller.withdraw()
            await queue.put(b"one", b"two")
            message = await queue.take()
            await asyncio.sleep(0.2)
            assert queue.received.empty()
            await queue.settle(message, ACK)
            assert (await queue.take()).num_delivered == 1
            await queue.puller.stop()
            await queue.put(b"three")
            await asyncio.sleep(0.2)
            assert queue.received.empty()

    asyncio.run(run())


def test_a_status_of_the_server_is_read(server: str, way: type[object]) -> None:
    async def run() -> None:
        client = Client()
        await client.connect(server)
        messages = messages_of(client)
        received: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        unsubscribe = await messages.receive("answers", received.put_nowait)
        await messages.publish("nobody.listens", b"", "answers", {})
        status = await asyncio.wait_for(received.get(), 5)
        assert (status.data, status.headers["Status"]) == (b"", "503")
        await unsubscribe()
        await messages.publish("answers", b"late", "", {})
        await reach_server(client)
        assert received.empty()
        await client.close()

    asyncio.run(run())


def test_deliveries_go_on_after_a_reconnect(way: type[object], tmp_path: Path) -> None:
    async def run() -> None:
        with nats_server(store=tmp_path) as url:
            port = int(url.rpartition(":")[2])
            context = running(url, f"again-{way.__name__}", 1)
            queue = await context.__aenter__()
            await queue.put(b"before")
            await queue.settle(await queue.take(), ACK)
        with nats_server(port=port, store=tmp_path):
            await asyncio.wait_for(queue.restored.wait(), 10)
            for _ in range(100):  # JetStream starts after the port is open
                with suppress(NatsError, TimeoutError):
                    await queue.put(b"after")
                    break
                await asyncio.sleep(0.05)
            queue.puller.restored()  # a request before that is lost, and repeated after half a minute
            message = await queue.take()
            if message.data == b"before":  # its ack was not on the disk yet: at least once
                await queue.settle(message, ACK)
                message = await queue.take()
            assert message.data == b"after"
            await context.__aexit__(None, None, None)

    asyncio.run(run())
