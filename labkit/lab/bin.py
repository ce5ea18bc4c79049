"""A request bin: callbacks can be sent to it and looked at."""

from __future__ import annotations

import asyncio
import html
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labkit.clients.connections import Connections
from labkit.clients.inspector import CapturedRequest
from labkit.clients.lab_watch import guarded
from labkit.errors import InvalidValueError
from labkit.lab.background_loop import DualContextManager, blocking
from labkit.lab.bin_checks import AsyncBinChecks
from labkit.lab.bin_request import AsyncBinRequest, blocking_request, blocking_requests
from labkit.lab.bin_responses import AsyncBinHold, AsyncBinResponses, BinHold, BinResponses, response_step
from labkit.language import translated
from labkit.live.display import live_bin
from labkit.live.parts import WIDGET, ViewParts
from labkit.views.bin_url import BinUrl
from labkit.views.tables import html_table

if TYPE_CHECKING:
    from labkit.live.bin import LiveBinView

_WAIT_SECONDS = 10.0


class AsyncBin(AsyncBinChecks):
    """A ``Bin`` whose methods are coroutines."""

    def __init__(self, name: str, connections: Connections, page: str = "") -> None:
        """Name a bin; ``page`` is the lab's page behind Jupyter's server."""
        super().__init__(name, connections)
        path = f"r/{quote(name, safe='')}"
        self.url = BinUrl(f"{connections.bins_url}/{path}", page and f"{page}{path}")
        self._connections = connections

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"Bin({self.name!r}, {self.url})"

    async def wait(
        self, *, call_id: str = "", function: str = "", method: str = "", timeout: float = _WAIT_SECONDS
    ) -> AsyncBinRequest:
        """Wait for a request that matches, and return the first.

        Raises:
            LabTimeoutError: There is none; names the newest in the bin.
        """
        found = await self.wait_all(1, call_id=call_id, function=function, method=method, timeout=timeout)
        return found[0]

    @guarded
    async def wait_all(
        self,
        count: int,
        *,
        call_id: str = "",
        function: str = "",
        method: str = "",
        timeout: float = _WAIT_SECONDS,
    ) -> list[AsyncBinRequest]:
        """Wait for ``count`` requests that match; return them, oldest first.

        Raises:
            LabTimeoutError: There are fewer; names the newest in the bin.
        """
        wanted = {"call_id": call_id, "function": function, "method": method}
        filters = {key: value for key, value in wanted.items() if value}
        found = await self._inspector.wait(self.name, timeout=timeout, count=count, filters=filters)
        return self._bound(found)

    @guarded
    async def requests(self) -> list[AsyncBinRequest]:
        """Return the requests in the bin, oldest first; 500 at most."""
        return self._bound(await self._inspector.requests(self.name, order="oldest", limit=500))

    def _bound(self, found: list[CapturedRequest]) -> list[AsyncBinRequest]:
        """Return requests that can be answered and replayed."""
        return [
            AsyncBinRequest(
                **{each.name: getattr(record, each.name) for each in fields(record)},
                connections=self._connections,
            )
            for record in found
        ]

    @guarded
    async def clear(self) -> None:
        """Delete the requests in the bin."""
        await self._inspector.clear(self.name)

    @guarded
    async def respond(
        self,
        status: int = 200,
        body: str = "",
        *,
        times: int | None = None,
        headers: Mapping[str, str] | None = None,
        delay: str | float = 0.0,
        jitter: str | float = 0.0,
        when: Mapping[str, Any] | None = None,
    ) -> AsyncBinResponses:
        """Make the bin answer so: ``bin.respond(503, times=2).then(200)``.

        It replaces what an earlier ``respond`` said.

        Args:
            status: 200 to 599; 0 closes the connection without a response.
            body: Text; ``{{request.headers.X-Call-Id}}`` is replaced.
            times: How many requests get it before the one of ``then``.
            headers: More headers.
            delay: Seconds, or a duration such as "200ms".
            jitter: At most so much is added to the delay, by chance.
            when: Conditions on the request, such as ``{"method": "POST"}``.
        """
        step = response_step(status, body, times=times, headers=headers, delay=delay, jitter=jitter)
        rule = {**step, "when": dict(when or {}), "then": []}
        return await AsyncBinResponses(self._inspector, self.watch, self.name, rule).apply()

    @guarded
    async def respond_as_usual(self) -> None:
        """Remove what ``respond``, ``hold`` and ``forward`` have set."""
        for path in ("/responses", "/hold", "/forward"):
            await self._inspector.change(self.name, path, "DELETE")

    @guarded
    async def hold(self, release_after: str | float = 30.0) -> AsyncBinHold:
        """Hold requests, so that you answer them: ``request.answer(200)``.

        Args:
            release_after: So many seconds later a request is answered as
                usual.
        """
        return await AsyncBinHold(self._inspector, self.watch, self.name, release_after).apply()

    @guarded
    async def forward(self, to: str, *, copy: bool = False) -> None:
        """Pass requests on to a URL on this machine, such as a function's.

        Args:
            to: The URL.
            copy: Send only a copy, and answer as usual.
        """
        document = {"url": to, "mode": "copy" if copy else "proxy"}
        await self._inspector.change(self.name, "/forward", "PUT", document)

    @guarded
    async def to_har(self, path: str | os.PathLike[str], *, mask_secrets: bool = True) -> Path:
        """Write the requests to an HTTP archive, for a browser or a proxy.

        Returns the file's path. The ending ``.jsonl`` or ``.csv`` chooses JSON
        lines or a table instead. Secrets are masked unless told otherwise.
        """
        target = Path(path)
        form = {".jsonl": "jsonl", ".csv": "csv"}.get(target.suffix.lower(), "har")
        data = await self._inspector.export(self.name, form, mask_secrets=mask_secrets)
        await asyncio.to_thread(target.write_bytes, data)
        return target

    @guarded
    async def load(self, path: str | os.PathLike[str]) -> int:
        """Add the requests of an exported file; return how many."""
        return await self._inspector.load(self.name, await asyncio.to_thread(Path(path).read_bytes))

    def down(self, status: int = 503) -> DualContextManager:
        """Make the bin answer with ``status`` during a ``with`` block.

        Requests are still captured.

        Args:
            status: 400 to 599; 0 closes the connection without a response.
        """
        if status and not 400 <= status <= 599:
            raise InvalidValueError("status must be 0 or 400 to 599", seen=repr(status))
        return DualContextManager(self._responding(status))

    @asynccontextmanager
    async def _responding(self, status: int) -> AsyncIterator[None]:
        try:
            await self._inspector.set_response(self.name, status)
            yield
        finally:
            await self._inspector.set_response(self.name, 200)


class Bin:
    """A request bin; ``str`` gives its URL, for ``callback=``.

    Attributes:
        name: Its name.
        url: Where requests are sent: ``http://127.0.0.1:8090/r/<name>``. In a
            notebook it also shows where a browser opens the bin.
    """

    def __init__(self, async_bin: AsyncBin, parts: ViewParts | None = None) -> None:
        self.name = async_bin.name
        self.url = async_bin.url
        self._async = async_bin
        self._parts = parts
        self._view: LiveBinView | None = None

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return repr(self._async)

    down = blocking(AsyncBin.down)
    wait = blocking(AsyncBin.wait, blocking_request)
    wait_all = blocking(AsyncBin.wait_all, blocking_requests)
    requests = blocking(AsyncBin.requests, blocking_requests)
    clear = blocking(AsyncBin.clear)
    respond = blocking(AsyncBin.respond, BinResponses)
    respond_as_usual = blocking(AsyncBin.respond_as_usual)
    hold = blocking(AsyncBin.hold, BinHold)
    forward = blocking(AsyncBin.forward)
    to_har = blocking(AsyncBin.to_har)
    load = blocking(AsyncBin.load)
    verify = blocking(AsyncBin.verify)
    never = blocking(AsyncBin.never)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Return the live view, in a notebook; text and HTML stand for it."""
        if self._view is None and self._parts is not None:
            self._view = live_bin(self._parts)
        if self._view is None:
            return {}
        bundle, _metadata = self._view._repr_mimebundle_()
        return {WIDGET: bundle[WIDGET]}

    def _repr_html_(self) -> str:
        rows = [
            (r.method, r.function, str(r.function_status or ""), str(len(r.body)))
            for r in reversed(self.requests())
        ]
        table = html_table([("method", "function", "status", "bytes"), *rows])
        return f"<p>{translated('bin')} <b>{html.escape(self.name)}</b></p>{self.url._repr_html_()}{table}"
