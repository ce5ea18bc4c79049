"""A response's body, forwarded as it arrives, with an action at its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable


class ResponseRelay(AsyncIterator[bytes]):
    """Parts of a body; ``release`` is called once at the end, in every case.

    The ``finally`` of an async generator is not enough: if the client
    disconnects before the first part, the generator never runs.
    ``check`` is called before each part and before the end; it may raise.
    """

    def __init__(
        self,
        parts: AsyncIterator[bytes],
        release: Callable[[], None],
        check: Callable[[], None] | None = None,
    ) -> None:
        self._parts = parts
        self._release: Callable[[], None] | None = release
        self._check = check

    def __aiter__(self) -> ResponseRelay:
        return self

    async def __anext__(self) -> bytes:
        part = await anext(self._parts, None)
        if self._check is not None:
            self._check()
        if part is None:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        """Release what belongs to the body; the server always calls this."""
        release, self._release = self._release, None
        try:
            if isinstance(self._parts, AsyncGenerator | ResponseRelay):
                await self._parts.aclose()
        finally:
            if release is not None:
                release()
