"""A request in a bin: answer it by hand, replay it, compare it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from labkit.clients.connections import Connections
from labkit.clients.inspector import CapturedRequest
from labkit.clients.lab_watch import LabWatch, guarded
from labkit.lab.background_loop import LoopBound, blocking
from labkit.lab.durations import to_go


@dataclass(frozen=True)
class ReplayResult:
    """What a replay was answered with.

    Attributes:
        id: Id of the new exchange, the last one if there are several.
        status: Its status; None if there was no response.
        ids: Ids of all.
        document: The response of the inspector's API, the differences from
            the original included.
    """

    id: str
    status: int | None
    ids: tuple[str, ...] = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    @property
    def diff(self) -> Mapping[str, Any]:
        """Differences from the original: of the request, of the response."""
        found: Mapping[str, Any] = self.document["diff"]
        return found


@dataclass(frozen=True)
class AsyncBinRequest(CapturedRequest, LoopBound):
    """A ``BinRequest`` whose methods are coroutines."""

    connections: Connections = field(repr=False, kw_only=True)

    @property
    def watch(self) -> LabWatch:
        """Ends waits at the end of the lab."""
        return self.connections.watch

    @guarded
    async def answer(
        self,
        status: int = 200,
        body: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        delay: str | float = 0.0,
    ) -> None:
        """Answer a request that is held.

        Raises:
            InspectorError: It was answered already, or its client has gone.
        """
        document = {"status": status, "body": body, "headers": dict(headers or {})}
        await self._change("/response", "PUT", document | {"delay": to_go(delay)})

    @guarded
    async def drop(self) -> None:
        """Close the connection of a request that is held."""
        await self._change("/drop", "POST", {})

    @guarded
    async def replay(
        self,
        to: str = "",
        *,
        method: str = "",
        path: str = "",
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        times: int = 1,
        gap: str | float = 0.0,
    ) -> ReplayResult:
        """Send it again, with changes.

        Args:
            to: A URL on this machine, such as a function's; by default where
                it came to.
            method: Another method.
            path: Another path, with the query.
            headers: Headers to set; the others stay.
            body: Another body.
            times: How often.
            gap: Seconds between two, or a duration such as "200ms".
        """
        given = {"target": to, "method": method, "path": path, "headers": dict(headers or {})}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value}
        if body is not None:
            changes["body"] = body
        changes |= {"times": times, "gap": to_go(gap)}
        document = await self._change("/replay", "POST", changes)
        return ReplayResult(document["id"], document["status"], tuple(document["ids"]), document)

    @guarded
    async def annotate(self, note: str = "", *, mark: str = "", pinned: bool = False) -> None:
        """Set note, mark (a colour's name) and pin; a pinned one is kept."""
        await self._change("", "PATCH", {"note": note, "mark": mark, "pinned": pinned})

    async def _change(self, path: str, method: str, document: Any) -> Any:
        inspector = self.connections.inspector
        return await inspector.change(self.bin, f"/requests/{self.id}{path}", method, document)


@dataclass(frozen=True)
class BinRequest(CapturedRequest):
    """A request that a bin captured."""

    _async: AsyncBinRequest = field(repr=False, kw_only=True)

    answer = blocking(AsyncBinRequest.answer)
    drop = blocking(AsyncBinRequest.drop)
    replay = blocking(AsyncBinRequest.replay)
    annotate = blocking(AsyncBinRequest.annotate)


def blocking_request(request: AsyncBinRequest) -> BinRequest:
    """Return a request whose methods wait."""
    values = {each.name: getattr(request, each.name) for each in fields(CapturedRequest)}
    return BinRequest(**values, _async=request)


def blocking_requests(requests: list[AsyncBinRequest]) -> list[BinRequest]:
    """Return requests whose methods wait."""
    return [blocking_request(request) for request in requests]
