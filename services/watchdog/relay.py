"""A body that is passed on as it comes, and what is let go of when it is over."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable


class Relay(AsyncIterator[bytes]):
    """Parts of a body; ``release`` is called once at the end, however it comes.

    An async generator's own ``finally`` does not do: a client that has gone
    before the first part leaves it unstarted, and then nothing in it runs.
    """

    def __init__(self, parts: AsyncIterator[bytes], release: Callable[[], None]) -> None:
        self._parts = parts
        self._release: Callable[[], None] | None = release

    def __aiter__(self) -> Relay:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._parts)

    async def aclose(self) -> None:
        """End it; the server does so in any case."""
        release, self._release = self._release, None
        try:
            if isinstance(self._parts, AsyncGenerator | Relay):
                await self._parts.aclose()
        finally:
            if release is not None:
                release()
