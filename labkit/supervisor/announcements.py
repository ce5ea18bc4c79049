"""What happens to the lab as a whole, for clients that wait for something."""

from __future__ import annotations

import asyncio
import time
from typing import Any

_MAX_CHARACTERS = 200


class Announcements:
    """The newest reset or end of the lab; each has a number, from 1 on.

    Attributes:
        last_reset: The newest reset: ``began`` (Unix seconds), ``by`` whom,
            ``seconds`` that it took (None while it runs) and ``error`` (None
            if it succeeded). None if there was none.
    """

    def __init__(self) -> None:
        self.last_reset: dict[str, Any] | None = None
        self._newest: dict[str, Any] = {"number": 0}
        self._changed = asyncio.Event()

    @property
    def has_ended(self) -> bool:
        """Whether the end was announced."""
        return self._newest.get("kind") == "end"

    def announce_reset(self, by: str) -> None:
        """Announce that the lab is being reset, and by whom."""
        self.last_reset = {"began": time.time(), "by": _printable(by), "seconds": None, "error": None}
        self._announce("reset", f"by {_printable(by)}")

    def note_reset_end(self, error: str | None) -> None:
        """Note that the reset is over; ``error`` if it failed."""
        assert self.last_reset is not None
        seconds = round(time.time() - self.last_reset["began"], 3)
        self.last_reset = {**self.last_reset, "seconds": seconds, "error": error}

    @property
    def is_resetting(self) -> bool:
        """Whether a reset is running."""
        return self.last_reset is not None and self.last_reset["seconds"] is None

    def announce_end(self, how: str) -> None:
        """Announce that the lab ends; only the first cause counts."""
        if not self.has_ended:
            self._announce("end", how)

    def announce_stop(self, by: str) -> None:
        """Announce that the lab is stopped, and by whom."""
        self.announce_end(f"it was stopped by {_printable(by)}")

    def _announce(self, kind: str, how: str) -> None:
        number = self._newest["number"] + 1
        self._newest = {"number": number, "kind": kind, "how": how, "at_ns": time.time_ns()}
        self._changed.set()
        self._changed = asyncio.Event()

    async def next(self, number: int | None) -> dict[str, Any]:
        """Wait until the newest is not the one with this number; return it.

        With None the newest is returned at once.
        """
        while self._newest["number"] == number:
            await self._changed.wait()
        return self._newest


def _printable(text: str) -> str:
    """Return a client's name for itself as one short line."""
    line = "".join(character if character.isprintable() else "?" for character in text)
    return line[:_MAX_CHARACTERS] or "another process"
