"""What to answer a captured request with, and who decides it."""

from __future__ import annotations

from typing import Protocol

from labkit_services.contract.compact_json import encode
from labkit_services.http.headers import Pair
from labkit_services.inspector.records.bin_settings import BinSettings
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.value_class import value_class

JSON: tuple[Pair, ...] = (("Content-Type", "application/json"),)


@value_class
class ResponsePlan:
    """The response that was decided; see ``SentResponse`` for the fields.

    The capture handler adds ``X-Bin-Id`` and ``X-Request-Id``.
    """

    status: int
    headers: tuple[Pair, ...] = ()
    body: bytes = b""
    rule: str = "default"
    overridden_by: str | None = None
    delay: float = 0.0
    held: float = 0.0


class Responder(Protocol):
    """Decides the response to a captured request."""

    async def decide(self, settings: BinSettings, record: RequestRecord) -> ResponsePlan:
        """Return the response, at once or after a delay.

        It raises no error of its own: a failed forward is a response, too. It
        is cancelled when the client disconnects or the inspector stops.
        """


def default_plan(status: int, record_id: str) -> ResponsePlan:
    """Return the default response with this status."""
    ok = "true" if status < 400 else "false"
    return ResponsePlan(status, JSON, f'{{"ok":{ok},"id":"{record_id}"}}'.encode())


def error_plan(
    status: int, headline: str, *, expected: str = "", seen: str = "", next_step: str = "", overridden_by: str
) -> ResponsePlan:
    """Return a response that says what is wrong, as the API's errors do."""
    texts = {"error": headline, "expected": expected, "seen": seen, "next": next_step}
    body = encode({name: text for name, text in texts.items() if text})
    return ResponsePlan(status, JSON, body.encode(), overridden_by=overridden_by)
