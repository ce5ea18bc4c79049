"""What a handler gets and what it returns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.http.body import Body
from labkit_services.http.headers import Headers, Pair


class HttpError(Exception):
    """Raise it in a handler to answer with a status and a line of text."""

    def __init__(self, status: int, text: str, headers: Iterable[Pair] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = tuple(headers)

    def response(self) -> Response:
        """Return the answer that says it."""
        return Response.text(self.status, self.text, self.headers)


class BodyTooLargeError(HttpError):
    """The request's body is over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"request body too large, maximum: {limit} bytes\n")
        self.limit = limit


class HangUpError(Exception):
    """Raise it in a handler, or in the body it returned, to close the connection without a word more."""


class Request:
    """One HTTP request.

    Attributes:
        method: As sent, in upper case.
        target: The request line's target, untouched.
        path: ``target`` without the query, still percent-encoded; of a target in
            absolute form, as proxies send it, what follows the authority (RFC 9112 §3.2.2).
        query: The raw query string, without ``?``.
        headers: In wire order and spelling.
        http_version: ``"1.0"`` or ``"1.1"``.
        peer: Address and port of the client.
        incoming: The body as it arrives.
    """

    __slots__ = ("headers", "http_version", "incoming", "method", "path", "peer", "query", "target")

    def __init__(
        self,
        method: str,
        target: str,
        headers: Headers,
        incoming: Body,
        *,
        http_version: str = "1.1",
        peer: tuple[str, int] = ("", 0),
    ) -> None:
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition("?")
        if "://" in self.path and not self.path.startswith("/"):
            self.path = "/" + self.path.partition("://")[2].partition("/")[2]
        self.headers = headers
        self.incoming = incoming
        self.http_version = http_version
        self.peer = peer

    async def body(self, limit: int) -> bytes:
        """Return the whole body.

        Raises:
            BodyTooLargeError: It is, or announces itself as, more than ``limit`` bytes.
        """
        announced = self.headers.get("Content-Length")
        if announced.isdecimal() and int(announced) > limit:
            raise BodyTooLargeError(limit)
        if self.incoming.complete:
            # Most bodies came in with the head: no need to wait for anything.
            body = self.incoming.take()
            if len(body) > limit:
                raise BodyTooLargeError(limit)
            return body
        parts, size = [], 0
        async for part in self.incoming:
            size += len(part)
            if size > limit:
                raise BodyTooLargeError(limit)
            parts.append(part)
        return b"".join(parts)

    def stream(self) -> AsyncIterator[bytes]:
        """Return the body's parts as they arrive; reading slowly slows the sender."""
        return self.incoming.__aiter__()


class Response:
    """One HTTP answer.

    ``body`` is bytes, or an async iterator of bytes that is sent as it comes:
    with the ``Content-Length`` given in ``headers``, else chunked. The server
    adds what the framing needs, so handlers leave ``Connection`` and
    ``Transfer-Encoding`` alone. An iterator with an ``aclose`` is closed at the
    end, however it comes; one that breaks cuts the connection.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        status: int = 200,
        headers: Headers | Iterable[Pair] = (),
        body: bytes | AsyncIterator[bytes] = b"",
    ) -> None:
        self.status = status
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.body = body

    @classmethod
    def text(cls, status: int, text: str, headers: Iterable[Pair] = ()) -> Response:
        """Return a plain-text answer."""
        return cls(status, [*headers, ("Content-Type", "text/plain; charset=utf-8")], text.encode())

    @classmethod
    def json(cls, status: int, value: Any) -> Response:
        """Return ``value`` as JSON."""
        body = encode(value).encode()
        return cls(status, [("Content-Type", "application/json")], body)
