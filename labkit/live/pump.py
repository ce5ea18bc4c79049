"""What open views have not been sent yet; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

KEYFRAME_SECONDS = 60.0
KEYFRAME_CALLS = 500
KEYFRAME_LEAST_CALLS = 100
_MAX_LINES = 2_000
_LISTS = {"logs": "lines", "bin": "requests"}
"""Topics that grow: key of the list that is appended."""


def call_key(call: Mapping[str, Any]) -> tuple[str, str]:
    """Return what identifies a call; ids are unique per function only."""
    return str(call["callId"]), str(call["function"])


class Outbox:
    """The next message of one view: the newest of everything.

    A call that changed twice is sent once; lines are appended, and bounded.
    """

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = frozenset(topics)
        self.seq = 0
        self._calls: dict[tuple[str, str], Any] = {}
        self._topics: dict[str, dict[str, Any]] = {}

    def put(self, topic: str, content: Mapping[str, Any]) -> None:
        """Add news; of a topic that the view has not, nothing."""
        if topic not in self.topics:
            return
        if topic == "reset":
            self._calls.clear()
            self._topics.clear()
        if topic == "calls":
            self._calls.update((call_key(call), call) for call in content.get("calls", ()))
        if (name := _LISTS.get(topic)) is not None:
            before = self._topics.get(topic, {}).get(name, [])
            content = {**content, name: [*before, *content.get(name, ())][-_MAX_LINES:]}
        self._topics[topic] = dict(content)

    def take(self) -> dict[str, Any] | None:
        """Return the message for what was put, or None."""
        if not self._topics:
            return None
        topics, self._topics = self._topics, {}
        if "calls" in topics:
            topics["calls"]["calls"] = list(self._calls.values())
            self._calls = {}
        self.seq += 1
        return {"seq": self.seq, "topics": topics}


def pruned(calls: Iterable[Mapping[str, Any]], now: float) -> list[Mapping[str, Any]]:
    """Return the calls of a keyframe, at most 500.

    Those of the last minute, unsettled ones among them, or the newest hundred
    if these are more: a page that is loaded later shows what came last.
    ``calls`` are in the order of their beginning.
    """
    since = now - KEYFRAME_SECONDS
    known = list(calls)
    recent = [call for call in known if not call["settled"] or _end(call) >= since]
    newest = known[-KEYFRAME_LEAST_CALLS:]
    return (recent if len(recent) > len(newest) else newest)[-KEYFRAME_CALLS:]


def _end(call: Mapping[str, Any]) -> float:
    return max((span["end"] or span["start"] for span in call["spans"]), default=0.0)
