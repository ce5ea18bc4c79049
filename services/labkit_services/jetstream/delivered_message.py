"""A message that a JetStream consumer has delivered, and how to settle it.

Settling is a message to its reply subject (docs.nats.io, "NATS API
Reference", JetStream acknowledgements; NATS ADR-15).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ACK = b"+ACK"
TERM = b"+TERM"
IN_PROGRESS = b"+WPI"

_TOKENS = 9
"""Of a reply subject without domain and account:
``$JS.ACK.STREAM.CONSUMER.DELIVERED.STREAM_SEQ.CONSUMER_SEQ.TIME.PENDING``."""
_DOMAIN_TOKENS = 2
_DELIVERED, _STREAM_SEQUENCE = 4, 5


@dataclass(slots=True)
class DeliveredMessage:
    """One delivery.

    Attributes:
        reply: The subject that settles it.
        data: The body.
        headers: By name; of a status line, ``Status`` and ``Description``.
    """

    reply: str
    data: bytes
    headers: Mapping[str, str]

    @property
    def num_delivered(self) -> int:
        """How often the message was delivered, this time included."""
        return self._number(_DELIVERED)

    @property
    def stream_sequence(self) -> int:
        """Its number in the stream."""
        return self._number(_STREAM_SEQUENCE)

    def _number(self, position: int) -> int:
        tokens = self.reply.split(".")
        return int(tokens[position if len(tokens) == _TOKENS else position + _DOMAIN_TOKENS])


def nak(delay: float = 0.0) -> bytes:
    """Return the payload that asks for another delivery after ``delay`` s."""
    return b'-NAK {"delay": %d}' % int(delay * 1e9) if delay else b"-NAK"


def request_batch(count: int, expires_seconds: float) -> bytes:
    """Return the payload of a pull request (NATS ADR-13)."""
    return b'{"batch": %d, "expires": %d}' % (count, int(expires_seconds * 1e9))


def ack_and_request(batch: bytes) -> bytes:
    """Return the payload that acks, and requests a batch to be sent."""
    return b"+NXT " + batch


def parse_headers(block: bytes | None) -> dict[str, str]:
    """Decode a header block; the first of several values counts."""
    first, *lines = (block or b"").decode("utf-8", "surrogateescape").split("\r\n")
    headers: dict[str, str] = {}
    if status := first.removeprefix("NATS/1.0").strip():
        headers["Status"], _, description = status.partition(" ")
        if description:
            headers["Description"] = description
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name, value.strip())
    return headers
