"""The common base of the server's and the client's connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast


class Connection(asyncio.Protocol):
    """A transport, and the means to wait until its buffer has room.

    Attributes:
        writable: Done when the buffer has room again; None while it has.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self.writable: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio.Transport, so this
        # can't be checked.
        self.transport = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        self.writable = self.loop.create_future()

    def resume_writing(self) -> None:
        if self.writable is not None and not self.writable.done():
            self.writable.set_result(None)
        self.writable = None

    def abort(self) -> None:
        """Cut the connection."""
        self.transport.abort()

    async def write_parts(self, parts: AsyncIterator[bytes], length: int | None, *, chunked: bool) -> None:
        """Write a streamed body; stop early if the connection is closing.

        Raises:
            ValueError: The body does not have ``length`` bytes.
        """
        missing = length
        async for part in parts:
            if self.transport.is_closing():
                return
            if not part:
                continue  # an empty chunk would end the body
            if missing is not None:
                missing -= len(part)
                if missing < 0:
                    raise ValueError(f"the body is longer than its Content-Length of {length}")
            self.transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            if self.writable is not None:
                await self.writable
        if missing:
            raise ValueError(f"the body is {missing} bytes shorter than its Content-Length of {length}")
        if chunked:
            self.transport.write(b"0\r\n\r\n")
