"""Requests that never came over a wire, for tests of what is done with them."""

from __future__ import annotations

import hashlib
from typing import Any

from labkit_services.http import Headers
from labkit_services.inspector.callback import decode
from labkit_services.inspector.record import Arrival


def arrival(**facts: Any) -> Arrival:
    """Return a request of which ``facts`` say what matters to the test."""
    body: bytes = facts.get("body", b"")
    headers = facts.get("headers", ())
    made: dict[str, Any] = {
        "received_ns": 1_787_392_800_123_456_789,
        "body_seconds": 0.0,
        "peer": ("127.0.0.1", 53122),
        "http_version": "1.1",
        "method": "POST",
        "target": "/r/bin",
        "path": "/r/bin",
        "subpath": "/",
        "query": "",
        "headers": headers,
        "body": body,
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "callback": decode(Headers(headers)),
    }
    return Arrival(**{**made, **facts})


def callback(call_id: str, function: str = "figlet", status: int = 200, **facts: Any) -> Arrival:
    """Return a request as the queue-worker posts it."""
    said = (("X-Call-Id", call_id), ("X-Function-Name", function), ("X-Function-Status", str(status)))
    return arrival(headers=said, **facts)
