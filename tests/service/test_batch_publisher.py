"""Calls stored by atomic batches, on a nats-server that calls fsync for each message."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nats.js.errors import NotFoundError
from small_disk import skip_reason, small_disk

from labkit.supervisor.nats_server import NatsServer
from labkit_services.jetstream.atomic_batch import AtomicBatches, BatchError
from labkit_services.jetstream.batch_publisher import BatchPublisher
from labkit_services.jetstream.connection import Client
from labkit_services.jetstream.publisher import PublishAck, Publisher, QueueUnavailableError
from labkit_services.jetstream.streams import ensure_queue
from labkit_services.runtime.service import Service

QUEUE = "faas-request"
STREAM = "OF_faas-request"
BATCH = "Nats-Batch-Id"
ID = "Nats-Msg-Id"


@dataclass
class Server:
    """A nats-server that can be killed and started again."""

    folder: Path
    port: int = -1
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"nats://token@127.0.0.1:{self.port}"

    def start(self) -> None:
        server = NatsServer(
            self.folder / "run",
            self.folder / "store",
            token="token",
            max_body=1 << 20,
            sync_interval="always",
        )
        command = server.prepare(str(Path(sys.executable).with_name("nats-server")), self.port)
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not (ports := list((self.folder / "run").glob("*.ports"))) or not ports[0].read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        self.port = int(json.loads(ports[0].read_text())["nats"][0].rpartition(":")[2])

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()


@contextmanager
def nats_server(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with nats_server(tmp_path) as server:
        yield server


@dataclass(frozen=True)
class Message:
    body: bytes
    headers: Mapping[str, str]


@dataclass
class Publishing:
    """A publisher by batches, and its connection."""

    client: Client
    publisher: BatchPublisher

    async def publish(self, number: int, *, message_id: str = "", size: int = 0) -> PublishAck:
        headers = {ID: message_id or f"id-{number}", "Faas-Call": f"call {number}"}
        return await self.publisher.publish(QUEUE, str(number).encode() + bytes(size), headers)

    async def publish_many(self, numbers: range) -> list[PublishAck | BaseException]:
        return await asyncio.gather(*map(self.publish, numbers), return_exceptions=True)

    async def stored(self) -> list[tuple[int, bytes, dict[str, str]]]:
        """Return sequence number, body and headers of all messages."""
        js = self.client.jetstream()
        state = (await js.stream_info(STREAM)).state
        found = []
        for sequence in range(state.first_seq, state.last_seq + 1):
            with suppress(NotFoundError):
                message = await js.get_msg(STREAM, sequence)
                found.append((sequence, message.data or b"", dict(message.headers or {})))
        return found

    async def request(self, subject: str, **body: Any) -> Mapping[str, Any]:
        answer: dict[str, Any] = json.loads(
            (await self.client.request(subject, json.dumps(body).encode())).data
        )
        return answer

    async def allows_batches(self) -> bool:
        return "allow_atomic" in (await self.request(f"$JS.API.STREAM.INFO.{STREAM}"))["config"]


@asynccontextmanager
async def publishing(server: Server, *, with_queue: bool = True) -> AsyncIterator[Publishing]:
    client = Client()
    await client.connect(server.url, reconnect_time_wait=0.05, max_reconnect_attempts=-1)  # type: ignore[arg-type]
    service = Service("gateway", {})
    publisher, batches = Publisher(client), AtomicBatches(client)
    try:
        await asyncio.gather(publisher.start(), batches.start())
        if with_queue:
            await ensure_queue(client.jetstream(), QUEUE, ack_wait=5)
        yield Publishing(client, BatchPublisher(publisher, batches, service))
        assert not len(service.tasks)
    finally:
        await service.tasks.cancel()
        await client.close()


@asynccontextmanager
async def calling(calls: Publishing) -> AsyncIterator[dict[int, PublishAck]]:
    """Keep 64 calls in flight; yield the accepted ones by number."""
    accepted: dict[int, PublishAck] = {}
    ended = asyncio.Event()

    async def client(number: int) -> None:
        while not ended.is_set():
            with suppress(QueueUnavailableError):
                accepted[number] = await calls.publish(number)
            number += 64

    async with asyncio.TaskGroup() as clients:
        for first in range(64):
            clients.create_task(client(first))
        yield accepted
        ended.set()


async def expect_each_once(calls: Publishing, accepted: Mapping[int, PublishAck]) -> None:
    """Nothing is stored twice, and each accepted call where it was said to be."""
    stored = await calls.stored()
    sequence_of = {int(body): seq for seq, body, _ in stored}
    assert len(sequence_of) == len(stored)
    assert {number: sequence_of[number] for number in accepted} == {n: a.seq for n, a in accepted.items()}


def in_batches(stored: list[tuple[int, bytes, dict[str, str]]]) -> int:
    return sum(BATCH in headers for _, _, headers in stored)


def test_each_of_many_calls_gets_its_own_sequence_number(server: Server) -> None:
    async def run() -> None:
        async with publishing(server) as calls:
            acks = await calls.publish_many(range(400))
            stored = {seq: (body, headers) for seq, body, headers in await calls.stored()}
            assert len(stored) == 400
            for number, ack in enumerate(acks):
                assert isinstance(ack, PublishAck)
                assert not ack.duplicate
                body, headers = stored[ack.seq]
                assert body == str(number).encode()
                own = {name: value for name, value in headers.items() if not name.startswith("Nats-Batch-")}
                assert own == {ID: f"id-{number}", "Faas-Call": f"call {number}"}
            assert in_batches(await calls.stored()) == 400 - 12

    asyncio.run(run())


def test_a_few_calls_at_once_need_no_batch(server: Server) -> None:
    async def run() -> None:
        async with publishing(server) as calls:
            for first in range(0, 60, 12):
                await calls.publish_many(range(first, first + 12))
            assert len(stored := await calls.stored()) == 60
            assert not in_batches(stored)
            assert not await calls.allows_batches()

    asyncio.run(run())


def test_a_duplicate_in_a_batch_is_answered_and_stored_once(server: Server) -> None:
    async def run() -> None:
        async with publishing(server) as calls:
            first = await calls.publish(0)
            many = [
                calls.publish(number, message_id="id-0" if number == 30 else "") for number in range(1, 61)
            ]
            acks = await asyncio.gather(*many)
            assert acks[29] == PublishAck(first.seq, duplicate=True)
            assert not any(ack.duplicate for ack in [*acks[:29], *acks[30:]])
            stored = [body for _, body, _ in await calls.stored()]
            assert sorted(stored, key=int) == [str(n).encode() for n in range(61) if n != 30]

    asyncio.run(run())


def test_the_ids_of_a_batch_without_an_acknowledgement_are_known_once_it_is_stored(server: Server) -> None:
    async def run() -> None:
        async with publishing(server) as calls:
            batches, alone = AtomicBatches(calls.client), Publisher(calls.client)
            await asyncio.gather(batches.start(), alone.start())
            await batches.enable(QUEUE)
            messages = [Message(str(n).encode(), {ID: f"id-{n}"}) for n in range(40)]
            server.signal(signal.SIGSTOP)
            with pytest.raises(BatchError, match="no acknowledgement"):
                await batches.commit(QUEUE, messages)
            server.signal(signal.SIGCONT)
            again = [alone.publish(QUEUE, each.body, dict(each.headers)) for each in messages]
            assert await asyncio.gather(*again) == [PublishAck(n, duplicate=True) for n in range(1, 41)]
            with pytest.raises(BatchError, match="duplicate message id"):
                await batches.commit(QUEUE, messages)
            assert len(await calls.stored()) == 40

    asyncio.run(run())


def test_a_server_that_hangs_for_longer_than_a_batch_waits_stores_each_call_once(server: Server) -> None:
    async def run() -> None:
        async with publishing(server) as calls:
            async with calling(calls) as accepted:
                await asyncio.sleep(0.5)
                server.signal(signal.SIGSTOP)
                await asyncio.sleep(2.5)
                server.signal(signal.SIGCONT)
                await asyncio.sleep(1)
            await expect_each_once(calls, accepted)
            assert any(ack.duplicate for ack in accepted.values())  # sent again, alone

    asyncio.run(run())


def test_a_killed_server_loses_and_repeats_no_accepted_call(server: Server) -> None:
    async def run() -> None:
        async with publishing(server) as calls:
            async with calling(calls) as accepted:
                for _ in range(3):
                    await asyncio.sleep(0.5)
                    server.kill()
                    await asyncio.to_thread(server.start)
                await asyncio.sleep(1)
            await expect_each_once(calls, accepted)
            assert in_batches(await calls.stored()) > 200

    asyncio.run(run())


def test_a_deleted_queue_takes_batches_again_once_it_is_back(server: Server) -> None:
    async def run() -> None:
        async with publishing(server) as calls:
            js = calls.client.jetstream()
            await calls.publish_many(range(40))
            await js.purge_stream(STREAM)
            await calls.publish_many(range(100, 140))
            assert in_batches(await calls.stored()) >= 28
            await js.delete_stream(STREAM)
            waiting = asyncio.ensure_future(calls.publish_many(range(200, 260)))
            await asyncio.sleep(0.3)
            await ensure_queue(js, QUEUE, ack_wait=5)
            assert all(isinstance(ack, PublishAck) for ack in await waiting)
            await calls.publish_many(range(300, 340))  # refused: the new stream takes no batches yet
            await calls.publish_many(range(400, 440))
            stored = await calls.stored()
            assert sorted(int(body) for _, body, _ in stored) == [
                *range(200, 260),
                *range(300, 340),
                *range(400, 440),
            ]
            assert await calls.allows_batches()
            assert in_batches(stored) >= 28

    asyncio.run(run())


def test_a_stream_that_takes_no_batches_gets_single_messages(server: Server) -> None:
    async def run() -> None:
        async with publishing(server, with_queue=False) as calls:
            config = {"name": STREAM, "subjects": [QUEUE], "persist_mode": "async"}
            assert "error" not in await calls.request(f"$JS.API.STREAM.CREATE.{STREAM}", **config)
            acks = await calls.publish_many(range(200))
            assert sorted(ack.seq for ack in acks if isinstance(ack, PublishAck)) == list(range(1, 201))
            assert not in_batches(await calls.stored())
            assert not await calls.allows_batches()

    asyncio.run(run())


def test_a_call_that_is_too_large_for_nats_fails_alone(server: Server) -> None:
    async def run() -> None:
        async with publishing(server) as calls:
            many = [calls.publish(number, size=6_000_000 if number == 30 else 0) for number in range(60)]
            acks = await asyncio.gather(*many, return_exceptions=True)
            assert isinstance(acks[30], QueueUnavailableError)
            assert all(isinstance(ack, PublishAck) for n, ack in enumerate(acks) if n != 30)
            assert len(await calls.stored()) == 59

    asyncio.run(run())


def test_large_calls_are_split_into_batches_of_a_megabyte(server: Server) -> None:
    async def run() -> None:
        async with publishing(server) as calls:
            acks = await asyncio.gather(*(calls.publish(number, size=60_000) for number in range(60)))
            assert sorted(ack.seq for ack in acks) == list(range(1, 61))
            sizes = [
                headers["Nats-Batch-Sequence"]
                for _, _, headers in await calls.stored()
                if "Nats-Batch-Commit" in headers
            ]
            assert sizes == ["17", "17", "14"]

    asyncio.run(run())


@pytest.mark.skipif(bool(skip_reason()), reason=skip_reason())
def test_a_full_disk_refuses_each_call_of_a_batch_and_says_so(tmp_path: Path) -> None:
    async def run(server: Server) -> None:
        async with publishing(server) as calls:
            await calls.publish_many(range(40))
            disk.fill()
            began = time.monotonic()
            acks = await asyncio.gather(
                *(calls.publish(number, size=5000) for number in range(100, 200)), return_exceptions=True
            )
            assert time.monotonic() - began < 8
            refused = [ack for ack in acks if isinstance(ack, QueueUnavailableError)]
            assert len(refused) > 50
            assert all("The disk is full." in str(each) for each in refused)

    with small_disk(tmp_path / "disk") as disk, nats_server(disk.folder) as server:
        asyncio.run(run(server))


def test_without_a_server_a_call_is_refused_after_five_seconds(server: Server) -> None:
    async def run() -> None:
        async with publishing(server) as calls:
            await calls.publish_many(range(40))
            server.kill()
            began = time.monotonic()
            acks = await calls.publish_many(range(100, 200))
            assert all(isinstance(ack, QueueUnavailableError) for ack in acks)
            assert time.monotonic() - began < 6.5
            server.start()
            assert isinstance(await calls.publish(300), PublishAck)

    asyncio.run(run())
