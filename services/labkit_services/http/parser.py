"""From bytes to requests, within limits."""

from __future__ import annotations

import re
from collections.abc import Callable

import httptools

from labkit_services.http.body import Body, FlowControl
from labkit_services.http.errors import HttpError
from labkit_services.http.headers import Headers, Pair
from labkit_services.http.request import Request
from labkit_services.http.server_state import Limits

_PARSED_METHODS = (b"GET ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"HEAD ", b"OPTIONS ", b"CONNECT ")
_STAND_IN = b"POST"
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


class RequestParser:
    """Builds requests from the callbacks of httptools.

    ``on_request`` is called as soon as a request's head is complete, also with
    whether the connection can be kept after it; the body follows.

    A method may be any token (RFC 9110 §9.1), but httptools knows a list of
    them only. To the parser any other is a POST, which has no other framing.
    It also rejects a target with raw UTF-8, as curl sends it: these bytes are
    percent-encoded. Both are done at the beginning of what arrives, so not for
    a request that is pipelined right behind another.

    Attributes:
        body: The newest request's body.
        partial: A request has begun and is not complete.
    """

    def __init__(
        self, limits: Limits, flow: FlowControl, on_request: Callable[[Request, bool], None]
    ) -> None:
        self.body = Body()
        self.partial = False
        self._limits = limits
        self._flow = flow
        self._on_request = on_request
        self._error: HttpError | None = None
        self._begun = b""  # a request's first bytes, which do not yet contain its whole method
        self._method = ""  # if it is not one of _PARSED_METHODS
        self._target = b""
        self._pairs: list[Pair] = []
        self._header_bytes = 0
        self._unreported = 0
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        """Parse the next bytes.

        Raises:
            HttpError: They are not HTTP, or exceed the limits.
        """
        if self._begun or not self.partial:
            data = self._translate_line(self._begun + data)
        # llhttp reports a header once it is complete, and chunk extensions
        # never: without this sum one endless line would fill the memory.
        self._unreported += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            raise self._error or HttpError(400, f"400 Bad Request: {error}\n") from error
        if self._unreported > self._limits.header_bytes:
            raise HttpError(431, "431 Request Header Fields Too Large\n")

    def _translate_line(self, data: bytes) -> bytes:
        """Return a request's beginning with a line that llhttp can parse.

        While the method is incomplete, keep the data and return nothing.
        """
        self._begun = b""
        if not data.startswith(_PARSED_METHODS):
            data = self._replace_method(data)
        end = data.find(b"\n")
        if not data[:end].isascii():
            line = _NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], data[:end])
            data = line + data[end:]
        return data

    def _replace_method(self, data: bytes) -> bytes:
        start = data.lstrip(b"\r\n")  # RFC 9112 §2.2
        method, blank, rest = start.partition(b" ")
        if not _TOKEN.fullmatch(method) or start.startswith(_PARSED_METHODS):
            return data
        if not blank:
            self._begun, self.partial = start, True
            return b""
        self._method = method.decode()
        return _STAND_IN + blank + rest

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Continue as if no upgrade was requested (RFC 9110 §7.8).

        The parser takes everything after such a head for the other protocol,
        so the body would be lost. Java's client requests h2c with every body
        it sends. A new parser, given the same framing headers, reads the body.
        """
        framing = ("content-length", "transfer-encoding")
        head = [f"{name}: {value}\r\n" for name, value in self._pairs if name.lower() in framing]
        callbacks = _BodyCallbacks(self)
        self._parser = httptools.HttpRequestParser(callbacks)
        self._parser.feed_data(f"POST / HTTP/1.1\r\n{''.join(head)}\r\n".encode("latin-1"))
        callbacks.head_is_over = True
        if rest:
            self.feed(rest)

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
            self._fail(414, "414 URI Too Long\n")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._unreported = 0
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > self._limits.header_bytes or len(self._pairs) >= self._limits.header_count:
            self._fail(431, "431 Request Header Fields Too Large\n")
        # The parser strips blanks before a value, not those after it.
        self._pairs.append((name.decode("latin-1"), value.decode("latin-1").rstrip(" \t")))

    def _fail(self, status: int, text: str) -> None:
        self._error = HttpError(status, text)
        raise self._error  # the parser stops, and ``feed`` raises it again

    def on_headers_complete(self) -> None:
        self._unreported = 0
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self._fail(505, "505 HTTP Version Not Supported\n")
        self.body = Body(self._flow)
        method = self._method or self._parser.get_method().decode("latin-1")
        self._method = ""
        request = Request(method, self._target.decode("latin-1"), Headers(self._pairs), self.body)
        if request.headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
            self._fail(501, "Unsupported transfer encoding")  # RFC 9112 §6.1
        request.http_version = version
        self._on_request(request, self._parser.should_keep_alive())

    def on_body(self, data: bytes) -> None:
        self._unreported = 0
        self.body.feed(data)

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return  # not complete: see _ignore_upgrade
        self.partial = False
        self.body.finish()


class _BodyCallbacks:
    """Passes callbacks on, except those of the repeated head."""

    def __init__(self, target: RequestParser) -> None:
        self.head_is_over = False
        self._target = target

    def __getattr__(self, name: str) -> Callable[..., None]:
        callback = getattr(self._target, name)

        def pass_on(*args: bytes) -> None:
            if self.head_is_over or name == "on_message_complete":
                callback(*args)

        return pass_on
