"""Exceptions: those that a handler raises, and those of the client."""

from __future__ import annotations

from collections.abc import Iterable

from labkit_services.http.headers import Pair
from labkit_services.http.response import Response


class HttpError(Exception):
    """Raised by a handler to answer with a status and a line of text."""

    def __init__(self, status: int, text: str, headers: Iterable[Pair] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = tuple(headers)

    def response(self) -> Response:
        """Return the error as a response."""
        return Response.error(self.status, self.text, self.headers)


class BodyTooLargeError(HttpError):
    """The request's body is over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"request body too large, maximum: {limit} bytes\n")


class HangUpError(Exception):
    """Raised by a handler or its body to close the connection at once."""


class UpstreamError(ConnectionError):
    """The server could not be reached, or the connection to it broke."""


class ConnectError(UpstreamError):
    """The connection could not be opened: nothing was sent."""
