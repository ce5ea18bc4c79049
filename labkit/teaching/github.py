"""Plays GitHub's part of a webhook: it delivers events, signed and in a hurry.

The headers, the signature, the time limit and the redelivery are those of
GitHub's documentation, "Webhook events and payloads" and "Best practices for
using webhooks".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

LIMIT_SECONDS = 10.0
"""What github.com waits for an answer."""


@dataclass(frozen=True)
class WebhookDelivery:
    """One delivery, as GitHub's page of recent deliveries shows it.

    Attributes:
        id: The ``X-GitHub-Delivery``; a redelivery has the same.
        url: Where it went.
        status: Status of the answer; None if there was none in time.
        seconds: How long GitHub waited.
        answer: The answer's text, or why there was none.
        call_id: The answer's ``X-Call-Id``, or "".
        is_again: Whether it is a redelivery.
        headers: The request's headers.
        body: The request's body, exactly.
    """

    id: str
    url: str
    status: int | None
    seconds: float
    answer: str
    call_id: str
    is_again: bool
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether GitHub shows it with a green tick: a 2xx in time."""
        return self.status is not None and 200 <= self.status < 300

    def __repr__(self) -> str:
        """Return one line, such as ``failed     no answer  1.00 s  3f2a…``."""
        mark = "delivered" if self.succeeded else "failed"
        again = ", again" if self.is_again else ""
        return f"{mark:9}  {self.status or 'no answer'}  {self.seconds:.2f} s  {self.id[:8]}…{again}"


class GitHub:
    """Delivers events to a function's address, as GitHub would.

    Attributes:
        deliveries: All of them, oldest first.
    """

    def __init__(self, gateway_url: str, *, secret: str = "", limit: float = LIMIT_SECONDS) -> None:
        """Set the webhook up.

        Args:
            gateway_url: What the addresses of deliveries begin with.
            secret: What deliveries are signed with; without it they are not.
            limit: Seconds that it waits for an answer.
        """
        self.deliveries: list[WebhookDelivery] = []
        self._gateway_url = gateway_url.rstrip("/")
        self._secret = secret.encode()
        self._limit = limit

    def deliver(self, path: str, payload: Mapping[str, Any], *, event: str = "push") -> WebhookDelivery:
        """Deliver an event to an address such as ``function/build``."""
        body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/lab",
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-GitHub-Event": event,
        }
        if self._secret:
            mac = hmac.new(self._secret, body, hashlib.sha256)
            headers["X-Hub-Signature-256"] = f"sha256={mac.hexdigest()}"
        return self._send(f"{self._gateway_url}/{path.strip('/')}", headers, body, is_again=False)

    def redeliver(self, delivery: WebhookDelivery) -> WebhookDelivery:
        """Send a delivery again: same id, same body, same signature."""
        return self._send(delivery.url, delivery.headers, delivery.body, is_again=True)

    def _send(self, url: str, headers: Mapping[str, str], body: bytes, *, is_again: bool) -> WebhookDelivery:
        status, call_id = None, ""
        began = time.monotonic()
        try:
            answer = httpx.post(url, content=body, headers=dict(headers), timeout=self._limit)
            status, text, call_id = answer.status_code, answer.text, answer.headers.get("X-Call-Id", "")
        except httpx.TimeoutException:
            text = "timed out"
        except httpx.TransportError as error:
            text = str(error)
        seconds = time.monotonic() - began
        made = WebhookDelivery(
            headers["X-GitHub-Delivery"], url, status, seconds, text, call_id, is_again, headers, body
        )
        self.deliveries.append(made)
        return made
