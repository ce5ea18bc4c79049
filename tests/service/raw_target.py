"""A target of callbacks that speaks to its clients in bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Serve = Callable[[socket.socket, bytes], None]
"""Answers on a connection; gets the request's head and the body so far."""


@dataclass
class RawTarget:
    """``requests`` are the heads of what arrived, and the bodies so far."""

    url: str
    requests: list[bytes] = field(default_factory=list)

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def lines(self) -> list[str]:
        """Return the request lines."""
        return [each.split(b"\r\n")[0].decode() for each in self.requests]

    def header(self, name: str, index: int = -1) -> str:
        """Return a header of a request, "" if it is missing."""
        head = self.requests[index].partition(b"\r\n\r\n")[0].decode("latin-1")
        for line in head.split("\r\n")[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == name.lower():
                return value
        return ""


@contextmanager
def raw_target(serve: Serve, *, whole: bool = True, host: str = "127.0.0.1") -> Iterator[RawTarget]:
    """Serve each connection once, in a thread, and close it.

    With ``whole`` the body is read before ``serve`` is called.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family)
    shown = f"[{host}]" if ":" in host else host
    target = RawTarget(f"http://{shown}:{listener.getsockname()[1]}")

    def handle(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(10)
            received = b""
            while b"\r\n\r\n" not in received:
                if not (part := connection.recv(65536)):
                    return
                received += part
            head, _, body = received.partition(b"\r\n\r\n")
            length = next(
                (int(x[15:]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")), 0
            )
            while whole and len(body) < length:
                body += connection.recv(65536)
            target.requests.append(head + b"\r\n\r\n" + body)
            serve(connection, target.requests[-1])

    def accept() -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield target
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def always(answer: bytes) -> Serve:
    """Return a server of one answer."""
    return lambda connection, _: connection.sendall(answer)


def by_path(answers: dict[str, bytes], otherwise: bytes) -> Serve:
    """Return a server that answers by the request's path."""

    def serve(connection: socket.socket, request: bytes) -> None:
        path = request.split(b" ")[1].decode()
        connection.sendall(answers.get(path, otherwise))

    return serve
