"""Who saw what: the functions' own notes of their runs, and the callbacks' target.

Neither asks labkit anything, so its record can't be wrong in the same way twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.chaos.ledger import FLAKY_FAILURES, Arrival, Manner

NOWHERE = "http://127.0.0.1:9/"
"""The port of the discard protocol: nobody listens there."""

_SCRIPT = f"""\
manner=$1 notes=$2
note() {{ echo "$Http_X_Call_Id $Http_X_Attempt" >> "$notes"; }}
case $manner in
echo) cat; note; exit ;;
slow) sleep 0.5 ;;
esac
read -r body
note
case $manner in
failing) exit 1 ;;
flaky) [ "$Http_X_Attempt" -gt {FLAKY_FAILURES} ] || exit 1 ;;
esac
echo "$manner $body"
"""
"""A function: what it writes last before it answers is the line that says it ran.

The shell opens the file for appending, and a short line is one write: whole, whoever writes at the same time.
"""


def answer_of(manner: Manner, body: bytes) -> bytes:
    """Return what the function answers when it succeeds."""
    return body if manner is Manner.ECHO else f"{manner} ".encode() + body


class Runs:
    """The functions' notes."""

    def __init__(self, folder: Path) -> None:
        self._notes = folder / "runs"
        self._script = folder / "function.sh"
        self._notes.touch()
        self._script.write_text(_SCRIPT)
        self._offset = 0

    def command(self, manner: Manner) -> str:
        """Return the ``fprocess`` of a function."""
        return f"sh {self._script} {manner} {self._notes}"

    def read_into(self, runs: dict[str, list[int]]) -> None:
        """Add what was written since the last time."""
        with self._notes.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.decode().splitlines():
            call_id, attempt = line.split()
            runs.setdefault(call_id, []).append(int(attempt))


class CallbackTarget:
    """A small HTTP server that writes down what it gets, and can go away for a while."""

    def __init__(self, on_arrival: Callable[[str, Arrival], None]) -> None:
        self._on_arrival = on_arrival
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """Where callbacks are to be posted."""
        return f"http://127.0.0.1:{self._port}/callback"

    async def start(self) -> None:
        """Listen: on any port the first time, then on the same one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the door, and cut off who is inside."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            self._server = None

    async def away(self, seconds: float) -> None:
        """Be unreachable for a while."""
        await self.stop()
        try:
            await asyncio.sleep(seconds)
        finally:
            await self.start()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):  # the worker was killed in the middle
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")[1:-2]
                headers = {
                    name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                arrival = Arrival(int(headers["x-function-status"]), body)
                self._on_arrival(headers["x-call-id"], arrival)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        self._open.discard(writer)
        writer.close()
