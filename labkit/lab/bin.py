"""A request bin: callbacks can be sent to it and looked at."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from labkit.clients.connections import Connections
from labkit.clients.inspector import CapturedRequest
from labkit.clients.lab_watch import guarded
from labkit.errors import InvalidValueError
from labkit.lab.background_loop import DualContextManager, LoopBound, blocking
from labkit.views.tables import html_table

_WAIT_SECONDS = 10.0


class AsyncBin(LoopBound):
    """A ``Bin`` whose methods are coroutines."""

    def __init__(self, name: str, connections: Connections) -> None:
        inspector = connections.inspector
        self.watch = connections.watch
        self.name = name
        self.url = f"{inspector.url}/r/{quote(name, safe='')}"
        self._inspector = inspector

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"Bin({self.name!r}, {self.url})"

    async def wait(
        self, *, call_id: str = "", function: str = "", method: str = "", timeout: float = _WAIT_SECONDS
    ) -> CapturedRequest:
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
    ) -> list[CapturedRequest]:
        """Wait for ``count`` requests that match; return them, oldest first.

        Raises:
            LabTimeoutError: There are fewer; names the newest in the bin.
        """
        wanted = {"call_id": call_id, "function": function, "method": method}
        filters = {key: value for key, value in wanted.items() if value}
        return await self._inspector.wait(self.name, timeout=timeout, count=count, filters=filters)

    @guarded
    async def requests(self) -> list[CapturedRequest]:
        """Return the requests in the bin, oldest first."""
        return await self._inspector.requests(self.name, order="oldest", limit=500)

    @guarded
    async def clear(self) -> None:
        """Delete the requests in the bin."""
        await self._inspector.clear(self.name)

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
        url: Where requests are sent: ``http://127.0.0.1:8090/r/<name>``.
    """

    def __init__(self, async_bin: AsyncBin) -> None:
        self.name = async_bin.name
        self.url = async_bin.url
        self._async = async_bin

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return repr(self._async)

    down = blocking(AsyncBin.down)
    wait = blocking(AsyncBin.wait)
    wait_all = blocking(AsyncBin.wait_all)
    requests = blocking(AsyncBin.requests)
    clear = blocking(AsyncBin.clear)

    def _repr_html_(self) -> str:
        rows = [
            (r.method, r.function, str(r.function_status or ""), str(len(r.body)))
            for r in reversed(self.requests())
        ]
        table = html_table([("method", "function", "status", "bytes"), *rows])
        return f"<p>bin <b>{html.escape(self.name)}</b> <code>{html.escape(self.url)}</code></p>{table}"
