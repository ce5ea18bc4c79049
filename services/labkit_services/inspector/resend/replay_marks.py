"""Recognizes a replay when it comes back to one of the inspector's bins."""

from __future__ import annotations

import asyncio
import os

from labkit_services.http import Headers
from labkit_services.http.headers import Pair
from labkit_services.inspector.records.request_record import RequestRecord

REPLAY_HEADER = "X-Labkit-Replay"
"""Carries a word that is valid once; it is not stored with the request."""


class ReplayMarks:
    """The marks of the replays on their way to this inspector."""

    def __init__(self) -> None:
        self._expected: dict[str, tuple[str, asyncio.Future[RequestRecord]]] = {}

    def add(self, original: str) -> tuple[Pair, asyncio.Future[RequestRecord]]:
        """Return a header for a replay, and the record that it will become.

        ``original`` is the id of the request that is replayed.
        """
        mark = os.urandom(16).hex()
        future: asyncio.Future[RequestRecord] = asyncio.get_running_loop().create_future()
        self._expected[mark] = original, future
        return (REPLAY_HEADER, mark), future

    def remove(self, header: Pair) -> None:
        """Forget a mark that may not have come back."""
        self._expected.pop(header[1], None)

    def original(self, headers: Headers) -> str | None:
        """Return the id of the request that this one replays, or None."""
        if not self._expected:
            return None
        original, _ = self._expected.get(headers.get(REPLAY_HEADER), (None, None))
        return original

    def captured(self, headers: Headers, record: RequestRecord) -> None:
        """Report a replay's own record; its mark is used up."""
        if not self._expected:
            return
        _, future = self._expected.pop(headers.get(REPLAY_HEADER), (None, None))
        if future is not None and not future.done():
            future.set_result(record)


def without_mark(headers: list[Pair]) -> tuple[Pair, ...]:
    """Return headers without the mark."""
    return tuple(pair for pair in headers if pair[0].lower() != REPLAY_HEADER.lower())
