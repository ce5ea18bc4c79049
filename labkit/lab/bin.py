"""A request bin of one's own: where callbacks can be sent and looked at."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from labkit.clients.captured import CapturedRequest
from labkit.clients.inspector import InspectorClient
from labkit.errors import InvalidValueError
from labkit.lab.flavours import Held, OnHub, blocking
from labkit.views.tables import html_table

_WAIT_SECONDS = 10.0


class AsyncBin(OnHub):
    """A request bin, as coroutines; as ``callback=`` it is its own URL.

    Attributes:
        name: Its name.
        url: Where requests are sent: ``http://127.0.0.1:8090/r/<name>``.
    """

    def __init__(self, name: str, inspector: InspectorClient) -> None:
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
        """Return the first request that fits, waiting up to ``timeout`` seconds for it.

        Raises:
            LabTimeoutError: None came; says what is in the bin instead.
        """
        found = await self.wait_all(1, call_id=call_id, function=function, method=method, timeout=timeout)
        return found[0]

    async def wait_all(
        self,
        count: int,
        *,
        call_id: str = "",
        function: str = "",
        method: str = "",
        timeout: float = _WAIT_SECONDS,
    ) -> list[CapturedRequest]:
        """Return the requests that fit, once there are ``count`` of them, oldest first.

        Raises:
            LabTimeoutError: They did not come; says what is in the bin instead.
        """
        given = {"call_id": call_id, "function": function, "method": method}
        filters = {key: value for key, value in given.items() if value}
        return await self._inspector.wait(self.name, patience=timeout, count=count, filters=filters)

    async def requests(self) -> list[CapturedRequest]:
        """Return all it holds, oldest first."""
        return await self._inspector.requests(self.name, order="oldest", limit=500)

    async def clear(self) -> None:
        """Drop all it holds."""
        await self._inspector.clear(self.name)

    def down(self, status: int = 503) -> Held[None]:
        """Return a block's length in which it is a target that is down; it still keeps what comes.

        Args:
            status: What it answers with, 400 to 599; 0 hangs up in place of an answer.

        Raises:
            InvalidValueError: A target that answers so is not down.
        """
        if status and not 400 <= status <= 599:
            raise InvalidValueError(
                "a target that answers so is not down", expected="0, or 400 to 599", seen=repr(status)
            )
        return Held(self._answering(status))

    @asynccontextmanager
    async def _answering(self, status: int) -> AsyncIterator[None]:
        try:
            await self._inspector.answer_with(self.name, status)
            yield
        finally:
            await self._inspector.answer_with(self.name, 200)


class Bin:
    """A request bin; as ``callback=`` it is its own URL."""

    def __init__(self, core: AsyncBin) -> None:
        self._core = core

    @property
    def name(self) -> str:
        """Its name."""
        return self._core.name

    @property
    def url(self) -> str:
        """Where requests are sent: ``http://127.0.0.1:8090/r/<name>``."""
        return self._core.url

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return repr(self._core)

    def down(self, status: int = 503) -> Held[None]:
        """Return a block's length in which it is a target that is down; it still keeps what comes.

        Args:
            status: What it answers with; 0 hangs up in place of an answer.
        """
        return self._core.down(status)

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
