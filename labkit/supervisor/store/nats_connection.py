"""A connection to nats-server for few messages, by the text protocol.

Importing nats-py would add 100 ms to the start of every lab.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from labkit_services.contract.names import VERSION

_NAME = "supervisor"
_SECONDS = 2.0


class NatsConnection:
    """One connection; see ``connected``.

    nats-server greets with ``INFO`` (NATS client protocol).
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._inbox = f"_INBOX.{os.urandom(8).hex()}"
        self._count = 0

    async def greet(self, token: str) -> None:
        """Log in, and subscribe to the answers of requests."""
        options = {"verbose": False, "pedantic": False, "auth_token": token, "name": _NAME}
        options |= {"lang": "python", "version": VERSION, "headers": True, "no_responders": True}
        await self._reader.readline()
        self._writer.write(f"CONNECT {json.dumps(options)}\r\nSUB {self._inbox}.* 1\r\n".encode())

    async def request(self, subject: str, body: bytes = b"") -> bytes:
        """Return the answer; b"" if nobody answers that subject."""
        self._count += 1
        inbox = f"{self._inbox}.{self._count}"
        self._writer.write(f"PUB {subject} {inbox} {len(body)}\r\n".encode() + body + b"\r\n")
        while True:
            line = await self._line()
            answer = await self._skip(line)
            if answer is not None and line.split()[1] == inbox.encode():
                return answer

    async def _line(self) -> bytes:
        line = await self._reader.readline()
        if not line:
            raise ConnectionResetError("nats-server closed the connection")
        if line.startswith(b"-ERR"):
            raise ConnectionRefusedError(line.decode("latin-1").strip())
        return line

    async def _skip(self, line: bytes) -> bytes | None:
        """Read what belongs to a line; return a message's body."""
        fields = line.split()
        if fields[:1] == [b"PING"]:
            self._writer.write(b"PONG\r\n")
        if fields[:1] not in ([b"MSG"], [b"HMSG"]):
            return None
        content = await self._reader.readexactly(int(fields[-1]) + 2)
        headers = int(fields[-2]) if fields[0] == b"HMSG" else 0
        return content[headers:-2]


@asynccontextmanager
async def connected(url: str, token: str, seconds: float = _SECONDS) -> AsyncIterator[NatsConnection]:
    """Yield a connection for ``seconds`` at most.

    Raises:
        OSError: nats-server can't be reached, refuses the token, or does not
            answer in time (a ``TimeoutError`` is one).
    """
    address = urlsplit(url)
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                connection = NatsConnection(reader, writer)
                await connection.greet(token)
                yield connection
            finally:
                writer.close()
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("nats-server closed the connection") from error
