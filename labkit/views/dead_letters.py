"""Dead letters: calls, and callbacks, whose every attempt failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit.language import translated
from labkit.views.tables import TableList, labelled

_MOST_LETTERS = 60
"""Letters of a reason that a table shows."""


@dataclass(frozen=True)
class DeadLetter:
    """A call, or a call's callback, that was dead-lettered.

    Attributes:
        call_id: The call's ``X-Call-Id``.
        function: The function's name.
        kind: ``invocation``: the function failed in every attempt;
            ``callback``: its response could not be delivered.
        reason: Why it was dead-lettered.
        attempts: How often the function, or the callback, was tried.
        died_at: When, RFC 3339 in UTC.
        body: The call's request body as text; its first 4 KiB.
        status: The function's last status; None if it never answered.
        answer: The function's last response body as text; its first 4 KiB.
        record: The gateway's whole document: request and response with their
            headers.
    """

    call_id: str
    function: str
    kind: str
    reason: str
    attempts: int
    died_at: str
    body: str = field(repr=False)
    status: int | None
    answer: str = field(repr=False)
    record: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> DeadLetter:
        """Return the dead letter of a gateway's document."""
        response = document["response"] or {}
        return cls(
            call_id=document["callId"],
            function=document["function"],
            kind=document["kind"],
            reason=document["reason"],
            attempts=document["attempts"],
            died_at=document["diedAt"],
            body=document["request"]["body"],
            status=response.get("status"),
            answer=response.get("body", ""),
            record=document,
        )

    def row(self) -> tuple[str, ...]:
        """Return its row of a table of ``DeadLetters``."""
        reason = translated(self.reason)
        if len(reason) > _MOST_LETTERS:
            reason = reason[: _MOST_LETTERS - 1] + "…"
        died_at = self.died_at[:19].replace("T", " ")
        return died_at, self.function, self.kind, str(self.attempts), reason, self.call_id

    def __str__(self) -> str:
        request = self.record["request"]
        times = f"{self.attempts} times" if self.attempts != 1 else "once"
        rows = [
            ("call", self.call_id),
            ("function", self.function),
            ("what", self.kind),
            ("why", translated(self.reason)),
            ("tried", translated(times)),
            ("died at", self.died_at),
            *([("callback", self.record["callback"])] if self.record["callback"] else []),
            ("request", translated(f"{request['method']}, {request['bytes']} bytes")),
        ]
        lines = [*map(labelled, *zip(*rows, strict=True)), *_indented(self.body)]
        if self.status is not None:
            lines += [labelled("answer", str(self.status)), *_indented(self.answer)]
        return "\n".join(lines)


class DeadLetters(TableList[DeadLetter]):
    """Dead letters of one queue, oldest first; shows itself as a table."""

    heading = ("died at (UTC)", "function", "what", "tried", "why", "call")
    empty = "no dead letters"


def _indented(text: str) -> list[str]:
    return [f"          {line}" for line in text.splitlines()]
