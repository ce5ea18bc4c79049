"""What the client returns for a request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from labkit_services.http.body import Body
from labkit_services.http.headers import Headers


class ClientResponse:
    """A response: its head has arrived, its body may still be on its way."""

    __slots__ = ("_transport", "headers", "incoming", "status")

    def __init__(self, status: int, headers: Headers, incoming: Body, transport: asyncio.Transport) -> None:
        self.status = status
        self.headers = headers
        self.incoming = incoming
        self._transport = transport

    async def read(self, limit: int | None = None) -> bytes:
        """Return the whole body, or only its first ``limit`` bytes."""
        if self.incoming.complete and limit is None:
            return self.incoming.take()
        parts, size = [], 0
        async for part in self.incoming:
            parts.append(part)
            size += len(part)
            if limit is not None and size >= limit:
                self.close()
                break
        return b"".join(parts)[:limit]

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; leaving early cuts the connection."""
        try:
            async for part in self.incoming:
                yield part
        finally:
            self.close()

    def close(self) -> None:
        """Cut the connection if the body is incomplete, so that the server notices."""
        if not self.incoming.complete:
            self._transport.abort()
