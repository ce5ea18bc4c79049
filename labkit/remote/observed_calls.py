"""The calls as this process can know them: what it sent, what came back.

A call's events here are those of the client and of the callback:

* the client's request and the gateway's response;
* 202 Accepted: by OpenFaaS's protocol the call is queued then;
* the callback: the function's status, and by ``X-Duration-Seconds`` when the
  queue-worker had taken the call (docs/reference/async.md of OpenFaaS). What
  happened in between, such as retries, is not known.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from labkit.clients.call_events import ReadableCalls
from labkit.errors import LabError
from labkit_services.contract.events import Event, EventType, Row, platform_data
from labkit_services.contract.headers import DURATION_SECONDS, INTERNAL
from labkit_services.contract.names import short_function_name
from labkit_services.contract.times import parse_rfc3339


class ObservedCalls(ReadableCalls):
    """The call log of one connection; what ``CallEvents`` is for a lab.

    There are no ``lab_events``: services of another OpenFaaS report nothing.
    """

    def __init__(self, hint: str = "") -> None:
        super().__init__(hint)
        self._instance = f"client-{os.getpid()}"

    # -- what is observed

    def sent(self, call_id: str, function: str, mode: str, size: int) -> None:
        """Note that the client sends a call."""
        self._add(time.time_ns(), EventType.CLIENT_SENT, call_id, function, mode=mode, bytes=size)

    def lost(self, call_id: str, function: str, error: str) -> None:
        """Note that the client got no response."""
        self._add(time.time_ns(), EventType.CLIENT_ANSWERED, call_id, function, error=error)

    def accepted(self, call_id: str, function: str, status: int, size: int) -> None:
        """Note the gateway's response to an asynchronous call."""
        now = time.time_ns()
        self._add(now, EventType.CLIENT_ANSWERED, call_id, function, status=status, bytes=size)
        if status == 202:
            self._add(now, EventType.CALL_QUEUED, call_id, function)

    def answered(
        self, call_id: str, function: str, status: int, body: bytes, headers: Mapping[str, str]
    ) -> None:
        """Note the response to a synchronous call.

        The watchdog's ``X-Duration-Seconds`` tells how long the function ran.
        """
        now, size = time.time_ns(), len(body)
        data = platform_data(headers.get(INTERNAL.lower(), ""), body)
        if (seconds := _seconds(headers.get(DURATION_SECONDS.lower()))) is not None:
            self._add(now - int(seconds * 1e9), EventType.CALL_FORWARDED, call_id, function)
        self._add(now, EventType.CLIENT_ANSWERED, call_id, function, status=status, bytes=size)
        self._add(now, EventType.CALL_ANSWERED, call_id, function, status=status, bytes=size, **data)

    def called_back(self, summary: Mapping[str, Any], url: str) -> None:
        """Note a request that a bin has captured, if it is a callback."""
        callback = summary.get("openfaas") or {}
        call_id, status = callback.get("call_id"), callback.get("function_status")
        if not call_id or status is None:
            return
        function = short_function_name(callback.get("function_name") or "")
        at, size = parse_rfc3339(summary["received_at"]), int(summary["content_length"])
        if (seconds := callback.get("duration_seconds")) is not None:
            begin = at - int(seconds * 1e9)
            self._add(begin, EventType.DELIVERY_RECEIVED, call_id, function)
            self._add(begin, EventType.INVOCATION_STARTED, call_id, function)
        self._add(at, EventType.INVOCATION_FINISHED, call_id, function, status=status, bytes=size)
        self._add(at, EventType.CALLBACK_SENT, call_id, function, url=url)
        answer = (summary.get("response") or {}).get("status", 200)
        self._add(at, EventType.CALLBACK_ANSWERED, call_id, function, status=answer)
        self._add(at, EventType.DELIVERY_ACKED, call_id, function)
        captured = {"bin": summary["bin"], "request": summary["id"], "seq": summary["seq"]}
        self._add(at, EventType.REQUEST_CAPTURED, call_id, function, bytes=size, **captured)

    def fail(self, error: LabError) -> None:
        """End all waiting: no more callbacks can come."""
        self.failure = error
        self._changed.set()

    def clear(self) -> None:
        """Forget all calls."""
        self.log.clear()

    def _add(self, at: int, type_: EventType, call_id: str, function: str, **data: Any) -> None:
        name = short_function_name(function)
        self.log.apply(Event(at, type_, call_id, name, 1, "client", self._instance, data))
        self._changed.set()

    # -- what the lab asks of its event log

    async def catch_up(self, timeout: float = 0.0) -> None:
        """Do nothing: events are here as soon as they are observed."""

    async def publish(self, rows: list[Row], instance: str) -> None:
        """Do nothing: the client's own events are noted as it sends."""


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e6 else None
