"""Received requests for tests, without a connection."""

from __future__ import annotations

import hashlib
from typing import Any

from labkit_services.http import Headers
from labkit_services.inspector.records.received_callback import parse_callback_headers
from labkit_services.inspector.records.request_record import ReceivedRequest


def received_request(**fields: Any) -> ReceivedRequest:
    """Return a request with these fields, and defaults for the others."""
    body: bytes = fields.get("body", b"")
    headers = fields.get("headers", ())
    defaults: dict[str, Any] = {
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
        "callback": parse_callback_headers(Headers(headers)),
    }
    return ReceivedRequest(**{**defaults, **fields})


def callback(call_id: str, function: str = "figlet", status: int = 200, **fields: Any) -> ReceivedRequest:
    """Return a request as the queue-worker sends it."""
    headers = (("X-Call-Id", call_id), ("X-Function-Name", function), ("X-Function-Status", str(status)))
    return received_request(headers=headers, **fields)
