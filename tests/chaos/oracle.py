"""The oracle: the log that functions write, and the target of callbacks.

Neither asks labkit anything, so an error in labkit's own call log cannot hide in both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.chaos.invariants import FLAKY_FAILURES, Behaviour, ReceivedCallback

NOWHERE = "http://127.0.0.1:9/"
"""The port of the discard protocol: nothing listens there."""
MANNERS = {"callback": 8, "redirect": 1, "slow": 1}
"""How the target answers, by path, and how often each is chosen: at once, by a
redirect to the first, or late."""
_SLOW_SECONDS = 1.0

_SCRIPT = f"""\
behaviour=$1 log=$2
note() {{ echo "$Http_X_Call_Id $Http_X_Attempt" >> "$log"; }}
case $behaviour in
echo) cat; note; exit ;;
slow) sleep 0.5 ;;
esac
read -r body
note
case $behaviour in
failing) exit 1 ;;
flaky) [ "$Http_X_Attempt" -gt {FLAKY_FAILURES} ] || exit 1 ;;
esac
echo "$behaviour $body"
"""
"""A function. The last thing before its response is to log the run.

The shell opens the file for appending, and a short line is one write, so concurrent lines do not mix.
"""


def answer_of(behaviour: Behaviour, body: bytes) -> bytes:
    """Return the response of the function when it succeeds."""
    return body if behaviour is Behaviour.ECHO else f"{behaviour} ".encode() + body


class RunLog:
    """The log of all runs, written by the functions."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "runs"
        self._script = folder / "function.sh"
        self._log.touch()
        self._script.write_text(_SCRIPT)
        self._offset = 0

    def command(self, behaviour: Behaviour) -> str:
        """Return the ``fprocess`` of a function."""
        return f"sh {self._script} {behaviour} {self._log}"

    def read_into(self, runs: dict[str, list[int]]) -> None:
        """Add the lines written since the last time."""
        with self._log.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.decode().splitlines():
            call_id, attempt = line.split()
            runs.setdefault(call_id, []).append(int(attempt))


class CallbackTarget:
    """A small HTTP server that reports callbacks, and can stop listening."""

    def __init__(self, on_callback: Callable[[str, ReceivedCallback], None]) -> None:
        self._on_callback = on_callback
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._port = 0

    def url(self, manner: str = "callback") -> str:
        """Return the URL for callbacks of one of ``MANNERS``."""
        return f"http://127.0.0.1:{self._port}/{manner}"

    async def start(self) -> None:
        """Listen: on any free port the first time, then on the same one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, and abort open connections."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            self._server = None

    async def away(self, seconds: float) -> None:
        """Be unreachable for ``seconds``."""
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
                request, *lines = head.decode("latin-1").split("\r\n")[:-2]
                headers = {
                    name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                if request.split()[1] == "/redirect":
                    writer.write(b"HTTP/1.1 307 Moved\r\nLocation: callback\r\nContent-Length: 0\r\n\r\n")
                    await writer.drain()
                    continue
                callback = ReceivedCallback(int(headers["x-function-status"]), body)
                self._on_callback(headers["x-call-id"], callback)
                if request.split()[1] == "/slow":
                    await asyncio.sleep(_SLOW_SECONDS)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        self._open.discard(writer)
        writer.close()
