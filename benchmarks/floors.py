"""What the paths stand on, each as a process of its own: ``python -m benchmarks.floors KIND …``.

A floor does the one thing that a path can't do without (start the process,
store the message, answer the request) and nothing else. Each prints its
figures as one JSON object.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from benchmarks.message import BODY, queued_call
from benchmarks.processes import held_by
from benchmarks.repeat import on_fast_loop, repeat
from benchmarks.statistic import Figures
from labkit_services.watchdog.exit_watcher import best_exit_watcher

_FSYNC_RECORD = bytes(512)


# -- a bare spawn


class Spawn:
    """Starts a program, feeds it, reads its output to the end, and reaps it."""

    def __init__(self, command: list[str]) -> None:
        path = shutil.which(command[0])
        assert path is not None, command
        self._path = path
        self._command = command
        self._loop = asyncio.get_running_loop()
        # A pidfd on the loop, where the system has them.
        self._exits = best_exit_watcher(self._loop)

    async def __call__(self) -> None:
        """Run it once."""
        pid, output = self._start()
        await asyncio.gather(self._end_of(output), self._exit_of(pid))

    def _start(self) -> tuple[int, int]:
        stdin, feed = os.pipe()
        output, stdout = os.pipe()
        os.set_blocking(output, False)
        os.write(feed, BODY)
        os.close(feed)
        pid = os.posix_spawn(
            self._path,
            self._command,
            {},
            file_actions=((os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)),
        )
        os.close(stdin)
        os.close(stdout)
        return pid, output

    def _end_of(self, output: int) -> asyncio.Future[None]:
        ended = self._loop.create_future()

        def read() -> None:
            try:
                while os.read(output, 65536):
                    pass
            except BlockingIOError:
                return
            self._loop.remove_reader(output)
            os.close(output)
            ended.set_result(None)

        self._loop.add_reader(output, read)
        return ended

    def _exit_of(self, pid: int) -> asyncio.Future[None]:
        exited = self._loop.create_future()

        def reaped(status: int) -> None:
            assert status == 0, f"{self._command} ended with {status}"
            exited.set_result(None)

        self._exits.watch(pid, reaped)
        return exited


# -- a bare publish-ack


def _messages() -> Iterator[dict[str, str]]:
    """Yield the headers of queued calls: all is ready but their ids."""
    from labkit_services.contract.queued_call import DEDUPE_HEADER

    headers = queued_call("floor").nats_headers()
    prefix = f"floor-{time.time_ns():x}"
    for number in itertools.count():
        yield {**headers, DEDUPE_HEADER: f"{prefix}-{number}"}


async def publish(by: str, subject: str, in_flight: int, seconds: float) -> Figures:
    """Store messages in JetStream, each acknowledged before the next of its lane."""
    from nats.aio.client import Client

    from labkit_services.jetstream.publisher import Publisher

    client = Client()
    await client.connect(os.environ["NATS_URL"], token=os.environ["NATS_TOKEN"])
    js = client.jetstream()
    publisher = Publisher(client)
    await publisher.start()
    messages = _messages()

    async def by_nats_py() -> None:
        await js.publish(subject, BODY, headers=next(messages))

    async def by_publisher() -> None:
        await publisher.publish(subject, BODY, next(messages))

    try:
        once = by_publisher if by == "publisher" else by_nats_py
        return await repeat(once, in_flight=in_flight, seconds=seconds)
    finally:
        await client.close()


# -- a null server, nats-server alone, Python alone, a bare fsync


async def null_server(service: Any) -> None:
    """Take a body, answer 202 with none."""
    from labkit_services.http import HttpServer, Request, Response

    async def answer(request: Request) -> Response:
        await request.body(1024)
        return Response(202)

    server = HttpServer(answer)
    host, port = await server.start()
    service.ready(url=f"http://{host}:{port}")
    await service.stopping.wait()
    await server.stop(0.5)


async def nats_server(folder: Path, settle: float) -> Figures:
    """Start nats-server as the lab does, and return milliseconds to ready and megabytes when idle."""
    from labkit.supervisor.nats_server import NatsServer, find_nats_server

    server = NatsServer(folder=folder / "nats", store=folder / "store", token="floor", max_body=1024 * 1024)
    command = server.prepare(find_nats_server(os.environ), -1, keeper=False)
    with (folder / "nats.log").open("wb") as log:
        begin = time.perf_counter()
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        async with asyncio.timeout(10):
            await server.wait_ready()
        ready = time.perf_counter() - begin
        await asyncio.sleep(settle)
        memory = held_by([process.pid])
    finally:
        process.kill()
        await process.wait()
    return {**memory, "ms": ready * 1e3}


async def bare_python(settle: float) -> Figures:
    """Start a Python that imports asyncio and no more; milliseconds to ready, private megabytes."""
    begin = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, sys; print(1, flush=True); sys.stdin.read()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(10):
            await process.stdout.readline()
        ready = time.perf_counter() - begin
        await asyncio.sleep(settle)
        memory = held_by([process.pid])
    finally:
        process.kill()
        await process.wait()
    return {"ms": ready * 1e3, "megabytes": memory["private"]}


def fsync(file: Path, seconds: float) -> Figures:
    """Append a small record and have it written through, again and again."""
    count = 0
    with file.open("ab", buffering=0) as out:
        begin = time.perf_counter()
        while (elapsed := time.perf_counter() - begin) < seconds:
            out.write(_FSYNC_RECORD)
            os.fsync(out.fileno())
            count += 1
    return {"per_second": count / elapsed, "ms": elapsed / count * 1e3}


# -- as programs


@click.group()
def cli() -> None:
    """Measure one floor."""


def _print(figures: Figures) -> None:
    click.echo(json.dumps(figures))


@cli.command("spawn")
@click.option("--in-flight", default=1)
@click.option("--seconds", default=0.0)
@click.option("--calls", default=0)
@click.argument("command", nargs=-1, required=True)
def _spawn(in_flight: int, seconds: float, calls: int, command: tuple[str, ...]) -> None:

    async def work() -> Figures:
        return await repeat(Spawn(list(command)), in_flight=in_flight, seconds=seconds, calls=calls)

    _print(on_fast_loop(work()))


@cli.command("publish")
@click.option("--in-flight", default=1)
@click.option("--seconds", default=1.0)
@click.option("--by", type=click.Choice(["nats-py", "publisher"]), default="nats-py")
@click.argument("subject")
def _publish(in_flight: int, seconds: float, by: str, subject: str) -> None:
    _print(on_fast_loop(publish(by, subject, in_flight, seconds)))


@cli.command("http")
def _http() -> None:
    from labkit_services.runtime.service import run

    run("null", null_server)


@cli.command("nats-server")
@click.option("--settle", default=0.5)
@click.argument("folder", type=click.Path(path_type=Path))
def _nats_server(folder: Path, settle: float) -> None:
    _print(asyncio.run(nats_server(folder, settle)))


@cli.command("python")
@click.option("--settle", default=0.1)
def _python(settle: float) -> None:
    _print(asyncio.run(bare_python(settle)))


@cli.command("fsync")
@click.option("--seconds", default=1.0)
@click.argument("file", type=click.Path(path_type=Path))
def _fsync(file: Path, seconds: float) -> None:
    _print(fsync(file, seconds))


if __name__ == "__main__":
    cli()
