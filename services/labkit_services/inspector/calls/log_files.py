"""Reads and follows the log files of the lab's services."""

from __future__ import annotations

import asyncio
import heapq
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit_services.files.own_file import read_own
from labkit_services.inspector.calls.call_stream import HEARTBEAT_SECONDS, encode_event
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.inspector.calls.log_lines import LogReader, is_since, with_times
from labkit_services.inspector.errors import NotFoundError, TooManyError
from labkit_services.runtime.log_tail import last_lines

_POLL_SECONDS = 0.25
_MAX_READ = 256 * 1024
"""Most bytes of one file at a time; of more, the newest."""
_CONTEXT_LINES = 500
"""Older lines that are parsed as well: they name the calls of later ones."""
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
            followed = _FollowedFile(self._path(service), LogReader(service))
            lines = followed.tail(tail)
            logs.append([line for line in lines if since_ns is None or is_since(line, since_ns)])
        merged = list(heapq.merge(*logs, key=lambda line: str(line["time"])))
        return merged[max(0, len(merged) - tail) :]

    async def follow(self, services: Sequence[str]) -> AsyncIterator[bytes]:
        """Yield server-sent events ``lines`` as the logs grow."""
        if self._followers >= _MAX_FOLLOWERS:
            raise TooManyError("too many pages follow the logs", expected=f"at most {_MAX_FOLLOWERS}")
        files = [_FollowedFile(self._path(service), LogReader(service)) for service in services]
        for file in files:
            file.tail(0)
        return self._stream(files)

    async def _stream(self, files: list[_FollowedFile]) -> AsyncIterator[bytes]:
        self._followers += 1
        try:
            yield b"retry: 1000\n\n" + encode_event("hello", {})
            quiet = 0.0
            while not self._closed.is_set():
                lines = [line for file in files for line in file.more()]
                if lines:
                    quiet = 0.0
                    yield encode_event("lines", {"lines": lines})
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


@dataclass(slots=True)
class _FollowedFile:
    """A log file, and how far it was read."""

    path: Path
    reader: LogReader
    position: int = 0

    def tail(self, count: int) -> list[dict[str, Any]]:
        """Return the last lines, and continue after them."""
        try:
            with read_own(self.path) as file:
                lines = last_lines(file, count + _CONTEXT_LINES)
                self.position = file.tell()
                written_ns = os.fstat(file.fileno()).st_mtime_ns
        except OSError:
            return []
        parsed = with_times(list(self.reader.read(lines)), written_ns)
        return parsed[max(0, len(parsed) - count) :]

    def more(self) -> list[dict[str, Any]]:
        """Return the complete lines that were added."""
        try:
            size = os.stat(self.path).st_size
            if size < self.position:  # the supervisor has truncated it
                self.position = 0
            if size == self.position:
                return []
            with read_own(self.path) as file:
                skipped = size - self.position - _MAX_READ
                start = file.seek(self.position + max(0, skipped))
                data = file.read(_MAX_READ)
        except OSError:
            return []
        if skipped > 0:
            begin = data.find(b"\n") + 1
            start, data = start + begin, data[begin:]
        end = data.rfind(b"\n") + 1
        if not end and len(data) == _MAX_READ:
            end = len(data)
        self.position = start + end
        lines = list(self.reader.read(data[:end].decode("utf-8", "replace").splitlines()))
        return with_times(lines, time.time_ns())
