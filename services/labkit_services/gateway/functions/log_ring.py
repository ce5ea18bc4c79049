"""The last log lines of a function, for ``/system/logs``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from labkit_services.runtime.log_marks import lines_of, older_lines

_CHARACTERS = 4 * 1024 * 1024
"""Of all lines: at most 16 MB of memory, whatever the alphabet."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a replica's log."""

    time_ns: int
    instance: str
    text: str


class LogRing:
    """The newest lines, a bounded number, as a pod's log is rotated."""

    def __init__(self, limit: int = 2000) -> None:
        self._lines: deque[tuple[int, LogLine]] = deque()
        self._limit = limit
        self._gone: Counter[str] = Counter()  # lines that are not kept, by replica
        self._count = 0
        self._characters = 0
        self._more = asyncio.Event()

    def append(self, instance: str, text: str) -> None:
        """Add one line."""
        self._count += 1
        if len(self._lines) == self._limit:
            self._drop()
        self._lines.append((self._count, LogLine(time.time_ns(), instance, text)))
        self._characters += len(text)
        while self._characters > _CHARACTERS:
            self._drop()
        self._more.set()

    def _drop(self) -> None:
        _, line = self._lines.popleft()
        self._characters -= len(line.text)
        self._gone[line.instance] += lines_of(line.text)

    def tail(self, count: int) -> list[str]:
        """Return the texts of the last ``count`` lines."""
        return [line.text for _, line in list(self._lines)[-count:]]

    def _mark(self, since_ns: int, instance: str) -> LogLine | None:
        """Return the line in place of older ones, if they are asked for."""
        lost = self._gone[instance] if instance else self._gone.total()
        oldest = self._lines[0][1] if self._lines else None
        if not lost or oldest is None or since_ns > oldest.time_ns:
            return None
        text = older_lines(lost)
        return LogLine(oldest.time_ns, instance or oldest.instance, text)

    async def read(
        self, *, since_ns: int = 0, tail: int = 0, instance: str = "", follow: float = 0.0
    ) -> AsyncIterator[LogLine]:
        """Yield the lines of a replica, or of all, oldest first.

        Args:
            since_ns: Leave out older lines.
            tail: At most this many existing lines; 0 or less is all.
            instance: The replica; "" is all.
            follow: Seconds to go on with new lines; ``math.inf`` is until
                cancelled.
        """

        def matches(line: LogLine) -> bool:
            return line.time_ns >= since_ns and (not instance or line.instance == instance)

        past = [line for _, line in self._lines if matches(line)]
        mark = None if 0 < tail <= len(past) else self._mark(since_ns, instance)
        if mark is not None:
            yield mark
        seen = self._count
        loop = asyncio.get_running_loop()
        end = loop.time() + follow
        for line in past[-tail:] if tail > 0 else past:
            yield line
        while loop.time() < end:
            self._more.clear()
            for number, line in list(self._lines):
                if number > seen:
                    if missed := number - seen - 1:
                        text = f"[labkit: {missed:,} lines came too fast to be followed]"
                        yield LogLine(line.time_ns, line.instance, text)
                    seen = number
                    if matches(line):
                        yield line
            if self._count == seen:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._more.wait(), end - loop.time())
