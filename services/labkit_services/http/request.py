"""What a handler receives."""

from __future__ import annotations

from collections.abc import AsyncIterator

from labkit_services.http.body import Body
from labkit_services.http.errors import BodyTooLargeError
from labkit_services.http.headers import Headers


class Request:
    """One HTTP request.

    Attributes:
        method: As sent; any token.
        target: The request line's target, unchanged but for raw UTF-8, which
            is percent-encoded.
        path: ``target`` without the query, still percent-encoded; of a target
            in absolute form, as proxies send it, the part after the authority
            (RFC 9112 §3.2.2).
        query: The raw query string, without ``?``.
        authority: Of a target in absolute form the part before the path, else
            "". It counts instead of ``Host`` (RFC 9112 §3.2.2).
        headers: In wire order and spelling.
        http_version: ``"1.0"`` or ``"1.1"``.
        peer: Address and port of the client.
        by_owner: It came by a socket that only this user can reach.
        outer_host: The host that the browser asked a proxy for, if the proxy
            says so and can be trusted; else "".
        incoming: The body as it arrives.
    """

    authority = ""
    http_version = "1.1"
    peer: tuple[str, int] = ("", 0)
    by_owner = False
    outer_host = ""

    def __init__(self, method: str, target: str, headers: Headers, incoming: Body) -> None:
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition("?")
        if "://" in self.path and not self.path.startswith("/"):
            self.authority, _, path = self.path.partition("://")[2].partition("/")
            self.path = f"/{path}"
        self.headers = headers
        self.incoming = incoming

    @property
    def host(self) -> str:
        """The authority of the target, else the ``Host`` header."""
        return self.authority.rpartition("@")[2] or self.headers.get("Host")

    async def body(self, limit: int) -> bytes:
        """Return the whole body, which must have ``limit`` bytes at most.

        Raises:
            BodyTooLargeError: It has, or announces, more.
        """
        announced = self.headers.get("Content-Length")
        if announced.isdecimal() and int(announced) > limit:
            raise BodyTooLargeError(limit)
        body = await self.incoming.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLargeError(limit)
        return body

    def stream(self) -> AsyncIterator[bytes]:
        """Return the body's parts as they arrive, with back-pressure."""
        return self.incoming.__aiter__()
