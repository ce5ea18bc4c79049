"""One HTTP request in the manner of Go's ``net/http``, with few imports.

``http.client`` imports the e-mail parser and OpenSSL, httptools ``typing``,
``socket`` ``enum`` and ``selectors``; each takes longer to import than an
asynchronous invocation takes on the wire.
"""

from __future__ import annotations

import _socket  # what `socket` is made of
import os
import time

from labkit.openfaas_cli.faas_cli.http_syntax import header_problem
from labkit.openfaas_cli.pflag import quoted
from labkit_services.contract.errors import LabError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Pairs = Iterable[tuple[str, str]]

_BLOCK = 65536
_MAX_LINE = 1024 * 1024
_PORTS = {"http": 80, "https": 443}
_NO_BODY = (101, 204, 304)
_OWN_HEADERS = ("Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer")
"""Headers that Go's client writes itself; others of these names are not sent
(net/http/request.go, reqWriteExcludeHeader)."""

_USER_AGENT = "Go-http-client/1.1"
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 10
_LATE_BODY = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
_BROKEN = "net/http: HTTP/1.x transport connection broken"


class HttpRequestError(LabError, ConnectionError):
    """The request got no response."""


class HttpReply:
    """A response, ``202 Accepted``, whose body may still be on its way."""

    def __init__(self, connection: _socket.socket, deadline: float | None, *, decode: bool = False) -> None:
        self._connection = connection
        self._deadline = deadline
        self._decode = decode
        self._received = bytearray()
        self.status = 0
        self.reason = ""
        self.headers: list[tuple[str, str]] = []

    def header(self, name: str) -> str:
        """Return the first header of that name, or ""."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def receive_head(self) -> None:
        """Receive the head; skip interim responses such as 100 Continue."""
        while self.status < 200 and self.status != 101:
            line = self._line()
            version, space, rest = line.partition(" ")
            status, _, self.reason = rest.partition(" ")
            if not space:
                raise ConnectionError(f"{_BROKEN}: malformed HTTP response {quoted(line)}")
            if len(status) != 3 or not (status.isascii() and status.isdecimal()):
                raise ConnectionError(f"{_BROKEN}: malformed HTTP status code {quoted(status)}")
            if not version.startswith("HTTP/1."):
                raise ConnectionError(f"{_BROKEN}: malformed HTTP version {quoted(version)}")
            self.status = int(status)
            self.headers.clear()
            while line := self._line():
                name, colon, value = line.partition(":")
                if not colon:
                    problem = f"malformed MIME header: missing colon: {quoted(line)}"
                    raise ConnectionError(f"{_BROKEN}: {problem}")
                self.headers.append((name, value.strip()))
        length = self.header("Content-Length")
        if length and not (length.isascii() and length.isdecimal()):
            raise ConnectionError(f"{_BROKEN}: bad Content-Length {quoted(length)}")

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body as it arrives, and close the connection at its end.

        HttpRequestError is raised for a body that is incomplete or broken.
        """
        try:
            if self._decode and self.header("Content-Encoding").lower() == "gzip":
                yield from self._decompressed()
            else:
                yield from self._content()
        except (OSError, EOFError) as error:
            late = isinstance(error, TimeoutError)
            raise HttpRequestError(_LATE_BODY if late else str(error)) from error
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _content(self) -> Iterator[bytes]:
        length = self.header("Content-Length")
        if self.status in _NO_BODY:
            return
        if "chunked" in self.header("Transfer-Encoding").lower():
            while size := _chunk_size(self._line().partition(";")[0].rstrip()):
                yield from self._body(size)
                self._line()
            while self._line():
                continue  # trailers, up to the empty line
        elif length:
            yield from self._body(int(length))
        else:  # such a body ends with the connection
            while self._received or self._receive():
                yield self._take(len(self._received))

    def _decompressed(self) -> Iterator[bytes]:
        import zlib  # few functions compress their output

        decoder = zlib.decompressobj(wbits=31)
        try:
            for block in self._content():
                yield decoder.decompress(block)
        except zlib.error as error:
            raise ConnectionError("gzip: invalid header") from error

    def _receive(self) -> bool:
        """Receive a block; return False at the end of the connection."""
        if self._deadline is not None:
            self._connection.settimeout(_seconds_left(self._deadline))
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
                raise ConnectionError(f"{_BROKEN}: the line has no end")
            if not self._receive():
                raise EOFError("unexpected EOF" if self.status or self._received else "EOF")
        return self._take(end + 1).rstrip(b"\r\n").decode("latin-1")

    def _body(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._received and not self._receive():
                raise EOFError("unexpected EOF")
            part = self._take(size)
            size -= len(part)
            yield part


def _chunk_size(text: str) -> int:
    if not text or text.strip("0123456789abcdefABCDEF"):
        raise ConnectionError("invalid byte in chunk length")
    return int(text, 16)


def request(
    method: str,
    url: str,
    headers: Pairs = (),
    body: bytes = b"",
    *,
    timeout: float | None = 60.0,
    verify: bool = True,
) -> HttpReply:
    """Send a request; return the response as soon as its head has arrived.

    Path and query of the URL are quoted already. The request has the bytes of
    Go's ``net/http``: other headers are sorted by name, the client's own
    cannot be given except ``User-Agent``, and gzip is requested and decoded
    unless ``Accept-Encoding`` is given. Redirects are followed. The timeout is
    for the whole exchange; None is for streams that may last. An error's
    headline is in the words of Go, and so of faas-cli.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    headers = list(headers)
    for _ in range(_MAX_REDIRECTS):
        reply = _exchange(method, url, headers, body, deadline=deadline, verify=verify)
        location = reply.header("Location")
        if reply.status not in _REDIRECTS or not location:
            return reply
        reply.close()
        from urllib.parse import urljoin  # few functions redirect

        try:
            previous, url = url, urljoin(url, location)
        except ValueError as error:
            headline = f'{method.capitalize()} "{url}": failed to parse Location header {quoted(location)}'
            raise HttpRequestError(headline, seen=str(error)) from error
        if _split(previous)[1] != _split(url)[1]:  # a password is for its own host only
            headers = [pair for pair in headers if pair[0] not in ("Authorization", "Cookie")]
        headers = [*(pair for pair in headers if pair[0] != "Referer"), ("Referer", previous)]
        if reply.status < 307 and method not in ("GET", "HEAD"):
            method, body = "GET", b""
    raise HttpRequestError(f'{method.capitalize()} "{location}": stopped after {_MAX_REDIRECTS} redirects')


def _exchange(
    method: str,
    url: str,
    headers: list[tuple[str, str]],
    body: bytes,
    *,
    deadline: float | None,
    verify: bool,
) -> HttpReply:
    """Send one request; return the response without its body."""
    scheme, location, target = _split(url)
    host, port = _host_and_port(scheme, location)
    if not port:
        raise HttpRequestError(f'unsupported URL "{url}"', expected="http://HOST:PORT")
    if problem := next(filter(None, map(header_problem, headers)), ""):
        raise HttpRequestError(f'{method.capitalize()} "{url}": {problem}', next_step="correct this header")
    names = {name for name, _ in headers}
    decode = not names & {"Accept-Encoding", "Range"} and method != "HEAD"
    head = _head(method, target, location, headers, body)
    if decode:
        head += "Accept-Encoding: gzip\r\n"
    connection: _socket.socket | None = None
    try:
        connection = _connect(host, port, deadline)
        if scheme == "https":
            connection = _encrypt(connection, host, verify=verify)
        connection.sendall(os.fsencode(f"{head}\r\n") + body)
        reply = HttpReply(connection, deadline, decode=decode)
        reply.receive_head()
    except (OSError, EOFError, UnicodeError) as error:
        if connection is not None:
            connection.close()
        reason = _reason(error, host, port)
        raise HttpRequestError(f'{method.capitalize()} "{url}": {reason}') from error
    return reply


def _head(method: str, target: str, location: str, headers: list[tuple[str, str]], body: bytes) -> str:
    agent = next((value for name, value in headers if name == "User-Agent"), _USER_AGENT)
    lines = [f"{method} {target} HTTP/1.1", f"Host: {location}", f"User-Agent: {agent}"]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    given = sorted((pair for pair in headers if pair[0] not in _OWN_HEADERS), key=lambda pair: pair[0])
    lines += [f"{name}: {value}" for name, value in given]
    return "\r\n".join([*lines, ""])


def _seconds_left(deadline: float | None) -> float | None:
    """Return the time to a deadline; raise TimeoutError if it has passed."""
    seconds = None if deadline is None else deadline - time.monotonic()
    if seconds is not None and seconds <= 0:
        raise TimeoutError
    return seconds


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


def _connect(host: str, port: int, deadline: float | None) -> _socket.socket:
    """Connect to the first address of a host that accepts it."""
    # A host's name in text would be encoded by a codec that takes 4 ms to
    # import.
    name = host.encode() if host.isascii() else host
    problem = OSError("getaddrinfo returns an empty list")
    for family, kind, protocol, _, address in _socket.getaddrinfo(name, port, 0, _socket.SOCK_STREAM):
        connection = _socket.socket(family, kind, protocol)
        try:
            connection.settimeout(_seconds_left(deadline))
            connection.connect(address)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem


def _encrypt(connection: _socket.socket, host: str, *, verify: bool) -> _socket.socket:
    import socket
    import ssl  # 10 ms that a lab on this machine does not need

    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    timeout = connection.gettimeout()
    plain = socket.socket(fileno=connection.detach())
    plain.settimeout(timeout)
    return context.wrap_socket(plain, server_hostname=host)


def _reason(error: Exception, host: str, port: int) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {f'[{host}]' if ':' in host else host}:{port}: connect: connection refused"
    if isinstance(error, (_socket.gaierror, UnicodeError)):  # the latter: no name of a host at all
        return f"dial tcp: lookup {host}: no such host"
    if isinstance(error, TimeoutError):
        return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    return str(error)
