"""One HTTP request, at the least start-up cost.

``http.client`` brings in the e-mail parser and OpenSSL, httpx far more; either
takes longer to import than a whole asynchronous invocation needs. The parser is
httptools, which the lab's services use too.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import httptools

from labkit_services.contract.errors import LabError

_CHUNK = 65536
_PORTS = {"http": 80, "https": 443}


class HttpRequestError(LabError, ConnectionError):
    """The request got no answer."""


class Response:
    """An answer, its body still on the way.

    Attributes:
        status: ``202``.
        reason: The words after it: ``Accepted``.
        headers: In order, as spelled.
    """

    def __init__(self, connection: socket.socket, deadline: float | None) -> None:
        self._connection = connection
        self._deadline = deadline
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._head_complete = False
        self._complete = False
        self.status = 0
        self.reason = ""
        self.headers: list[tuple[str, str]] = []

    def header(self, name: str) -> str:
        """Return the first header of that name, or ""."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def wait_for_head(self) -> None:
        """Receive up to the end of the head."""
        while not self._head_complete:
            self._receive()

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body as it comes; its end closes the connection.

        Raises:
            OSError: The connection broke; it is closed.
            EOFError: The body broke off.
        """
        while True:
            yield from self._body
            self._body.clear()
            if self._complete:
                self.close()
                return
            self._receive()

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()

    def _receive(self) -> None:
        try:
            self._receive_some()
        except BaseException:
            self.close()
            raise

    def _receive_some(self) -> None:
        if self._deadline is not None:
            self._connection.settimeout(max(self._deadline - time.monotonic(), 0.001))
        data = self._connection.recv(_CHUNK)
        if data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserError as error:
                raise ConnectionError(f"malformed HTTP response: {error}") from error
        elif (
            self._head_complete and not self.header("Content-Length") and not self.header("Transfer-Encoding")
        ):
            self._complete = True  # such a body ends with the connection
        else:
            raise EOFError("EOF")

    def on_status(self, status: bytes) -> None:
        """Take the reason, perhaps in parts; called by the parser, as are the next four."""
        self.reason += status.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Take the end of the head."""
        self.status = self._parser.get_status_code()
        self._head_complete = self.status >= 200

    def on_body(self, data: bytes) -> None:
        """Take a part of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Take the end of the body."""
        self._complete = self._head_complete
        if not self._complete:  # an interim answer such as 100 Continue: the real one follows
            self.reason = ""
            self.headers.clear()


def request(
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    timeout: float | None = 60.0,
    verify: bool = True,
) -> Response:
    """Send a request and return the answer once its head is there.

    Args:
        method: GET, POST, …
        url: ``http://`` or ``https://``, path and query already quoted.
        headers: ``Host``, ``Content-Length`` and ``Connection`` are added.
        body: Sent as it is.
        timeout: Seconds for the whole exchange; None waits for ever, for streams.
        verify: Check the server's certificate.

    Raises:
        HttpRequestError: No connection, no answer in time, or none that is HTTP. Its
            headline is worded as Go's ``net/http`` would, and so as faas-cli's.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise HttpRequestError(f'unsupported URL "{url}"', expected="http://HOST:PORT") from None
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([*lines, "Connection: close", "", ""])
    connection: socket.socket | None = None
    try:
        connection = socket.create_connection((host, port), timeout)
        if parts.scheme == "https":
            connection = _encrypted(connection, host, verify=verify)
        connection.sendall(os.fsencode(head) + body)
        response = Response(connection, deadline)
        response.wait_for_head()
    except (OSError, EOFError) as error:
        if connection is not None:
            connection.close()
        raise HttpRequestError(
            f'{method.capitalize()} "{url}": {_reason(error, host, place)}',
        ) from error
    return response


def _encrypted(connection: socket.socket, host: str, *, verify: bool) -> socket.socket:
    import ssl  # 10 ms that a lab on this machine need not spend

    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname=host)


def _reason(error: Exception, host: str, place: str) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {place}: connect: connection refused"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {host}: no such host"
    if isinstance(error, TimeoutError):
        return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    return str(error)
