"""A load generator for machines without wrk: ``python -m benchmarks.own_load URL CONNECTIONS SECONDS``.

Raw sockets on an event loop, one request at a time on each connection, and no
more parsing than it takes to find an answer's end. It costs more than wrk:
the rows of the null server say how much.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from statistics import median
from typing import cast
from urllib.parse import urlsplit

from benchmarks.failure import BenchmarkError
from benchmarks.message import BODY
from benchmarks.repeat import on_fast_loop
from benchmarks.statistic import percentile

_CONNECT_SECONDS = 10.0


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered."""

    def __init__(self, request: bytes, latencies: list[float], over: asyncio.Future[None]) -> None:
        self._request = request
        self._latencies = latencies
        self._over = over
        self._received = b""
        self._sent = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no such class
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = answer_end(self._received)
        if end is None:
            return
        now = time.perf_counter()
        status = self._received[9:12]
        if not status.startswith(b"2"):
            self._fail(f"status {status.decode(errors='replace')}")
            return
        self._latencies.append(now - self._sent)
        self._received = self._received[end:]
        if not self._over.done():
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"a connection was closed: {error}")

    def _fail(self, seen: str) -> None:
        if not self._over.done():
            error = BenchmarkError("not every call was answered well", expected="2xx only", seen=seen)
            self._over.set_exception(error)


def answer_end(data: bytes) -> int | None:
    """Return where the first answer in ``data`` ends, or None if it is not all there.

    It must say its length, as all answers of the lab do that are not streamed.
    """
    head, separator, _ = data.partition(b"\r\n\r\n")
    if not separator:
        return None
    _, found, rest = head.lower().partition(b"content-length:")
    length = int(rest.partition(b"\r\n")[0]) if found else 0
    end = len(head) + len(separator) + length
    return end if len(data) >= end else None


async def measure(url: str, connections: int, seconds: float) -> dict[str, float]:
    """Return the figures of a ``LoadReport``."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    over: asyncio.Future[None] = loop.create_future()
    begin = time.perf_counter()
    host, port = parts.hostname or "", parts.port or 80

    def connection() -> _Connection:
        return _Connection(head.encode() + BODY, latencies, over)

    opening = [loop.create_connection(connection, host, port) for _ in range(connections)]
    async with asyncio.timeout(_CONNECT_SECONDS):
        opened = await asyncio.gather(*opening)
    timer = asyncio.create_task(asyncio.sleep(seconds))
    await asyncio.wait((over, timer), return_when=asyncio.FIRST_COMPLETED)
    if over.done():
        timer.cancel()
        over.result()
    over.cancel()
    elapsed = time.perf_counter() - begin
    for transport, _ in opened:
        transport.abort()
    if not latencies:
        raise BenchmarkError(expected="an answer", seen=f"none within {seconds:g} s")
    return {
        "requests": len(latencies),
        "per_second": len(latencies) / elapsed,
        "ms": median(latencies) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
    }


if __name__ == "__main__":
    print(json.dumps(on_fast_loop(measure(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
