"""Messages by nats-py's buffer and parser, and by its public methods: both do the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import pytest
from inspectors import nats_server

from labkit_services.jetstream.connection import Client, NatsError, reach_server
from labkit_services.jetstream.direct_messages import (
    DirectMessages,
    Messages,
    PublicMessages,
    messages_of,
)

NATS_PY = tuple(map(int, version("nats-py").split(".")[:2]))
WAYS = [DirectMessages, PublicMessages]
Way = Callable[[Client], Messages]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with nats_server() as url:
        yield url


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    client = Client()
    await client.connect(url, reconnect_time_wait=0.05, max_reconnect_attempts=-1)  # type: ignore[arg-type]
    try:
        yield client
    finally:
        await client.close()


async def arrived(received: asyncio.Queue[tuple[object, ...]]) -> tuple[object, ...]:
    return await asyncio.wait_for(received.get(), 5)


async def listen(client: Client) -> asyncio.Queue[tuple[object, ...]]:
    """Return what arrives, as nats-py itself reads it."""
    received: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()

    async def receive(message: object) -> None:
        await received.put((message.subject, message.reply, message.data, message.headers))  # type: ignore[attr-defined]

    await client.subscribe("calls.>", cb=receive)
    await reach_server(client)
    return received


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Nats-Msg-Id": "1"}, {"Nats-Msg-Id": "1"}),
        ({"A": " with blanks "}, {"A": "with blanks"}),
    ],
)
@pytest.mark.parametrize("body", [b"", b"hello\r\nMSG", bytes(300_000)], ids=["empty", "lines", "large"])
def test_a_message_arrives_as_it_was_sent(
    server: str, way: Way, headers: dict[str, str], expected: dict[str, str] | None, body: bytes
) -> None:
    async def run() -> None:
        async with connected(server) as sender, connected(server) as receiver:
            received = await listen(receiver)
            await way(sender).publish("calls.x", body, "reply.1", headers)
            assert await arrived(received) == ("calls.x", "reply.1", body, expected)

    asyncio.run(run())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", ["ü", "1\r\nB: 2", "1\n2", "1\r2"])
def test_an_odd_header_arrives_as_nats_py_itself_sends_it(server: str, way: Way, value: str) -> None:
    # That depends on its version: 2.15 sends two headers for the second, 2.16 one.
    async def run() -> None:
        async with connected(server) as sender, connected(server) as receiver:
            received = await listen(receiver)
            await way(sender).publish("calls.x", b"body", "reply.1", {"A": value})
            await sender.publish("calls.x", b"body", "reply.1", {"A": value})
            assert await arrived(received) == await arrived(received)

    asyncio.run(run())


@pytest.mark.skipif(NATS_PY < (2, 16), reason="nats-py removes line breaks from 2.16 on")
@pytest.mark.parametrize("way", WAYS)
def test_a_line_break_in_a_header_adds_no_header(server: str, way: Way) -> None:
    async def run() -> None:
        async with connected(server) as sender, connected(server) as receiver:
            received = await listen(receiver)
            await way(sender).publish("calls.x", b"", "", {"A": "1\r\nB: 2"})
            headers = (await arrived(received))[3]
            assert isinstance(headers, dict)
            assert list(headers) == ["A"]

    asyncio.run(run())


@pytest.mark.parametrize("way", WAYS)
def test_messages_arrive_in_order_each_at_its_subscription(server: str, way: Way) -> None:
    async def run() -> None:
        async with connected(server) as client:
            first: list[tuple[str, bytes]] = []
            second: list[tuple[str, bytes]] = []
            other = await listen(client)
            messages = way(client)
            await messages.subscribe("one.*", lambda *message: first.append(message))
            await messages.subscribe("two", lambda *message: second.append(message))
            for number in range(100):
                await messages.publish(f"one.{number}", str(number).encode(), "", {"Header": "x"})
            await messages.publish("two", b"2", "", {})
            await messages.publish("calls.last", b"", "", {})
            await arrived(other)
            assert first == [(f"one.{number}", str(number).encode()) for number in range(100)]
            assert second == [("two", b"2")]

    asyncio.run(run())


@pytest.mark.parametrize("way", WAYS)
def test_a_handler_that_fails_ends_neither_connection_nor_subscription(server: str, way: Way) -> None:
    async def run() -> None:
        async with connected(server) as client:
            taken: list[bytes] = []

            def take(_: str, body: bytes) -> None:
                taken.append(body)
                if body == b"bad":
                    raise ValueError("a bug")

            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            messages = way(client)
            await messages.subscribe("bugs", take)
            for body in (b"bad", b"good"):
                await messages.publish("bugs", body, "", {})
            await reach_server(client)
            await reach_server(client)
            assert taken == [b"bad", b"good"]

    asyncio.run(run())


@pytest.mark.parametrize("way", WAYS)
def test_a_subscription_outlives_a_reconnect(way: Way) -> None:
    async def run() -> None:
        with nats_server() as url:
            port = int(url.rpartition(":")[2])
            client = Client()
            await client.connect(url, reconnect_time_wait=0.05, max_reconnect_attempts=-1)  # type: ignore[arg-type]
            messages = way(client)
            taken: asyncio.Queue[bytes] = asyncio.Queue()
            await messages.subscribe("again", lambda _, body: taken.put_nowait(body))
        with nats_server(port=port):
            async with asyncio.timeout(10):
                while not client.is_connected:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                while taken.empty():
                    await messages.publish("again", b"1", "", {"A": "b"})
                    await asyncio.sleep(0.05)
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize("way", WAYS)
def test_a_closed_connection_is_an_error(server: str, way: Way) -> None:
    async def run() -> None:
        async with connected(server) as client:
            messages = way(client)
        with pytest.raises(NatsError):
            await messages.publish("calls.x", b"", "", {})

    asyncio.run(run())


@pytest.mark.parametrize("missing", ["_pending", "_flush_queue", "_process_msg"])
def test_without_a_private_name_the_public_methods_are_used(
    server: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with connected(server) as client:
            assert isinstance(messages_of(client), DirectMessages)
            monkeypatch.setattr("labkit_services.jetstream.direct_messages._ATTRIBUTES", (missing + "_gone",))
            assert isinstance(messages_of(client), PublicMessages)

    asyncio.run(run())
