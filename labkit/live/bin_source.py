"""The topic ``bin:NAME``: the newest requests of a bin, as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from labkit.clients.inspector import InspectorClient, ServerEvent
from labkit.live.sources import Content, LabLink
from labkit_services.contract.errors import LabError
from labkit_services.runtime.background_tasks import BackgroundTasks

MOST_REQUESTS = 100
_PREVIEW_CHARACTERS = 160
_PREVIEW_BYTES = 64 * 1024
"""Of a longer body no preview is read."""
_PREVIEWS = 30
"""Of the newest requests."""
_RETRY_SECONDS = 0.3
_PAUSE_SECONDS = 0.05


async def bin_requests(link: LabLink, name: str) -> AsyncIterator[Content]:
    """Yield ``{"bin", "requests", "state"}``, newest request first.

    ``bin`` is as the inspector's API gives it, without its secret settings,
    and None while it is not known. ``state`` is ``live``, ``lost`` (the
    inspector is down) or ``missing`` (there is no such bin).
    """
    followed = _FollowedBin(link.connections.inspector, name)
    try:
        followed.start()
        while True:
            await followed.changed.wait()
            followed.changed.clear()
            yield followed.content()
            await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        followed.stop()


class _FollowedBin:
    """What is known of a bin by its events; an inspector may be restarted."""

    def __init__(self, inspector: InspectorClient, name: str) -> None:
        self._inspector = inspector
        self._name = name
        self._tasks = BackgroundTasks(self._failed)
        self._failure: BaseException | None = None
        self._running: list[asyncio.Task[None]] = []
        self._bin: dict[str, Any] | None = None
        self._requests: dict[str, dict[str, Any]] = {}
        self._previews: dict[str, str] = {}
        self._state = "lost"
        self._wanted = asyncio.Event()
        self.changed = asyncio.Event()

    def start(self) -> None:
        """Begin to follow."""
        self._running = [
            self._tasks.start(self._follow(), name=f"follow the bin {self._name[:80]}"),
            self._tasks.start(self._read_previews(), name=f"read bodies of the bin {self._name[:80]}"),
        ]

    def stop(self) -> None:
        """End it."""
        for task in self._running:
            task.cancel()

    def _failed(self, _name: str, error: BaseException) -> None:
        self._failure = error
        self.changed.set()

    def content(self) -> Content:
        """Return the state of the moment; raise what ended a task."""
        if self._failure is not None:
            raise self._failure
        newest = sorted(self._requests.values(), key=lambda request: -request["seq"])[:MOST_REQUESTS]
        for gone in self._requests.keys() - {request["id"] for request in newest}:
            del self._requests[gone]
        rows = [{**request, "preview": self._previews.get(request["id"])} for request in newest]
        return {"bin": self._bin, "requests": rows, "state": self._state}

    def _set_state(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self.changed.set()

    # -- events

    async def _follow(self) -> None:
        last = ""
        while True:
            try:
                async with aclosing(self._inspector.follow(self._name, last)) as events:
                    async for event in events:
                        last = event.id or last
                        await self._apply(event, is_first=not self._requests and not self._bin)
                self._set_state("lost")
            except LabError as error:
                self._set_state("missing" if error.seen.startswith("404") else "lost")
            await asyncio.sleep(_RETRY_SECONDS)

    async def _apply(self, event: ServerEvent, *, is_first: bool) -> None:
        if event.name == "reset" or (event.name == "hello" and is_first):
            await self._read()
        elif event.name in ("bin.cleared", "bin.deleted"):
            self._requests.clear()
        self._set_state("missing" if event.name == "bin.deleted" else "live")
        # An event that is no change of the store has only the bin's name.
        document = event.data.get("bin")
        if isinstance(document, Mapping) and event.name != "bin.deleted":
            self._bin = _shown_bin(document)
            self.changed.set()
        if (request := event.data.get("request")) is None:
            return
        if event.name == "request.deleted":
            self._requests.pop(request["id"], None)
        else:
            self._put(request)
        self.changed.set()

    async def _read(self) -> None:
        page = await self._inspector.page(self._name, MOST_REQUESTS)
        self._requests.clear()
        for request in page["requests"]:
            self._put(request)
        self._bin = _shown_bin(await self._inspector.describe(self._name))
        self.changed.set()

    def _put(self, request: Mapping[str, Any]) -> None:
        self._requests[request["id"]] = _row(request)
        self._wanted.set()

    # -- beginnings of bodies

    async def _read_previews(self) -> None:
        """Read them after the requests are shown: newest first."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            newest = sorted(self._requests.values(), key=lambda request: -request["seq"])[:_PREVIEWS]
            self._previews = {
                one["id"]: self._previews[one["id"]] for one in newest if one["id"] in self._previews
            }
            for request in newest:
                if request["id"] not in self._previews:
                    await self._read_preview(request)

    async def _read_preview(self, request: Mapping[str, Any]) -> None:
        preview = ""
        if 0 < request["content_length"] <= _PREVIEW_BYTES:
            try:
                document = await self._inspector.request(self._name, request["id"])
            except LabError:
                return  # it was deleted, or the inspector is down
            preview = str(document.get("body") or "")[:_PREVIEW_CHARACTERS]
        self._previews[request["id"]] = preview
        self.changed.set()


def _row(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the list shows of a request."""
    openfaas = request.get("openfaas") or {}
    response = request.get("response")
    return {
        **{key: request[key] for key in ("id", "seq", "received_at", "method", "content_length")},
        "path": request["subpath"] or "/",
        "query": request["query_string"],
        "call_id": openfaas.get("call_id"),
        "function": openfaas.get("function_name"),
        "function_status": openfaas.get("function_status"),
        "duration": openfaas.get("duration_seconds"),
        "status": response["status"] if response else None,
    }


def _shown_bin(document: Mapping[str, Any]) -> dict[str, Any]:
    names = ("name", "url", "answer", "hold", "rules", "count", "dropped")
    shown = {name: document.get(name) for name in names}
    return {**shown, "forward": bool(document.get("forward"))}
