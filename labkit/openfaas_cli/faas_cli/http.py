"""One HTTP request, with few imports.

``http.client`` imports the e-mail parser and OpenSSL, and httptools
``typing``; each takes longer to import than an asynchronous invocation takes
on the wire.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator

from labkit_services.contract.errors import LabError

_BLOCK = 65536
_MAX_LINE = 1024 * 1024
_PORTS = {"http": 80, "https": 443}
_NO_BODY = (204, 304)


class HttpRequestError(LabError, ConnectionError):
    """The request got no response."""


class HttpReply:
    """A response, ``202 Accepted``, whose body may still be on its way."""

    def __init__(self, connection: socket.socket, deadline: float | None) -> None:
        self._connection = connection
        self._deadline = deadline
        self._received = bytearray()
        self.status = 0
        self.reason = ""
        self.headers: list[tuple[str, str]] = []

    def header(self, name: str) -> str:
        """Return the first header of that name, or ""."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def receive_head(self) -> None:
        """Receive the head; skip interim responses such as 100 Continue."""
        while self.status < 200:
            version, _, rest = self._line().partition(" ")
            status, _, self.reason = rest.partition(" ")
            self.status = _number(status, 10)
            if not version.startswith("HTTP/1."):
                raise ConnectionError(f"malformed HTTP response: {version!r} is not a version of HTTP")
            self.headers.clear()
            while line := self._line():
                name, _, value = line.partition(":")
                self.headers.append((name, value.strip()))

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body as it arrives, and close the connection at its end.

        EOFError is raised for an incomplete body, OSError for a broken
        connection.
        """
        try:
            length = self.header("Content-Length")
            if self.status in _NO_BODY:
                return
            if "chunked" in self.header("Transfer-Encoding").lower():
                while size := _number(self._line().partition(";")[0], 16):
                    yield from self._body(size)
                    self._line()
                while self._line():
                    continue  # trailers, up to the empty line
            elif length:
                yield from self._body(_number(length, 10))
            else:  # such a body ends with the connection
                while self._received or self._receive():
                    yield self._take(len(self._received))
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _receive(self) -> bool:
        """Receive a block; return False at the end of the connection."""
        if self._deadline is not None:
            self._connection.settimeout(max(self._deadline - time.monotonic(), 0.001))
        block = self._connection.recv(_BLOCK)
        self._received += block
        return bool(block)

    def _take(self, size: int) -> bytes:
        """Remove the first bytes of what was received, and return them."""
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _line(self) -> str:
        while (end := self._received.find(b"\n")) < 0:
            if len(self._received) > _MAX_LINE:
                raise ConnectionError("malformed HTTP response: the line has no end")
            if not self._receive():
                raise EOFError("EOF")
        return self._take(end + 1).rstrip(b"\r\n").decode("latin-1")

    def _body(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._received and not self._receive():
                raise EOFError("EOF")
            part = self._take(size)
            size -= len(part)
            yield part


def _number(text: str, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError:
        number = -1
    if number < 0:
        raise ConnectionError(f"malformed HTTP response: {text!r} is not a number")
    return number


def request(
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    timeout: float | None = 60.0,
    verify: bool = True,
) -> HttpReply:
    """Send a request; return the response as soon as its head has arrived.

    Path and query of the URL are quoted already; ``Host``, ``Content-Length``
    and ``Connection`` are added to the headers. The timeout is for the whole
    exchange; None is for streams that may last. An error's headline is in the
    words of Go's ``net/http``, and so of faas-cli.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    scheme, location, target = _split(url)
    host, port = _host_and_port(scheme, location)
    if not port:
        raise HttpRequestError(f'unsupported URL "{url}"', expected="http://HOST:PORT")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {location}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([*lines, "Connection: close", "", ""])
    connection: socket.socket | None = None
    try:
        connection = socket.create_connection((host, port), timeout)
        if scheme == "https":
            connection = _encrypt(connection, host, verify=verify)
        connection.sendall(os.fsencode(head) + body)
        reply = HttpReply(connection, deadline)
        reply.receive_head()
    except (OSError, EOFError) as error:
        if connection is not None:
            connection.close()
        reason = _reason(error, host, port)
        raise HttpRequestError(f'{method.capitalize()} "{url}": {reason}') from error
    return reply


def _split(url: str) -> tuple[str, str, str]:
    """Return scheme, location and target; ``urllib.parse`` takes 3 ms."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    end = next((index for index, letter in enumerate(rest) if letter in "/?"), len(rest))
    target = rest[end:]
    return scheme, rest[:end].rpartition("@")[2], target if target.startswith("/") else f"/{target}"


def _host_and_port(scheme: str, location: str) -> tuple[str, int]:
    """Return the host and the port of a location; 0 for an invalid one."""
    host, colon, port = location.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = location, str(_PORTS.get(scheme))
    is_valid = scheme in _PORTS and port.isdecimal() and int(port) < 65536
    return host.strip("[]"), int(port) if is_valid else 0


def _encrypt(connection: socket.socket, host: str, *, verify: bool) -> socket.socket:
    import ssl  # 10 ms that a lab on this machine does not need

    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname=host)


def _reason(error: Exception, host: str, port: int) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {f'[{host}]' if ':' in host else host}:{port}: connect: connection refused"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {host}: no such host"
    if isinstance(error, TimeoutError):
        return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    return str(error)
