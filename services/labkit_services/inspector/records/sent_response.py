"""The response to a captured request, and its representation as JSON."""

from __future__ import annotations

import base64
from typing import Any

from labkit_services.contract.wire_text import readable
from labkit_services.http.headers import Pair
from labkit_services.inspector.records.value_class import value_class


@value_class
class SentResponse:
    """What a captured request was answered with, and why.

    Attributes:
        status: 0 means that the connection was closed without a response.
        headers: Those of the inspector; the server adds framing and date.
        rule: Name of the rule that decided the response.
        overridden_by: What took precedence over the rule, or None.
        delay: Seconds that the response was delayed by a setting.
        started: When it was decided, in seconds from ``received_ns``.
        ended: When it was complete, in seconds from ``received_ns``.
        held: Seconds that the request was held for an answer by hand.
    """

    status: int
    headers: tuple[Pair, ...] = ()
    body: bytes = b""
    rule: str = "default"
    overridden_by: str | None = None
    delay: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    held: float = 0.0

    def summary(self) -> dict[str, Any]:
        """Return all fields but headers and body, for lists."""
        return {
            "status": self.status,
            "rule": self.rule,
            "delay_ms": round(self.delay * 1000, 3),
            "overridden_by": self.overridden_by,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the ``response`` part of a record."""
        return self.summary() | {
            "headers": tuple((name, readable(value)) for name, value in self.headers),
            "body_base64": base64.b64encode(self.body).decode(),
        }


def cut_response(rule: str, seconds: float) -> SentResponse:
    """Return what stands for a response that was never sent."""
    return SentResponse(0, rule=rule, started=seconds, ended=seconds)
