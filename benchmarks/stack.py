"""The lab under test: real processes, default settings, in a folder that goes away with it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from benchmarks import processes
from benchmarks.failure import BenchmarkError
from benchmarks.message import BODY, queued_call
from benchmarks.scratch import scratch
from labkit.lab.async_lab import AsyncLab
from labkit.supervisor.settings import Settings
from labkit_services.contract.names import CALL_ID, DEFAULT_QUEUE, EVENT_STREAM
from labkit_services.contract.queued_call import DEDUPE_HEADER
from labkit_services.contract.queues import queue_stream, worker_control_subject
from labkit_services.http import HttpClient
from labkit_services.jetstream.publisher import Publisher

QUEUE = DEFAULT_QUEUE
"""Subject of the queue under test."""

_STREAM = queue_stream(QUEUE)
_FILLING = 512
"""Messages under way at once while a queue is filled."""
_LOOK_SECONDS = 0.002
_PATIENCE_SECONDS = 10.0


class Stack:
    """A running lab, and what a benchmark asks of it beside calls.

    The record of events is not followed from here, as a notebook's handle
    would: that work belongs to no path.

    Attributes:
        lab: The handle.
        js: JetStream, for purging and counting.
        http: A client for what needs no load generator.
        publisher: Publishes past the gateway.
    """

    def __init__(self, lab: AsyncLab, nats: Client, publisher: Publisher) -> None:
        self.lab = lab
        self.publisher = publisher
        self.js: JetStreamContext = nats.jetstream()
        self.http = HttpClient()
        self._nats = nats
        credentials = base64.b64encode(f"{lab.state.user}:{lab.state.password}".encode()).decode()
        self._auth = [("Authorization", f"Basic {credentials}"), ("Content-Type", "application/json")]

    @property
    def supervisor(self) -> int:
        """The process that all others of the lab are below."""
        return self.lab.state.pid

    @property
    def folder(self) -> Path:
        """Its own folder: the disk that its queue is on."""
        return self.lab.workspace.folder

    @property
    def nats_environment(self) -> dict[str, str]:
        """How a floor reaches the same nats-server."""
        return {"NATS_URL": self.lab.state.nats_url, "NATS_TOKEN": self.lab.state.nats_token}

    def url(self, function: str, *, asynchronous: bool = False) -> str:
        """Return where a function is called."""
        return f"{self.lab.state.gateway_url}/{'async-' if asynchronous else ''}function/{function}"

    async def deploy(self, name: str, fprocess: str, *, most_replicas: int = 1) -> None:
        """Deploy a function and see it answer; one replica unless said otherwise, whatever the load."""
        await self.lab.deploy(name, fprocess=fprocess, labels={"com.openfaas.scale.max": str(most_replicas)})
        await self._available(name, 1)

    async def call(self, url: str, *, expect: int = 200) -> None:
        """POST ``hello`` and wait for the answer.

        Raises:
            BenchmarkError: Its status is another.
        """
        response = await self.http.request("POST", url, [("Content-Type", "text/plain")], BODY)
        body = await response.read()
        if response.status != expect:
            raise BenchmarkError(
                f"a call of {url} failed", expected=str(expect), seen=f"{response.status} {body[:200]!r}"
            )

    async def accept(self, function: str) -> str:
        """Have a call queued; return its id."""
        response = await self.http.request("POST", self.url(function, asynchronous=True), (), BODY)
        await response.read()
        if response.status != 202:
            raise BenchmarkError("a call was not accepted", expected="202", seen=str(response.status))
        return response.headers.get(CALL_ID)

    async def known(self, call_id: str, patience: float = 0.0) -> None:
        """Ask for the status of a call, until it is known.

        Raises:
            BenchmarkError: It did not become known.
        """

        async def answered() -> bool:
            response = await self.http.request(
                "GET", f"{self.lab.state.gateway_url}/async-function/{call_id}"
            )
            await response.read()
            return response.status == 200

        await until(answered, f"call {call_id} to be known", patience)

    async def _system(self, method: str, path: str, body: bytes = b"") -> Any:
        response = await self.http.request(method, self.lab.state.gateway_url + path, self._auth, body)
        text = await response.read()
        if response.status not in (200, 202):
            raise BenchmarkError(f"{method} {path} failed", seen=f"{response.status} {text[:200]!r}")
        return json.loads(text) if text else None

    async def worked(self) -> dict[str, float]:
        """Return the seconds of CPU that each part of the lab has used so far."""
        services = {service.pid: service.name for service in (await self.lab.status()).services}
        return processes.worked(self.supervisor, {**services, self.supervisor: "supervisor"})

    # -- replicas

    async def scale(self, function: str, replicas: int) -> float:
        """Change the number of replicas; return the milliseconds until that many take calls."""
        begin = time.perf_counter()
        await self._system("POST", f"/system/scale-function/{function}", b'{"replicas": %d}' % replicas)
        await self._available(function, replicas)
        return (time.perf_counter() - begin) * 1e3

    async def _available(self, function: str, replicas: int) -> None:
        async def enough() -> bool:
            status = await self._system("GET", f"/system/function/{function}")
            return bool(status["availableReplicas"] == replicas)

        await until(enough, f"{replicas} available replicas of {function}")

    async def expect_succeeded(self, function: str, count: int) -> None:
        """See that calls were worked off well, not just away.

        Raises:
            BenchmarkError: Not so many were answered with 200.
        """
        if (found := await self.succeeded(function)) < count:
            raise BenchmarkError("drained calls did not all succeed", expected=str(count), seen=str(found))

    async def succeeded(self, function: str) -> int:
        """Return how many calls of a function the gateway has answered with 200."""
        response = await self.http.request("GET", f"{self.lab.state.gateway_url}/metrics")
        text = (await response.read()).decode()
        counted = re.search(
            rf'gateway_function_invocation_total{{code="200",function_name="{function}\.[^"]*"}} ([\d.e+]+)',
            text,
        )
        return int(float(counted[1])) if counted else 0

    # -- the queue

    async def set_max_inflight(self, count: int) -> None:
        """Have the running worker work on so many calls at once."""
        request = json.dumps({"max_inflight": count}).encode()
        answer = await self._nats.request(worker_control_subject(QUEUE), request, timeout=5)
        if json.loads(answer.data).get("max_inflight") != count:
            raise BenchmarkError(expected=f"max_inflight {count}", seen=answer.data.decode())

    async def queued(self) -> int:
        """Return how many calls are on the queue, those in flight included."""
        return int((await self.js.stream_info(_STREAM)).state.messages)

    async def expect_queued(self, count: int) -> None:
        """See that the queue holds what was acknowledged.

        Raises:
            BenchmarkError: It holds less.
        """
        if (found := await self.queued()) < count:
            raise BenchmarkError(
                "acknowledged calls are not on the queue", expected=f"{count} or more", seen=str(found)
            )

    async def recorded_bytes(self) -> int:
        """Return the size of the stream of events."""
        return int((await self.js.stream_info(EVENT_STREAM)).state.bytes)

    async def purge(self) -> None:
        """Empty the queue and the record, so that the disk does not fill."""
        await self.js.purge_stream(_STREAM)
        await self.js.purge_stream(EVENT_STREAM)

    async def fill(self, count: int, function: str, *, of_the_past: bool = False) -> None:
        """Put calls on the queue, past the gateway.

        Args:
            count: How many.
            function: What they call.
            of_the_past: Without the id by which JetStream knows repetitions: it
                forgets them after two minutes.
        """
        left = count

        async def lane() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                call = queued_call(f"filled-{left}-{time.time_ns()}", function)
                headers = call.nats_headers()
                if of_the_past:
                    del headers[DEDUPE_HEADER]
                await self.publisher.publish(QUEUE, call.body, headers)

        await asyncio.gather(*(lane() for _ in range(_FILLING)))

    async def drain_rate(self, *, patience: float = 60.0) -> float:
        """Return how many queued calls were worked off a second, until none was left."""
        seen: list[tuple[float, int]] = []
        async with asyncio.timeout(patience):
            while left := await self.queued():
                seen.append((time.perf_counter(), left))
                await asyncio.sleep(0.02)
        (begin, most), (end, least) = seen[0], seen[-1]
        if most == least:
            raise BenchmarkError("the queue was worked off before its rate was known", seen=f"{most} calls")
        return (most - least) / (end - begin)

    async def empty(self, *, patience: float = 30.0) -> None:
        """Wait until nothing is queued or in flight."""

        async def nothing_queued() -> bool:
            return await self.queued() == 0

        await until(nothing_queued, "an empty queue", patience)

    async def restored(self) -> None:
        """Wait until nats-server, which was restarted, answers here and to the gateway."""

        async def answers() -> bool:
            try:
                await self.js.stream_info(_STREAM)
                await self.call(self.url("nobody", asynchronous=True), expect=202)
            except (NatsError, TimeoutError, BenchmarkError):
                return False
            return True

        await until(answers, "nats-server back", 60.0)

    async def close(self) -> None:
        """Let go of the connections."""
        self.http.close()
        await self._nats.close()


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Stack]:
    """Start a lab on any ports in a folder of its own; end it, and remove the folder."""
    with scratch() as folder:
        lab = await AsyncLab.start(
            Settings(workspace=str(folder), gateway_port=0, inspector_port=0, **settings), attach=False
        )
        try:
            nats = Client()
            await nats.connect(lab.state.nats_url, token=lab.state.nats_token, error_cb=_quiet)
            publisher = Publisher(nats)
            await publisher.start()
            stack = Stack(lab, nats, publisher)
            try:
                yield stack
            finally:
                await stack.close()
        finally:
            await lab.stop()


async def _quiet(_: Exception) -> None:
    """A lost connection is reported by what is asked over it."""


async def until(
    check: Callable[[], Awaitable[bool]], expected: str, patience: float = _PATIENCE_SECONDS
) -> None:
    """Look again and again.

    Raises:
        BenchmarkError: It did not come true in time.
    """
    deadline = time.monotonic() + patience
    while not await check():
        if time.monotonic() > deadline:
            raise BenchmarkError(expected=f"{expected} within {patience:g} s")
        await asyncio.sleep(_LOOK_SECONDS)
