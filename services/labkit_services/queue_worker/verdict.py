"""Verdicts: how a handler wants a delivered message to be settled."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ack:
    """Remove the message from its queue: nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Nak:
    """Deliver the message again, after ``delay`` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Term:
    """Remove the message from its queue: it can't be processed."""


Verdict = Ack | Nak | Term
