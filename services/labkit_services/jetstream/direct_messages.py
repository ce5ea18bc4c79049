"""Messages put straight into nats-py's write buffer, and taken at its parser.

What nats-py does between its public methods and the wire was two fifths of the
gateway's time for an accepted call: two coroutines and a header block for each
message sent; parsed headers, a ``Msg`` and a queue for each one received. The
connection, its login, TLS and reconnects stay nats-py's. The buffer and the
parser are private: if a name is missing, ``messages_of`` chooses the public
methods. (Protocol: docs.nats.io, "Client Protocol", HPUB and PUB.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from nats.aio.msg import Msg

from labkit_services.jetstream.connection import Client
from labkit_services.jetstream.delivered_message import DeliveredMessage, parse_headers

OnMessage = Callable[[str, bytes], None]
"""Takes the subject and the body of a message without headers of use."""

OnDelivery = Callable[[DeliveredMessage], None]
"""Takes a message that a consumer has delivered."""

Unsubscribe = Callable[[], Awaitable[None]]
"""Ends a subscription, or raises NatsError if the connection is closed."""

_Handler = Callable[[bytes, bytes, bytes, bytes | None], None]
"""Takes subject, reply, body and header block as the parser reads them."""

_ATTRIBUTES = ("_pending", "_pending_data_size", "_max_pending_size", "_flush_queue", "_process_msg")
_SEPARATORS = 2  # of the header block: its version line, and the empty line


class Messages(Protocol):
    """Sends and receives messages over a connection."""

    async def publish(self, subject: str, body: bytes, reply: str, headers: Mapping[str, str]) -> None:
        """Send a message; raise as ``Client.publish`` does."""

    async def subscribe(self, subject: str, on_message: OnMessage) -> None:
        """Call ``on_message`` for each message of a subject."""

    async def receive(self, subject: str, on_delivery: OnDelivery) -> Unsubscribe:
        """Call ``on_delivery`` for each delivery to a subject."""


def messages_of(client: Client) -> Messages:
    """Return the fast way, or the public one if nats-py has changed."""
    return (
        DirectMessages(client)
        if all(hasattr(client, each) for each in _ATTRIBUTES)
        else PublicMessages(client)
    )


class PublicMessages:
    """By nats-py's public methods."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def publish(self, subject: str, body: bytes, reply: str, headers: Mapping[str, str]) -> None:
        """Send a message."""
        await self._client.publish(subject, body, reply, dict(headers) or None)

    async def subscribe(self, subject: str, on_message: OnMessage) -> None:
        """Call ``on_message`` for each message of a subject."""

        async def receive(message: Msg) -> None:
            on_message(message.subject, message.data)

        await self._client.subscribe(subject, cb=receive)

    async def receive(self, subject: str, on_delivery: OnDelivery) -> Unsubscribe:
        """Call ``on_delivery`` for each delivery to a subject."""

        async def receive(message: Msg) -> None:
            on_delivery(DeliveredMessage(message.reply, message.data, message.headers or {}))

        return (await self._client.subscribe(subject, cb=receive)).unsubscribe


class DirectMessages:
    """By nats-py's buffer and parser."""

    def __init__(self, client: Client) -> None:
        self._client: Any = client
        self._public = PublicMessages(client)
        self._loop = asyncio.get_running_loop()

    async def publish(self, subject: str, body: bytes, reply: str, headers: Mapping[str, str]) -> None:
        """Send a message.

        What nats-py checks or changes, it still does: without a connection,
        with a full buffer, or with a line break in a header.
        """
        client = self._client
        lines = "".join([f"{name}: {value.strip()}\r\n" for name, value in headers.items()])
        block = f"NATS/1.0\r\n{lines}\r\n".encode() if lines else b""
        size = len(block) + len(body)
        breaks = len(headers) + _SEPARATORS if lines else 0
        if (
            not client.is_connected
            or size + client._pending_data_size > client._max_pending_size
            or size > client.max_payload
            or not (block.count(b"\n") == block.count(b"\r") == breaks)
        ):
            await self._public.publish(subject, body, reply, headers)
            return
        head = (
            f"HPUB {subject} {reply} {len(block)} {size}\r\n"
            if lines
            else f"PUB {subject} {reply} {size}\r\n"
        )
        command = b"%b%b%b\r\n" % (head.encode(), block, body)
        client._pending.append(command)
        client._pending_data_size += len(command)
        if client._flush_queue.empty():
            client._flush_queue.put_nowait(self._loop.create_future())

    async def subscribe(self, subject: str, on_message: OnMessage) -> None:
        """Call ``on_message`` for each message of a subject."""

        def handle(subject: bytes, _reply: bytes, data: bytes, _block: bytes | None) -> None:
            on_message(subject.decode(), data)

        await self._subscribe(subject, handle)

    async def receive(self, subject: str, on_delivery: OnDelivery) -> Unsubscribe:
        """Call ``on_delivery`` for each delivery to a subject."""

        def handle(_subject: bytes, reply: bytes, data: bytes, block: bytes | None) -> None:
            on_delivery(DeliveredMessage(reply.decode(), data, parse_headers(block)))

        return await self._subscribe(subject, handle)

    async def _subscribe(self, subject: str, handler: _Handler) -> Unsubscribe:
        handlers = _handlers_of(self._client, self._loop)
        subscription = await self._client.subscribe(subject)
        handlers[subscription._id] = handler

        async def unsubscribe() -> None:
            del handlers[subscription._id]
            await subscription.unsubscribe()

        return unsubscribe


def _handlers_of(client: Any, loop: asyncio.AbstractEventLoop) -> dict[int, _Handler]:
    """Return who takes a subscription's messages at the parser, by its id."""
    process = client._process_msg
    if (found := getattr(process, "labkit_handlers", None)) is not None:
        handlers: dict[int, _Handler] = found
        return handlers
    handlers = {}

    async def at_the_parser(
        sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        if (handler := handlers.get(sid)) is None:
            await process(sid, subject, reply, data, headers)
            return
        try:
            handler(subject, reply, data, headers)
        except Exception as error:
            # Raised here it would end the connection.
            loop.call_exception_handler({"message": "a message could not be handled", "exception": error})

    at_the_parser.labkit_handlers = handlers  # type: ignore[attr-defined]
    client._process_msg = at_the_parser
    return handlers
