"""The topic ``logs``: new lines of services' log files and of functions.

The log files are read here, not by the inspector: so the lines come on while
inspector, gateway or NATS are down.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from labkit.clients.gateway import GatewayClient
from labkit.errors import ServiceError
from labkit.live.sources import Content, LabLink
from labkit.service_names import kind_of
from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.followed_log import FollowedLog
from labkit_services.runtime.log_lines import merged

TAIL_LINES = 500
"""Lines that a view begins with, at most."""
_POLL_SECONDS = 0.1
_FUNCTIONS_SECONDS = 1.0
_FUNCTION_TAIL = 200
_STILL_SECONDS = 2.0
_RETRY_SECONDS = 0.5
_MOST_LINES = 300
"""Lines of one log that are sent at a time: 3,000 a second. Of more, the
newest; the view says how many were left out."""


async def log_lines(link: LabLink, names: str) -> AsyncIterator[Content]:
    """Yield ``{"lines", "sources", "dropped"}``; ``names`` is "a,b" or "".

    ``lines`` are new, ``sources`` are all logs, and ``dropped`` is the number
    of lines that were left out since the beginning.
    """
    wanted = frozenset(filter(None, names.split(",")))
    files = _ServiceLogs(link.logs, wanted)
    functions = _FunctionLogs(link.connections.gateway, wanted)
    state: tuple[Any, ...] | None = None
    try:
        lines = merged([files.tail(TAIL_LINES)])[-TAIL_LINES:]
        while True:
            functions.look()
            sources = [*files.sources(), *functions.sources()]
            dropped = files.dropped + functions.dropped
            if lines or state != (sources, dropped):
                state = (sources, dropped)
                yield {"lines": lines, "sources": sources, "dropped": dropped}
            await asyncio.sleep(_POLL_SECONDS)
            lines = merged([files.more(), functions.more()])
    finally:
        functions.stop()


async def last_merged_lines(link: LabLink, names: Sequence[str], tail: int) -> list[dict[str, Any]]:
    """Return the last lines of logs, merged by time; no names are all.

    Raises:
        ServiceError: A name is neither a service's nor a function's.
        InvalidValueError: ``tail`` is not 1 to 500.
    """
    if not 1 <= tail <= TAIL_LINES:
        raise InvalidValueError("tail is out of range", expected=f"1 to {TAIL_LINES} lines", seen=repr(tail))
    wanted = frozenset(names)
    files = _ServiceLogs(link.logs, wanted)
    lines = files.tail(tail)
    functions = _FunctionLogs(link.connections.gateway, wanted)
    try:
        async with asyncio.timeout(_STILL_SECONDS):
            deployed = [str(one["name"]) for one in await link.connections.gateway.functions()]
            logs = [await functions.last(name, tail) for name in deployed if is_wanted(name, wanted)]
    except (LabError, TimeoutError):
        # The logs of services are there to find out why the gateway is down.
        return lines[-tail:]
    services = [path.stem for path in link.logs.glob("*.log")]
    known = {*deployed, *services, *map(kind_of, services)}
    if missing := wanted - known:
        raise ServiceError(
            f"There is no log of {min(missing)[:80]!r}.",
            expected=" or ".join(sorted(known)),
            seen="neither a service nor a deployed function",
        )
    return merged([lines, *logs])[-tail:]


class _ServiceLogs:
    """The log files of services, also of those that start later."""

    def __init__(self, folder: Path, wanted: frozenset[str]) -> None:
        self._folder = folder
        self._wanted = wanted
        self._logs: dict[str, FollowedLog] = {}

    def _new(self) -> list[FollowedLog]:
        found = []
        for path in sorted(self._folder.glob("*.log")):
            if path.stem not in self._logs and is_wanted(path.stem, self._wanted):
                self._logs[path.stem] = FollowedLog(path)
                found.append(self._logs[path.stem])
        return found

    def tail(self, count: int) -> list[dict[str, Any]]:
        """Return the last lines of all logs, oldest first."""
        return merged([log.tail(count) for log in self._new()])

    def more(self) -> list[dict[str, Any]]:
        """Return the lines that were added since."""
        logs = [log.more(_MOST_LINES) for log in self._logs.values()]
        return merged([*logs, *[log.tail(_MOST_LINES) for log in self._new()]])

    def sources(self) -> list[dict[str, str]]:
        """Return ``{"service", "kind"}`` of each log."""
        return [{"service": name, "kind": "service"} for name in self._logs]

    @property
    def dropped(self) -> int:
        """How many lines were left out."""
        return sum(log.dropped for log in self._logs.values())


class _FunctionLogs:
    """What functions print, as the gateway has it: a request for each."""

    def __init__(self, gateway: GatewayClient, wanted: frozenset[str]) -> None:
        self._gateway = gateway
        self._wanted = wanted
        self._tasks = BackgroundTasks(self._failed)
        self._failure: BaseException | None = None
        self._followed: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._lines: defaultdict[str, deque[dict[str, Any]]] = defaultdict(deque)
        self._looking: asyncio.Task[None] | None = None
        self.dropped = 0

    def _failed(self, _name: str, error: BaseException) -> None:
        self._failure = error

    def look(self) -> None:
        """Begin to look for functions, now and then; raise what ended it."""
        if self._failure is not None:
            raise self._failure
        if self._looking is None:
            self._looking = self._tasks.start(self._look(), name="look for functions' logs")

    async def _look(self) -> None:
        while True:
            try:
                found = await self._gateway.functions()
            except LabError:
                found = None  # the gateway is down: its functions come back with it
            if found is not None:
                self._follow_only(found)
            await asyncio.sleep(_FUNCTIONS_SECONDS)

    def _follow_only(self, found: Iterable[dict[str, Any]]) -> None:
        # A function that is deleted and deployed again has another log.
        keys = {(str(one["name"]), str(one.get("createdAt", ""))) for one in found}
        keys = {key for key in keys if is_wanted(key[0], self._wanted)}
        for key in self._followed.keys() - keys:
            self._followed.pop(key).cancel()
        for key in sorted(keys - self._followed.keys()):
            name = f"follow the log of {key[0]}"
            self._followed[key] = self._tasks.start(self._follow(key[0]), name=name)

    async def _follow(self, name: str) -> None:
        newest = ""
        while True:
            resumed = newest
            since: dict[str, str | int] = {"since": resumed} if resumed else {"tail": _FUNCTION_TAIL}
            with suppress(LabError):  # the gateway is down, or the function is gone: see ``_look``
                async for line in self._gateway.follow_logs(name, **since):
                    # All times have six digits.
                    if line["timestamp"] > resumed:
                        newest = line["timestamp"]
                        self._put(name, line)
            await asyncio.sleep(_RETRY_SECONDS)

    async def last(self, name: str, tail: int) -> list[dict[str, Any]]:
        """Return a function's last lines."""
        return [_line(name, line) for line in await self._gateway.log_lines(name, tail=tail)]

    def _put(self, name: str, line: dict[str, Any]) -> None:
        lines = self._lines[name]
        if len(lines) >= _MOST_LINES:
            lines.popleft()
            self.dropped += 1
        lines.append(_line(name, line))

    def more(self) -> list[dict[str, Any]]:
        """Return the lines that came since, by time."""
        logs, self._lines = self._lines, defaultdict(deque)
        return merged(map(list, logs.values()))

    def sources(self) -> list[dict[str, str]]:
        """Return ``{"service", "kind"}`` of each function."""
        return [{"service": name, "kind": "function"} for name, _ in self._followed]

    def stop(self) -> None:
        """End all requests."""
        for task in filter(None, (self._looking, *self._followed.values())):
            task.cancel()


def _line(name: str, line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function's line as ``LogReader`` gives a service's."""
    given = {"service": name, "kind": "function", "time": line["timestamp"], "text": line["text"]}
    return {**given, "exact": True, "level": "info", "call_id": None}


def is_wanted(name: str, wanted: frozenset[str]) -> bool:
    """Tell whether a log is among those asked for; no names are all.

    ``queue-worker`` is also ``queue-worker-2``.
    """
    return not wanted or name in wanted or kind_of(name) in wanted
