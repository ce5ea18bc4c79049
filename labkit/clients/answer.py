"""What comes back from a call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """A function's answer to a synchronous call.

    Attributes:
        status: HTTP status.
        body: Exact bytes.
        headers: By lower-case name; of a repeated one, the values joined by commas.
        call_id: The call's ``X-Call-Id``.
        seconds: How long the caller waited.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(repr=False)
    call_id: str
    seconds: float

    @property
    def text(self) -> str:
        """The body as text; bytes that are none become ``�``."""
        return self.body.decode("utf-8", "replace")

    @property
    def is_whole(self) -> bool:
        """Whether it is all that the function answered; of a large result only the beginning is kept."""
        return "x-result-truncated" not in self.headers

    @property
    def ok(self) -> bool:
        """Whether the function succeeded."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body decoded from JSON."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        size = self.headers.get("x-result-truncated", f"{len(self.body)} bytes")
        return f"Answer(status={self.status}, {size}, call_id={self.call_id!r})"
