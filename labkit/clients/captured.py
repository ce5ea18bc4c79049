"""What a bin has caught."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class CapturedRequest:
    """One request that reached a bin.

    Attributes:
        id: The record's id.
        method: HTTP method.
        path: Path below the inspector, such as ``/r/callbacks``.
        headers: Ordered pairs, spelled as they came.
        body: Exact bytes, at most what the bin keeps.
        call_id: Its ``X-Call-Id``, or "".
        function: Name of the function whose result it is, or "".
        function_status: The function's status when it is a callback, else None.
        duration_seconds: ``X-Duration-Seconds`` when it is a callback, else None.
        record: All that the inspector knows, as its API gives it.
    """

    id: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    call_id: str
    function: str
    function_status: int | None
    duration_seconds: float | None
    record: Mapping[str, Any] = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str:
        """Return the first value of a header, or ""."""
        wanted = name.lower()
        return next((value for other, value in self.headers if other.lower() == wanted), "")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> CapturedRequest:
        """Read the inspector's record."""
        said = record.get("openfaas") or {}
        return cls(
            id=record["id"],
            method=record["method"],
            path=record["path"],
            headers=tuple((name, value) for name, value in record["headers"]),
            body=base64.b64decode(record["body_base64"]),
            call_id=said.get("call_id") or "",
            function=said.get("function_name") or "",
            function_status=said.get("function_status"),
            duration_seconds=said.get("duration_seconds"),
            record=record,
        )
