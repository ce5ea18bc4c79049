"""Publish into JetStream and wait for the acknowledgement, at low cost."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import NamedTuple

from labkit_services.contract.compact_json import decode, encode_bytes
from labkit_services.contract.errors import LabError, error_text
from labkit_services.contract.write_probe import probe_request, reason_of, write_error
from labkit_services.jetstream.connection import Client, NatsError
from labkit_services.jetstream.direct_messages import messages_of

_TIMEOUT_SECONDS = 5.0
_ACK_SECONDS = 2.0
"""Timeout for one acknowledgement; then the same message is sent again."""
_RETRY_SECONDS = 0.05
_PROBE_SECONDS = 0.5


class QueueUnavailableError(LabError, ConnectionError):
    """The queue did not take the call."""


class PublishAck(NamedTuple):
    """JetStream's acknowledgement that a message is stored."""

    seq: int
    duplicate: bool
    """A message with the same id was stored before; nothing was added."""


class Publisher:
    """Publishes into JetStream and waits for the server's acknowledgement.

    nats-py's own ``js.publish`` makes a random token, a NUID and a
    ``wait_for`` for each message: about 21 µs. One wildcard inbox, counted
    tokens and plain futures need about 10 µs.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._messages = messages_of(client)
        self._loop = asyncio.get_running_loop()
        self._prefix = client.new_inbox() + "."
        self._pending: dict[str, asyncio.Future[PublishAck]] = {}
        self._count = 0

    async def start(self) -> None:
        """Subscribe to the acknowledgements."""
        await self._messages.subscribe(self._prefix + "*", self._on_ack)

    async def publish(
        self, subject: str, body: bytes, headers: dict[str, str], *, waited: float = 0.0
    ) -> PublishAck:
        """Store one message, which has ``waited`` some seconds already.

        While the server does not answer, the message is sent again with the
        same id, which the stream stores once. Without an acknowledgement
        within five seconds, or if the server refuses or can't write to the
        disk, it raises QueueUnavailableError.
        """
        deadline = self._loop.time() + _TIMEOUT_SECONDS - waited
        while True:
            remaining = deadline - self._loop.time()
            try:
                return await self._publish_once(subject, body, headers, min(_ACK_SECONDS, remaining))
            except QueueUnavailableError:
                raise
            except (OSError, NatsError, TimeoutError) as error:
                if reason := await self._write_error(subject):
                    raise _not_stored(reason) from error
                if self._loop.time() + _RETRY_SECONDS >= deadline:
                    raise QueueUnavailableError(
                        expected=f"an ack from JetStream within {_TIMEOUT_SECONDS:g} s",
                        seen=error_text(error),
                        next_step="look at the log of nats-server: labkit logs nats",
                    ) from error
                await asyncio.sleep(_RETRY_SECONDS)

    async def _write_error(self, subject: str) -> str:
        """Return why the stream of a subject stores nothing, or ""."""
        with suppress(OSError, NatsError, TimeoutError, ValueError, LookupError):
            body = encode_bytes({"subject": subject})
            found = await self._client.request("$JS.API.STREAM.LIST", body, timeout=_PROBE_SECONDS)
            for stream in decode(found.data)["streams"]:
                request = probe_request(stream["config"]["name"], stream["config"])
                answer = await self._client.request(*request, timeout=_PROBE_SECONDS)
                if error := write_error(answer.data):
                    return error
        return ""

    async def _publish_once(
        self, subject: str, body: bytes, headers: dict[str, str], timeout: float
    ) -> PublishAck:
        self._count += 1
        token = str(self._count)
        ack: asyncio.Future[PublishAck] = self._loop.create_future()
        self._pending[token] = ack
        timer = self._loop.call_later(max(timeout, 0.01), _time_out, ack)
        try:
            await self._messages.publish(subject, body, self._prefix + token, headers)
            return await ack
        finally:
            timer.cancel()
            del self._pending[token]

    def _on_ack(self, subject: str, data: bytes) -> None:
        ack = self._pending.get(subject[len(self._prefix) :])
        if ack is None or ack.done():
            return
        if not data:
            # Status 503: there is no stream for the subject (yet).
            ack.set_exception(NatsError("no responders"))
            return
        document = decode(data)
        if "error" in document:
            ack.set_exception(_refused(document["error"].get("description", "")))
        else:
            ack.set_result(PublishAck(document["seq"], document.get("duplicate", False)))


def _refused(description: str) -> QueueUnavailableError:
    if reason_of(description):
        return _not_stored(description)
    return QueueUnavailableError(seen=description)


def _not_stored(reason: str) -> QueueUnavailableError:
    return QueueUnavailableError(
        f"The queue did not take the call. {reason_of(reason)}".rstrip(),
        expected="JetStream to store the call",
        seen=reason,
        next_step="free some space on that disk; the lab then goes on by itself",
    )


def _time_out(ack: asyncio.Future[PublishAck]) -> None:
    if not ack.done():
        ack.set_exception(TimeoutError("no ack"))
