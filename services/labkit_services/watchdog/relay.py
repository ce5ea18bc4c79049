"""A body that is passed on as it comes, and what is let go of when it is over."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable


class Relay(AsyncIterator[bytes]):
    """Parts of a body; ``release`` is called once at the end, however it comes.

    An async generator's own ``finally`` does not do: a client that has gone
    before the first part leaves it unstarted, and then nothing in it runs.
    """

    def __init__(
        self,
        parts: AsyncIterator[bytes],
        release: Callable[[], None],
        check: Callable[[], None] | None = None,
    ) -> None:
        """Pass ``parts`` on; ``check`` is called before each of them and before the end, and may raise."""
        self._parts = parts
        self._release: Callable[[], None] | None = release
        self._check = check

    def __aiter__(self) -> Relay:
        return self

    async def __anext__(self) -> bytes:
        part = await anext(self._parts, None)
        if self._check is not None:
            self._check()
        if part is None:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        """End it; the server does so in any case."""
        release, self._release = self._release, None
        try:
            if isinstance(self._parts, AsyncGenerator | Relay):
                await self._parts.aclose()
        finally:
            if release is not None:
                release()
