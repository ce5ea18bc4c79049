"""Realistic calls for tests of the timeline, as `/api/v1/calls` gives them."""

from __future__ import annotations

import random
from typing import Any

Json = dict[str, Any]
BEGIN = 1_790_000_000.0
"""Unix time of the first call."""

_LANES = {
    "waits": "client",
    "accepts": "gateway",
    "forwards": "gateway",
    "queued": "queue",
    "backoff": "queue",
    "lease": "queue",
    "dead": "queue",
    "cancelled": "queue",
    "works": "function",
    "fails": "function",
    "lost": "function",
    "calls_back": "callback",
    "callback_fails": "callback",
    "captured": "callback",
}


def span(kind: str, start: float, end: float | None, label: str = "", attempt: int | None = None) -> Json:
    """Return a span; times are seconds since ``BEGIN``."""
    return {
        "lane": _LANES[kind],
        "kind": kind,
        "start": BEGIN + start,
        "end": None if end is None else BEGIN + end,
        "label": label,
        "attempt": attempt,
    }


def call(number: int, function: str, state: str, spans: list[Json], **more: Any) -> Json:
    """Return a call; ``more`` are further fields."""
    open_ended = any(each["end"] is None for each in spans)
    return {
        "callId": f"{number:04x}c0de{number * 7919 % 65536:04x}",
        "function": function,
        "mode": "async",
        "state": state,
        "settled": not open_ended,
        "status": 200 if state == "done" else 500 if state in ("failed", "dead") else None,
        "queue": "faas-request",
        "sequence": number,
        "spans": spans,
        "outcome": None,
        "captured": [],
        "redeliveries": sum(each["kind"] == "lost" for each in spans),
        **more,
    }


def one_of_each() -> list[Json]:
    """Return a call of every fate, within eleven seconds."""
    q, w = 0.004, 0.003
    capture = {"bin": "callbacks", "id": "01J5", "seq": 3, "time": BEGIN + 3.36}
    return [
        call(1, "figlet", "done", [span("waits", 0, 1.1, "200"), span("forwards", 0.01, 1.09),
             span("works", 0.02, 1.08, "200", 1)], mode="sync", sequence=None, queue=None),
        call(2, "long-task", "done", [span("waits", 0.1, 0.1 + w, "202"), span("accepts", 0.1, 0.1 + w),
             span("queued", 0.1 + q, 0.12), span("works", 0.12, 2.1, "200", 1)]),
        call(3, "notify", "done", [span("waits", 0.2, 0.2 + w, "202"), span("queued", 0.2 + q, 2.1),
             span("works", 2.1, 2.8, "200", 1), span("calls_back", 2.8, 3.4, "200"),
             span("captured", 3.36, 3.36, "bin callbacks")], captured=[capture]),
        call(4, "flaky", "done", [span("waits", 0.3, 0.3 + w, "202"), span("queued", 0.3 + q, 2.8),
             span("fails", 2.8, 3.3, "attempt 1: 500", 1), span("backoff", 3.3, 4.8),
             span("fails", 4.8, 5.2, "attempt 2: 500", 2), span("backoff", 5.2, 7.6),
             span("works", 7.6, 8.2, "attempt 3: 200", 3), span("calls_back", 8.2, 8.7, "200")]),
        call(5, "long-task", "done", [span("waits", 0.4, 0.4 + w, "202"), span("queued", 0.4 + q, 3.4),
             span("lost", 3.4, 4.7, "attempt 1", 1), span("lease", 4.7, 6.6),
             span("works", 6.6, 7.6, "attempt 2: 200", 2)]),
        call(6, "broken", "dead", [span("waits", 0.5, 0.5 + w, "202"), span("queued", 0.5 + q, 7.6),
             span("fails", 7.6, 7.9, "attempt 1: 500", 1), span("backoff", 7.9, 8.9),
             span("fails", 8.9, 9.2, "attempt 2: 500", 2), span("dead", 9.2, 9.2, "attempts used up")]),
        call(7, "notify", "done", [span("waits", 0.6, 0.6 + w, "202"), span("queued", 0.6 + q, 8.3),
             span("works", 8.3, 8.8, "200", 1), span("callback_fails", 8.8, 9.6, "connection refused")]),
        call(8, "long-task", "cancelled", [span("waits", 0.7, 0.7 + w, "202"), span("queued", 0.7 + q, 4.4),
             span("cancelled", 4.4, 4.4)]),
        call(9, "slow", "failed", [span("waits", 5.0, 9.0, "504"), span("fails", 5.02, 8.99, "504", 1)],
             mode="sync", sequence=None, queue=None),
        call(10, "long-task", "running", [span("waits", 0.8, 0.8 + w, "202"), span("queued", 0.8 + q, 9.6),
             span("works", 9.6, None, "", 1)]),
        call(11, "notify", "queued", [span("waits", 0.9, 0.9 + w, "202"), span("queued", 0.9 + q, None)]),
    ]  # fmt: skip


FAULTS = [
    {
        "where": "worker",
        "what": "kill",
        "start": BEGIN + 4.7,
        "end": BEGIN + 6.2,
        "label": "queue-worker killed",
    }
]
NOW = BEGIN + 10.4


def many(count: int, seconds: float, seed: int = 1) -> list[Json]:
    """Return ``count`` finished calls spread over a time, a tenth of them retried."""
    chance = random.Random(seed)
    calls = []
    for number in range(count):
        start = number * seconds / count
        queued = chance.expovariate(1)
        worked = 0.05 + chance.expovariate(2)
        spans = [span("waits", start, start + 0.003, "202"), span("queued", start + 0.004, start + queued)]
        at = start + queued
        if chance.random() < 0.1:
            spans += [span("fails", at, at + 0.2, "500", 1), span("backoff", at + 0.2, at + 1.2)]
            at += 1.2
        spans += [
            span("works", at, at + worked, "200", 2),
            span("calls_back", at + worked, at + worked + 0.1, "200"),
        ]
        calls.append(call(number, f"function-{number % 7}", "done", spans))
    return calls
