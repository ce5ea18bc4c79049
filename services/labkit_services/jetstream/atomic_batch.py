"""Atomic batches: messages that JetStream stores in one commit, or not.

The protocol is NATS's ADR-50, of nats-server 2.12: a batch is messages of one
id, numbered from 1, and the last one commits it. What the ADR leaves open was
asked of nats-server 2.15:

* Messages of a batch get consecutive sequence numbers, and keep the batch's
  headers.
* Ids of messages enter the stream's duplicate window with the commit. A
  duplicate in a batch refuses the batch. So nothing is stored twice if the
  same batch, or its messages one by one, are sent again.
* 2.12.0 refuses ids of messages in a batch; later releases take them.
* With ``sync_interval: always`` the commit is written to a file of its own,
  then to the stream; nats-server calls fsync on both before it acknowledges.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from labkit_services.contract.compact_json import decode, encode_bytes
from labkit_services.jetstream.connection import Client, NatsError
from labkit_services.jetstream.direct_messages import messages_of

_ID = "Nats-Batch-Id"
_SEQUENCE = "Nats-Batch-Sequence"
_COMMIT = "Nats-Batch-Commit"

_ACK_SECONDS = 2.0
_REQUEST_SECONDS = 1.0
_UNSUPPORTED_HEADER = 10177
"""Error code (nats-server's errors.json) of a server that refuses ids."""


class Message(Protocol):
    """What is stored: body and headers."""

    @property
    def body(self) -> bytes:
        """The exact bytes."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its NATS headers."""


class BatchError(Exception):
    """A batch was refused, or not acknowledged: it may have been stored."""


class NoBatchesError(BatchError):
    """nats-server does not store such batches in this stream."""


class AtomicBatches:
    """Stores batches over one connection."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._messages = messages_of(client)
        self._loop = asyncio.get_running_loop()
        self._prefix = client.new_inbox() + "."
        self._numbers = itertools.count(1)
        self._acks: dict[str, asyncio.Future[bytes]] = {}

    async def start(self) -> None:
        """Subscribe to the acknowledgements."""
        await self._messages.subscribe(self._prefix + "*", self._on_ack)

    async def enable(self, subject: str) -> None:
        """Let the stream of a subject take batches.

        The request is the stream's own configuration with ``allow_atomic``
        added: nats-py before 2.12 would leave it out.

        Raises:
            NoBatchesError: nats-server refuses.
            BatchError: It does not answer.
        """
        found = await self._request("$JS.API.STREAM.LIST", {"subject": subject})
        for stream in found.get("streams") or ():
            config = stream["config"]
            if not config.get("allow_atomic"):
                update = f"$JS.API.STREAM.UPDATE.{config['name']}"
                answer = await self._request(update, {**config, "allow_atomic": True})
                if not answer.get("config", {}).get("allow_atomic"):
                    raise NoBatchesError(_description(answer))

    async def commit(self, subject: str, messages: Sequence[Message]) -> int:
        """Store all messages; return the sequence number of the first.

        Raises:
            NoBatchesError: nats-server does not take ids of messages in it.
            BatchError: It was refused; or there was no acknowledgement within
                two seconds, and it may have been stored.
        """
        batch = f"{self._prefix}{next(self._numbers)}"  # also where the server answers
        self._acks[batch] = ack = self._loop.create_future()
        try:
            async with asyncio.timeout(_ACK_SECONDS):
                for sequence, message in enumerate(messages, 1):
                    headers = {**message.headers, _ID: batch, _SEQUENCE: str(sequence)}
                    reply = ""
                    if sequence == len(messages):
                        headers[_COMMIT], reply = "1", batch
                    await self._messages.publish(subject, message.body, reply, headers)
                document = _document(await ack)
        except (OSError, NatsError, TimeoutError) as error:
            raise BatchError("no acknowledgement") from error
        finally:
            del self._acks[batch]
        if document.get("error", {}).get("err_code") == _UNSUPPORTED_HEADER:
            raise NoBatchesError(_description(document))
        if (document.get("batch"), document.get("count")) != (batch, len(messages)):
            raise BatchError(_description(document))
        last: int = document["seq"]
        return last - len(messages) + 1

    async def _request(self, subject: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._client.request(subject, encode_bytes(body), timeout=_REQUEST_SECONDS)
        except (OSError, NatsError, TimeoutError) as error:
            raise BatchError("no answer") from error
        return _document(answer.data)

    def _on_ack(self, subject: str, data: bytes) -> None:
        ack = self._acks.get(subject)
        if ack is not None and not ack.done():
            ack.set_result(data)


def _document(data: bytes) -> dict[str, Any]:
    """Return an answer; without a body nobody has answered (status 503)."""
    document: dict[str, Any] = decode(data) if data else {"error": {"description": "no responders"}}
    return document


def _description(document: Mapping[str, Any]) -> str:
    return str(document.get("error", {}).get("description", document))
