"""A queued call as a message: body unchanged, the rest in one header.

OpenFaaS CE queues a JSON document with the body in base64, which is a third
larger. The metadata is JSON in a single NATS header because HTTP headers need
order and duplicates, and not every NATS client keeps these.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Mapping
from typing import NamedTuple

from labkit_services.contract.compact_json import decode, encode
from labkit_services.contract.headers import START_TIME
from labkit_services.contract.names import short_function_name

CALL_HEADER = "Faas-Call"
DEDUPE_HEADER = "Nats-Msg-Id"
"""Within a stream's duplicate window JetStream stores only one message per
id."""

_START_TIME = START_TIME.lower()


class QueuedCall(NamedTuple):
    """One accepted asynchronous call.

    A tuple, because it is made in half the time of a frozen dataclass.

    Attributes:
        call_id: The ``X-Call-Id``.
        function: Name as in the URL, namespace included if it was given.
        method: The client's HTTP method.
        path: The path after ``/function/NAME``: "" or begins with ``/``; still
            quoted.
        query: Raw query string without ``?``.
        headers: Ordered pairs; a name may occur more than once.
        callback: ``X-Callback-Url`` or "".
        accepted_ns: Unix nanoseconds at which the gateway accepted the
            request.
        body: Exact bytes.
        retry: The function's retry annotations when the call was queued,
            without their prefix ``com.openfaas.retry.``. OpenFaaS's message
            carries a function's annotations, too.
        attempts: Number of attempts before the call was last queued: more than
            0 after a redrive.
    """

    call_id: str
    function: str
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    callback: str
    accepted_ns: int
    body: bytes
    retry: Mapping[str, str] = {}
    attempts: int = 0

    def nats_headers(self) -> dict[str, str]:
        """Return the NATS headers of the message that queues the call."""
        return {DEDUPE_HEADER: self.message_id(), CALL_HEADER: self.metadata()}

    def message_id(self) -> str:
        """Return an id that only repetitions of the same request share.

        The call id alone is not enough: a callback carries its call's id, and
        a client may use one id for many calls. So function, path, query,
        callback URL and body count, too. A callback, whose headers are a
        function's response, also has the ``X-Start-Time`` of that invocation:
        a call whose callback leads to its own function is no repetition.
        """
        own_start = str(self.accepted_ns)
        starts = [v for name, v in self.headers if name.lower() == _START_TIME and v != own_start]
        request = (short_function_name(self.function), self.path, self.query, self.callback, *starts)
        checksum = crc32(self.body, crc32("\n".join(request).encode(errors="replace")))
        # After a redrive JetStream must not take it for a duplicate of the
        # first message.
        redriven = f":{self.attempts}" if self.attempts else ""
        return f"{self.call_id}:{len(self.body):x}:{checksum:08x}{redriven}"

    def metadata(self) -> str:
        """Encode all but the body in ASCII, on one line."""
        request = (self.call_id, self.function, self.method, self.path, self.query, self.headers)
        return encode([*request, self.callback, self.accepted_ns, self.retry, self.attempts])

    @classmethod
    def from_message(cls, headers: Mapping[str, str] | None, body: bytes) -> QueuedCall:
        """Decode a NATS message, or raise ``ValueError``."""
        try:
            values = decode((headers or {})[CALL_HEADER])
            call_id, function, method, path, query, pairs, callback, time_ns, retry, attempts = values
            pairs = tuple((name, value) for name, value in pairs)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a queued call: {error!r}") from error
        return cls(call_id, function, method, path, query, pairs, callback, time_ns, body, retry, attempts)
