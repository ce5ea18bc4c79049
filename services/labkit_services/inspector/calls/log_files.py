"""Reads and follows the log files of the lab's services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from labkit_services.inspector.calls.call_stream import HEARTBEAT_SECONDS, encode_event
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.inspector.errors import NotFoundError, TooManyError
from labkit_services.runtime.followed_log import FollowedLog
from labkit_services.runtime.log_lines import is_since, merged

_POLL_SECONDS = 0.25
_MAX_FOLLOWERS = 20


class LogFiles:
    """The logs of a lab's services, merged by time."""

    def __init__(self, lab: LabAccess) -> None:
        self._lab = lab
        self._closed = asyncio.Event()
        self._followers = 0

    def services(self, wanted: str = "") -> list[str]:
        """Return the services that have a log; of ``wanted``, "a,b", those.

        Raises:
            NotFoundError: One of the wanted ones has none.
        """
        known = sorted(path.stem for path in self._lab.logs.glob("*.log"))
        names = [name.strip() for name in wanted.split(",") if name.strip()] or known
        if missing := set(names) - set(known):
            raise NotFoundError(
                f"there is no log of {min(missing)[:80]!a}", expected=" or ".join(known) or "a running lab"
            )
        return names

    def read(self, services: Sequence[str], tail: int, since_ns: int | None) -> list[dict[str, Any]]:
        """Return the last lines, at most ``tail``, oldest first."""
        logs = []
        for service in services:
            lines = FollowedLog(self._path(service)).tail(tail)
            logs.append([line for line in lines if since_ns is None or is_since(line, since_ns)])
        lines = merged(logs)
        return lines[max(0, len(lines) - tail) :]

    async def follow(self, services: Sequence[str]) -> AsyncIterator[bytes]:
        """Yield server-sent events ``lines`` as the logs grow."""
        if self._followers >= _MAX_FOLLOWERS:
            raise TooManyError("too many pages follow the logs", expected=f"at most {_MAX_FOLLOWERS}")
        files = [FollowedLog(self._path(service)) for service in services]
        for file in files:
            file.tail(0)
        return self._stream(files)

    async def _stream(self, files: list[FollowedLog]) -> AsyncIterator[bytes]:
        self._followers += 1
        try:
            yield b"retry: 1000\n\n" + encode_event("hello", {})
            quiet = 0.0
            while not self._closed.is_set():
                lines = merged([file.more() for file in files])
                if lines:
                    quiet = 0.0
                    dropped = sum(file.dropped for file in files)
                    yield encode_event("lines", {"lines": lines, "dropped": dropped})
                elif quiet >= HEARTBEAT_SECONDS:
                    quiet = 0.0
                    yield encode_event("heartbeat", {})
                quiet += _POLL_SECONDS
                try:
                    await asyncio.wait_for(self._closed.wait(), _POLL_SECONDS)
                except TimeoutError:
                    continue
        finally:
            self._followers -= 1

    def close(self) -> None:
        """End all streams."""
        self._closed.set()

    def _path(self, service: str) -> Path:
        return self._lab.logs / f"{service}.log"
