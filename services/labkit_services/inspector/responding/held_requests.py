"""Requests that are held open until somebody answers them by hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from labkit_services.contract.errors import InvalidValueError
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.responding.delays import parse_delay
from labkit_services.inspector.responding.response_plan import ResponsePlan, error_plan
from labkit_services.inspector.storage.changes import ChangeKind, StoreChange

_MAX_HELD = 100
"""Of all bins. Each is an open connection."""
_MAX_SECONDS, _DEFAULT_SECONDS = 600.0, 30.0
RELEASING = (ChangeKind.BIN_CLEARED, ChangeKind.BIN_DELETED, ChangeKind.REQUEST_DELETED)


@dataclass(frozen=True, slots=True)
class Hold:
    """The hold of a bin; after ``timeout`` seconds the rules answer."""

    enabled: bool
    timeout: float

    @classmethod
    def parse(cls, document: dict[str, Any]) -> Hold:
        """Parse ``{"enabled": true, "timeout": "30s"}``."""
        if unknown := document.keys() - {"enabled", "timeout"}:
            raise InvalidValueError(
                f"hold has an unknown field: {min(unknown)[:80]!a}", expected="enabled, timeout"
            )
        enabled = document.get("enabled", True)
        if not isinstance(enabled, bool):
            raise InvalidValueError("hold.enabled is neither true nor false", seen=ascii(enabled)[:80])
        return cls(
            enabled, parse_delay("hold.timeout", document.get("timeout", _DEFAULT_SECONDS), _MAX_SECONDS)
        )

    def to_json(self) -> dict[str, Any]:
        """Return what is stored in the bin's settings."""
        return {"enabled": self.enabled, "timeout": self.timeout}


class HeldRequests:
    """The held requests of all bins, by the ids of their records.

    A held request that is deleted, or whose bin stops holding, is answered by
    the rules at once.
    """

    def __init__(self, limit: int = _MAX_HELD) -> None:
        self._limit = limit
        self._held: dict[str, tuple[str, asyncio.Future[ResponsePlan | None]]] = {}
        self._closed = False

    async def wait(self, record: RequestRecord, seconds: float) -> ResponsePlan | None:
        """Return the answer by hand; None if the rules are to answer.

        If too many requests are held, or the inspector stops, the answer is a
        503: the sender may try again.
        """
        if self._closed:
            return stopping_plan()
        if len(self._held) >= self._limit:
            problem = f"{self._limit} requests are held already"
            return error_plan(503, problem, next_step="answer some of them", overridden_by="too many held")
        future: asyncio.Future[ResponsePlan | None] = asyncio.get_running_loop().create_future()
        self._held[record.id] = record.bin, future
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            del self._held[record.id]

    def answer(self, record_id: str, plan: ResponsePlan) -> bool:
        """Answer a held request; return whether it was still held."""
        return self._resolve(record_id, plan)

    def ids(self, bin_name: str) -> list[str]:
        """Return the ids of a bin's held requests, the oldest first."""
        return [
            record_id
            for record_id, (name, future) in self._held.items()
            if name == bin_name and not future.done()
        ]

    def release(self, bin_name: str) -> None:
        """Let the rules answer a bin's held requests."""
        for record_id in self.ids(bin_name):
            self._resolve(record_id, None)

    def on_change(self, change: StoreChange) -> None:
        """Release what was deleted; a listener of ``RELEASING`` changes."""
        if change.record is not None:
            self._resolve(change.record.id, None)
        else:
            self.release(change.bin.name)

    def close(self) -> None:
        """Answer everything with 503, now and from now on."""
        self._closed = True
        for record_id in list(self._held):
            self._resolve(record_id, stopping_plan())

    def _resolve(self, record_id: str, plan: ResponsePlan | None) -> bool:
        _, future = self._held.get(record_id, ("", None))
        if future is None or future.done():
            return False
        future.set_result(plan)
        return True


def stopping_plan() -> ResponsePlan:
    """Return the answer to a request that waits when the inspector stops."""
    return error_plan(
        503, "the inspector is stopping", next_step="send it again", overridden_by="inspector stopped"
    )
