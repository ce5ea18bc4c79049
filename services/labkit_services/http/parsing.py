"""From bytes to requests, within limits."""

# The parser's calls mean what httptools says they mean.
# ruff: noqa: D102
from __future__ import annotations

from collections.abc import Callable

import httptools

from labkit_services.http.body import Body, Flow
from labkit_services.http.headers import Headers, Pair
from labkit_services.http.message import HttpError, Request
from labkit_services.http.server import Limits

Deliver = Callable[[Request, bool], None]


class RequestParser:
    """Feeds llhttp and builds a ``Request`` from what it reports.

    A request is delivered as soon as its head is there, together with whether
    the connection may be kept after it; its body follows.

    Attributes:
        body: The newest request's body.
        partial: A request has begun and is not complete.
    """

    def __init__(self, limits: Limits, flow: Flow, peer: tuple[str, int], deliver: Deliver) -> None:
        self.body: Body | None = None
        self.partial = False
        self._limits = limits
        self._flow = flow
        self._peer = peer
        self._deliver = deliver
        self._parser = httptools.HttpRequestParser(self)
        self._refusal: HttpError | None = None
        self._target = b""
        self._pairs: list[Pair] = []
        self._header_bytes = 0
        self._unreported = 0

    def feed(self, data: bytes) -> None:
        """Parse what has arrived.

        Raises:
            HttpError: It is not HTTP, or more than the limits allow.
        """
        # llhttp reports a header once it is complete, and chunk extensions
        # never: without this sum one endless line would fill the memory.
        self._unreported += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            raise self._refusal or HttpError(400, f"400 Bad Request: {error}\n") from error
        if self._unreported > self._limits.header_bytes:
            raise HttpError(431, "431 Request Header Fields Too Large\n")

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Parse on as if no other protocol had been asked for (RFC 9110 §7.8).

        At a request to upgrade the parser takes what follows the head for the
        other protocol, and so would lose the body; Java's client asks for h2c
        with every body it sends. A fresh parser, given the same framing, reads it.
        """
        framing = ("content-length", "transfer-encoding")
        head = [f"{name}: {value}\r\n" for name, value in self._pairs if name.lower() in framing]
        reports = _Reports(self)
        self._parser = httptools.HttpRequestParser(reports)
        self._parser.feed_data(f"POST / HTTP/1.1\r\n{''.join(head)}\r\n".encode("latin-1"))
        reports.heard_before = False
        if rest:
            self.feed(rest)

    # -- the parser's calls

    def on_message_begin(self) -> None:
        self.partial = True
        self._target = b""
        self._pairs = []
        self._header_bytes = 0
        self._unreported = 0

    def on_url(self, url: bytes) -> None:
        self._unreported = 0
        self._target += url
        if len(self._target) > self._limits.target_bytes:
            self._refuse(414, "414 URI Too Long\n")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._unreported = 0
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > self._limits.header_bytes or len(self._pairs) >= self._limits.header_count:
            self._refuse(431, "431 Request Header Fields Too Large\n")
        # The parser strips the blanks before a value, not those after it.
        self._pairs.append((name.decode("latin-1"), value.decode("latin-1").rstrip(" \t")))

    def _refuse(self, status: int, text: str) -> None:
        self._refusal = HttpError(status, text)
        raise self._refusal  # the parser stops, and ``feed`` raises it again

    def on_headers_complete(self) -> None:
        self._unreported = 0
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self._refuse(505, "505 HTTP Version Not Supported\n")
        self.body = Body(self._flow)
        request = Request(
            self._parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            Headers(self._pairs),
            self.body,
            http_version=version,
            peer=self._peer,
        )
        self._deliver(request, self._parser.should_keep_alive())

    def on_body(self, data: bytes) -> None:
        self._unreported = 0
        if self.body is not None:
            self.body.feed(data)

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return  # not complete: see _ignore_upgrade
        self.partial = False
        if self.body is not None:
            self.body.finish()


class _Reports:
    """Passes a parser's reports on, except those of a head that has been reported before."""

    def __init__(self, listener: RequestParser) -> None:
        self.heard_before = True
        self._listener = listener

    def __getattr__(self, name: str) -> Callable[..., None]:
        report = getattr(self._listener, name)

        def pass_on(*args: bytes) -> None:
            if not self.heard_before or name == "on_message_complete":
                report(*args)

        return pass_on
