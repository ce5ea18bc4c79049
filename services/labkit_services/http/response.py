"""What a handler returns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.http.headers import Headers, Pair


class Response:
    """One HTTP response.

    ``body`` is bytes, or an async iterator of bytes that is sent as it yields:
    with the ``Content-Length`` given in ``headers``, else chunked. The server
    adds the framing headers, so handlers leave ``Connection`` and
    ``Transfer-Encoding`` alone. An iterator with an ``aclose`` is always
    closed at the end. If the iterator raises, the connection is cut.

    ``lines`` are more header lines, each with its line break, that the handler
    has encoded. The server does not check them: no client chooses them.
    """

    __slots__ = ("body", "headers", "lines", "status")

    def __init__(
        self,
        status: int = 200,
        headers: Headers | Iterable[Pair] = (),
        body: bytes | AsyncIterator[bytes] = b"",
        lines: str = "",
    ) -> None:
        self.status = status
        self.lines = lines
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.body = body

    @classmethod
    def text(cls, status: int, text: str, headers: Iterable[Pair] = ()) -> Response:
        """Return a plain-text response."""
        return cls(status, [*headers, ("Content-Type", "text/plain; charset=utf-8")], text.encode())

    @classmethod
    def error(cls, status: int, text: str, headers: Iterable[Pair] = ()) -> Response:
        """Return an error as Go's ``http.Error`` does: no browser guesses."""
        return cls.text(status, text, [*headers, ("X-Content-Type-Options", "nosniff")])

    @classmethod
    def json(cls, status: int, value: Any) -> Response:
        """Return a response with ``value`` as JSON."""
        return cls(status, [("Content-Type", "application/json")], encode(value).encode())
