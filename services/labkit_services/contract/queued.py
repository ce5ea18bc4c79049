"""A call on the queue: raw body, metadata in one NATS header.

OpenFaaS CE queues a JSON document with the body in base64, a third larger.
Here the body travels as it came. The request's metadata is JSON in a single
NATS header, because NATS headers keep neither order nor duplicates in every
client, and HTTP headers need both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from labkit_services.contract.compact import encode

CALL_HEADER = "Faas-Call"
DEDUPE_HEADER = "Nats-Msg-Id"
"""JetStream stores one message per id within the stream's duplicate window."""


@dataclass(frozen=True, slots=True)
class QueuedCall:
    """One accepted asynchronous call.

    Attributes:
        call_id: The ``X-Call-Id``.
        function: Name as in the URL, namespace included if it was given.
        method: The client's HTTP method.
        path: What followed ``/function/NAME``; "" or begins with ``/``; still quoted.
        query: Raw query string without ``?``.
        headers: Ordered pairs; a name may come more than once.
        callback: ``X-Callback-Url`` or "".
        accepted_ns: Unix nanoseconds at which the gateway took the request.
        body: Exact bytes.
        retry: The function's annotations about retries when the call was queued, by what follows
            ``com.openfaas.retry.``. OpenFaaS's message carries a function's annotations, too.
        attempts: How many attempts were made before the call was last put into the queue:
            more than 0 for a dead letter that was put back.
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
    retry: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 0

    def nats_headers(self) -> dict[str, str]:
        """Return the NATS headers of the message that puts it into the queue."""
        # A call that is put back is another message than the one first accepted.
        message_id = f"{self.call_id}:{self.attempts}" if self.attempts else self.call_id
        return {DEDUPE_HEADER: message_id, CALL_HEADER: self.metadata()}

    def metadata(self) -> str:
        """Return all but the body: ASCII on one line, whatever the values hold."""
        return encode(
            [
                self.call_id,
                self.function,
                self.method,
                self.path,
                self.query,
                self.headers,
                self.callback,
                self.accepted_ns,
                self.retry,
                self.attempts,
            ]
        )

    @classmethod
    def from_message(cls, headers: Mapping[str, str] | None, body: bytes) -> QueuedCall:
        """Rebuild the call from a NATS message.

        Raises:
            ValueError: The message carries no ``metadata``.
        """
        try:
            call_id, function, method, path, query, pairs, callback, accepted_ns, retry, attempts = (
                json.loads((headers or {})[CALL_HEADER])
            )
            return cls(
                call_id,
                function,
                method,
                path,
                query,
                tuple((name, value) for name, value in pairs),
                callback,
                accepted_ns,
                body,
                retry,
                attempts,
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a queued call: {error!r}") from error
