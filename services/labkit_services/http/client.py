"""An HTTP/1.1 client with a keep-alive pool for each origin."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable

from labkit_services.http.client_connection import ClientConnection, ClientResponse
from labkit_services.http.errors import ConnectError
from labkit_services.http.headers import Pair
from labkit_services.http.origin import Origin
from labkit_services.http.request import Request

CONNECT_SECONDS = 10.0
_IDLE_PER_ORIGIN = 256
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
"""OpenSSL's reasons if a server answers a TLS handshake with HTTP."""


class HttpClient:
    """Sends requests and reuses connections; does not follow redirects."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[ClientConnection]] = {}
        self._all: set[ClientConnection] = set()
        self._tls: ssl.SSLContext | None = None

    async def request(
        self,
        method: str,
        url: str,
        headers: Iterable[Pair] = (),
        body: bytes | AsyncIterator[bytes] = b"",
    ) -> ClientResponse:
        """Send a request to a URL; see ``send``."""
        origin, target = Origin.parse(url)
        return await self.send(origin, method, target, headers, body)

    async def forward(
        self, request: Request, origin: Origin, path: str, headers: list[Pair]
    ) -> ClientResponse:
        """Forward a request to ``path`` of another server; see ``send``.

        Its query is added, and its body is sent as it arrives.
        """
        is_whole = request.incoming.complete
        body = request.incoming.take() if is_whole else request.stream()
        if not is_whole and (length := request.headers.get("Content-Length")):
            headers = [*headers, ("Content-Length", length)]
        target = f"{path}?{request.query}" if request.query else path
        return await self.send(origin, request.method, target, headers, body)

    async def send(
        self,
        origin: Origin,
        method: str,
        target: str,
        headers: Iterable[Pair] = (),
        body: bytes | AsyncIterator[bytes] = b"",
    ) -> ClientResponse:
        """Send a request, and return once the response's head has arrived.

        ``Host`` and the framing headers are added; ``headers`` must contain
        neither, except that a streamed body may come with its
        ``Content-Length``. There is no timeout here: wrap the call in
        ``asyncio.timeout``. If the call is cancelled, its connection is cut. A
        connection that can't be opened raises ConnectError, one that breaks
        before the response's head UpstreamError.
        """
        connection = self._take_idle(origin) or await self._connect(origin)
        pairs = [("Host", origin.authority), *headers]
        try:
            return await connection.exchange(method, target, pairs, body)
        except BaseException:
            connection.abort()
            raise

    def _take_idle(self, origin: Origin) -> ClientConnection | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.usable():
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: Origin) -> ClientConnection:
        loop = asyncio.get_running_loop()
        if origin.tls and self._tls is None:
            self._tls = ssl.create_default_context()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: ClientConnection(origin, loop, self._release, self._forget),
                    origin.address or origin.host,
                    origin.port,
                    ssl=self._tls if origin.tls else None,
                    server_hostname=origin.host if origin.tls else None,
                )
        except (OSError, UnicodeError) as error:  # an impossible host name is a UnicodeError
            if isinstance(error, ssl.SSLError) and error.reason in _NOT_TLS:
                raise ConnectError("http: server gave HTTP response to HTTPS client") from error
            is_late = isinstance(error, TimeoutError)
            reason = "i/o timeout" if is_late else getattr(error, "strerror", None) or error
            raise ConnectError(f"dial tcp {origin.authority}: {reason}") from error
        self._all.add(connection)
        return connection

    def _release(self, connection: ClientConnection) -> None:
        """Put a connection whose exchange is complete back into the pool."""
        idle = self._idle.setdefault(connection.origin, [])
        if len(idle) < _IDLE_PER_ORIGIN:
            idle.append(connection)
        else:
            connection.abort()

    def _forget(self, connection: ClientConnection) -> None:
        """Remove a lost connection."""
        self._all.discard(connection)
        idle = self._idle.get(connection.origin)
        if idle is not None and connection in idle:
            idle.remove(connection)
            if not idle:
                del self._idle[connection.origin]

    def drop(self, origin: Origin) -> None:
        """Close the idle connections to an origin that is going away."""
        for connection in self._idle.pop(origin, ()):
            connection.abort()

    def close(self) -> None:
        """Cut every connection."""
        for connection in list(self._all):
            connection.abort()
