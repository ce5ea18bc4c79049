"""What lies on the queue: one accepted call, as the gateway would queue it."""

from __future__ import annotations

import time

from labkit_services.contract.queued_call import QueuedCall

BODY = b"hello"
"""The body of every measured call."""


def queued_call(call_id: str, function: str = "cat") -> QueuedCall:
    """Return a call of ``function`` that sends ``hello``."""
    return QueuedCall(
        call_id=call_id,
        function=function,
        method="POST",
        path="",
        query="",
        headers=(("Host", "127.0.0.1:8080"), ("Content-Type", "text/plain"), ("Content-Length", "5")),
        callback="",
        accepted_ns=time.time_ns(),
        body=BODY,
    )
