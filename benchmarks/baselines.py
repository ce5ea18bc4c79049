"""The baselines, each a process: ``python -m benchmarks.baselines KIND JSON``.

A baseline does the one thing that a path cannot do without (start the process,
store the message, answer the request) and nothing else. JSON are its keyword
arguments; it prints its figures as one JSON object.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from benchmarks.figures import Figures, percentile
from benchmarks.programs import memory_of
from labkit_services.contract.queued_call import DEDUPE_HEADER, QueuedCall
from labkit_services.watchdog.exit_watcher import best_exit_watcher

T = TypeVar("T")

BODY = b"hello"
"""Body of every measured call."""

_FSYNC_RECORD = bytes(512)


def queued_call(call_id: str, function: str = "cat") -> QueuedCall:
    """Return a call as the gateway would queue it."""
    return QueuedCall(
        call_id=call_id,
        function=function,
        method="POST",
        path="",
        query="",
        headers=(("Host", "127.0.0.1:8080"), ("Content-Type", "text/plain"), ("Content-Length", "5")),
        callback="",
        accepted_ns=time.time_ns(),
        body=BODY,
    )


def on_fast_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on the event loop that the services use."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


async def repeat(
    once: Callable[[], Awaitable[None]], *, in_flight: int, seconds: float = 0.0, calls: int = 0
) -> Figures:
    """Repeat something, ``in_flight`` at a time."""
    latencies: list[float] = []
    begin = time.perf_counter()
    end = begin + seconds if seconds else float("inf")
    left = calls or sys.maxsize

    async def lane() -> None:
        nonlocal left
        while left > 0 and time.perf_counter() < end:
            left -= 1
            started = time.perf_counter()
            await once()
            latencies.append(time.perf_counter() - started)

    await asyncio.gather(*(lane() for _ in range(in_flight)))
    elapsed = time.perf_counter() - begin
    return {
        "requests": len(latencies),
        "seconds": elapsed,
        "per_second": len(latencies) / elapsed,
        "ms": median(latencies) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
    }


# -- a bare spawn


class Spawn:
    """Starts a program, feeds it, reads its output, and reaps it."""

    def __init__(self, command: list[str]) -> None:
        path = shutil.which(command[0])
        assert path is not None, command
        self._path = path
        self._command = command
        self._loop = asyncio.get_running_loop()
        self._exits = best_exit_watcher(self._loop)

    async def __call__(self) -> None:
        """Run it once."""
        pid, output = self._start()
        read_all, exited = self._loop.create_future(), self._loop.create_future()
        self._loop.add_reader(output, self._read, output, read_all)
        self._exits.watch(pid, exited.set_result)
        await read_all
        assert await exited == 0, f"{self._command} failed"

    def _start(self) -> tuple[int, int]:
        stdin, feed = os.pipe()
        output, stdout = os.pipe()
        os.set_blocking(output, False)
        os.write(feed, BODY)
        os.close(feed)
        streams = ((os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1))
        pid = os.posix_spawn(self._path, self._command, {}, file_actions=streams)
        os.close(stdin)
        os.close(stdout)
        return pid, output

    def _read(self, output: int, read_all: asyncio.Future[None]) -> None:
        try:
            while os.read(output, 65536):
                pass
        except BlockingIOError:
            return
        self._loop.remove_reader(output)
        os.close(output)
        read_all.set_result(None)


async def spawn(command: list[str], in_flight: int, seconds: float = 0.0, calls: int = 0) -> Figures:
    """Run a program repeatedly."""
    return await repeat(Spawn(command), in_flight=in_flight, seconds=seconds, calls=calls)


# -- a bare publish-ack


async def publish(by: str, subject: str, in_flight: int, seconds: float) -> Figures:
    """Store messages in JetStream; each lane waits for its acks."""
    from nats.aio.client import Client

    from labkit_services.jetstream.publisher import Publisher

    client = Client()
    await client.connect(os.environ["NATS_URL"], token=os.environ["NATS_TOKEN"])
    js = client.jetstream()
    publisher = Publisher(client)
    await publisher.start()
    headers = queued_call("baseline").nats_headers()
    ids = (f"baseline-{time.time_ns():x}-{number}" for number in itertools.count())

    async def by_nats_py() -> None:
        await js.publish(subject, BODY, headers={**headers, DEDUPE_HEADER: next(ids)})

    async def by_publisher() -> None:
        await publisher.publish(subject, BODY, {**headers, DEDUPE_HEADER: next(ids)})

    try:
        once = by_publisher if by == "publisher" else by_nats_py
        return await repeat(once, in_flight=in_flight, seconds=seconds)
    finally:
        await client.close()


# -- a null server, nats-server alone, Python alone, a bare fsync


_CAPTURE_LINES = (
    "Content-Type: application/json\r\nX-Bin-Id: bench\r\nX-Request-Id: 01K7A6QV5C8Y3Z0M4T9WJX2R1B\r\n"
    "Content-Security-Policy: default-src 'none'; sandbox\r\nX-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
)
_CAPTURE_BODY = b'{"ok":true,"id":"01K7A6QV5C8Y3Z0M4T9WJX2R1B"}'


async def null_server(service: Any, *, as_capture: bool) -> None:
    """Read every request, and answer it: an empty 202, or a capture's bytes.

    The latter is what the inspector answers, headers and JSON, as a constant.
    """
    from labkit_services.http import HttpServer, Request, Response

    async def answer(request: Request) -> Response:
        await request.body(1024)
        return Response(200, (), _CAPTURE_BODY, _CAPTURE_LINES) if as_capture else Response(202)

    server = HttpServer(answer)
    host, port = await server.start()
    service.ready(url=f"http://{host}:{port}")
    await service.stopping.wait()
    await server.stop(0.5)


async def nats_server(folder: str, settle: float = 0.5) -> Figures:
    """Start nats-server as the lab does; return start time and idle memory."""
    from labkit.supervisor.nats_server import NatsServer, find_nats_server

    at = Path(folder)
    server = NatsServer(folder=at / "nats", store=at / "store", token="baseline", max_body=1024 * 1024)
    command = server.prepare(find_nats_server(os.environ), -1)
    with (at / "nats.log").open("wb") as log:
        begin = time.perf_counter()
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    return await _start_and_idle(process, begin, server.wait_ready, settle)


async def bare_python(settle: float = 0.1) -> Figures:
    """Start a Python with asyncio only; return its private memory."""
    begin = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import asyncio, sys; print(1, flush=True); sys.stdin.read()"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    figures = await _start_and_idle(process, begin, process.stdout.readline, settle)
    return {"ms": figures["ms"], "megabytes": figures["private"]}


async def _start_and_idle(
    process: asyncio.subprocess.Process, begin: float, ready: Callable[[], Awaitable[Any]], settle: float
) -> Figures:
    try:
        async with asyncio.timeout(10):
            await ready()
        elapsed = time.perf_counter() - begin
        await asyncio.sleep(settle)
        return {**memory_of([process.pid]), "ms": elapsed * 1e3}
    finally:
        process.kill()
        await process.wait()


async def fsync(file: str, seconds: float) -> Figures:
    """Append a small record and fsync it, repeatedly."""
    out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def once() -> None:
        os.write(out, _FSYNC_RECORD)
        os.fsync(out)

    try:
        return await repeat(once, in_flight=1, seconds=seconds)
    finally:
        os.close(out)


def main(kind: str, arguments: str = "{}") -> None:
    """Measure one baseline and print it; a null server runs until stopped."""
    if kind in ("http", "http-capture"):
        from labkit_services.runtime.service import run

        run("null", partial(null_server, as_capture=kind == "http-capture"))
    print(json.dumps(on_fast_loop(_KINDS[kind](**json.loads(arguments)))))


_KINDS: dict[str, Callable[..., Coroutine[Any, Any, Figures]]] = {
    "spawn": spawn,
    "publish": publish,
    "nats-server": nats_server,
    "python": bare_python,
    "fsync": fsync,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
