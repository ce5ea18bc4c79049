"""How to ask JetStream whether a stream can still store messages.

After a failed write nats-server refuses every further write to that stream
until it is restarted, even if the reason is gone; it sends no acknowledgement,
and only its log says why. It answers the two requests below with the same
reason, and both change nothing (measured with nats-server 2.15).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labkit_services.contract.compact_json import encode

_NO_SUCH_SEQUENCE = 2**63 - 1
NO_SUCH_SUBJECT = "lab.no.such.subject"
"""Purging it from a stream changes nothing."""
_HEALTHY = ("no message found", "stream store EOF", "stream not found")

_REASONS = {
    "no space left on device": "The disk is full.",
    "disk quota exceeded": "The disk quota is used up.",
    "read-only file system": "The disk is read-only.",
    "input/output error": "The disk reports errors.",
}
"""What the operating system calls it, in lower case, and what it means."""


def probe_request(stream: str, config: Mapping[str, Any]) -> tuple[str, bytes]:
    """Return subject and body of the request for a stream's write error.

    Deleting a message that does not exist. Streams that forbid that, such as a
    bucket's, are asked to purge a subject that does not exist.
    """
    if config.get("deny_delete"):
        return f"$JS.API.STREAM.PURGE.{stream}", encode({"filter": NO_SUCH_SUBJECT}).encode()
    return f"$JS.API.STREAM.MSG.DELETE.{stream}", encode({"seq": _NO_SUCH_SEQUENCE}).encode()


def write_error(answer: bytes) -> str:
    """Return the write error that the answer to a probe reports, or ""."""
    document = json.loads(answer) if answer else {"error": {"description": "JetStream is not available"}}
    description = str(document.get("error", {}).get("description", ""))
    return "" if description in _HEALTHY else description


def reason_of(text: str) -> str:
    """Return what an error of the operating system means, or ""."""
    lowered = text.lower()
    return next((reason for words, reason in _REASONS.items() if words in lowered), "")
