"""The lab under test: real processes, default settings, in a scratch folder.

Every check raises ``BenchmarkError`` when it does not hold.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

from benchmarks import programs
from benchmarks.baselines import BODY, queued_call
from benchmarks.figures import BenchmarkError
from labkit.lab.async_lab import AsyncLab
from labkit.supervisor.settings import Settings
from labkit_services.contract.headers import CALL_ID
from labkit_services.contract.names import DEFAULT_QUEUE, EVENT_STREAM
from labkit_services.contract.queued_call import DEDUPE_HEADER
from labkit_services.contract.queues import queue_stream, worker_control_subject
from labkit_services.http import Headers, HttpClient
from labkit_services.jetstream.publisher import Publisher

QUEUE = DEFAULT_QUEUE
"""Subject of the queue under test."""

_STREAM = queue_stream(QUEUE)
_LANES = 512
"""Messages published concurrently while a queue is filled."""
_POLL_SECONDS = 0.002
_TIMEOUT_SECONDS = 10.0


class Stack:
    """A running lab, and what a benchmark asks of it beside calls.

    It does not follow the event log, as a notebook's handle would: that work
    belongs to no path. ``publisher`` bypasses the gateway.
    """

    def __init__(self, lab: AsyncLab, nats: Client, publisher: Publisher) -> None:
        self.lab = lab
        self.publisher = publisher
        self.http = HttpClient()
        self._nats = nats
        self._js = nats.jetstream()
        credentials = base64.b64encode(f"{lab.state.user}:{lab.state.password}".encode()).decode()
        self._auth = [("Authorization", f"Basic {credentials}"), ("Content-Type", "application/json")]

    @property
    def supervisor(self) -> int:
        """Process id of the supervisor."""
        return self.lab.state.pid

    @property
    def nats_environment(self) -> dict[str, str]:
        """Environment by which a baseline reaches the same nats-server."""
        return {"NATS_URL": self.lab.state.nats_url, "NATS_TOKEN": self.lab.state.nats_token}

    def url(self, function: str, *, asynchronous: bool = False) -> str:
        """Return the URL at which a function is called."""
        return f"{self.lab.state.gateway_url}/{'async-' if asynchronous else ''}function/{function}"

    async def request(
        self, method: str, url: str, headers: Any = (), body: bytes = b"", *, expect: tuple[int, ...] = (200,)
    ) -> tuple[Headers, bytes]:
        """Send a request; return the response's headers and body."""
        response = await self.http.request(method, url, headers, body)
        content = await response.read()
        if response.status not in expect:
            raise BenchmarkError(
                f"{method} {url} failed",
                expected=" or ".join(map(str, expect)),
                seen=f"{response.status} {content[:200]!r}",
            )
        return response.headers, content

    async def call(self, url: str, *, expect: int = 200) -> None:
        """POST ``hello`` and wait for the response."""
        await self.request("POST", url, [("Content-Type", "text/plain")], BODY, expect=(expect,))

    async def accept(self, function: str) -> str:
        """Queue a call through the gateway; return its id."""
        url = self.url(function, asynchronous=True)
        headers, _ = await self.request("POST", url, body=BODY, expect=(202,))
        return headers.get(CALL_ID)

    async def wait_known(self, call_id: str, timeout: float = 0.0) -> None:
        """Request the status of a call until the gateway knows the call."""

        async def is_known() -> bool:
            url = f"{self.lab.state.gateway_url}/async-function/{call_id}"
            response = await self.http.request("GET", url)
            await response.read()
            return response.status == 200

        await until(is_known, f"call {call_id} to be known", timeout)

    async def _system(self, method: str, path: str, body: bytes = b"") -> Any:
        url = self.lab.state.gateway_url + path
        _, content = await self.request(method, url, self._auth, body, expect=(200, 202))
        return json.loads(content) if content else None

    async def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time that each part of the lab has used so far."""
        services = {service.pid: service.name for service in (await self.lab.status()).services}
        return programs.cpu_seconds(self.supervisor, {**services, self.supervisor: "supervisor"})

    async def total_cpu_seconds(self) -> float:
        """Return the CPU time that the whole lab has used so far."""
        return sum((await self.cpu_seconds()).values())

    # -- functions

    async def deploy(self, name: str, fprocess: str, *, max_replicas: int = 1) -> None:
        """Deploy a function and wait until it is available."""
        labels = {"com.openfaas.scale.max": str(max_replicas)}
        await self.lab.deploy(name, fprocess=fprocess, labels=labels)
        await self._wait_available(name, 1)

    async def scale(self, function: str, replicas: int) -> float:
        """Change the number of replicas; return how long it took in ms."""
        begin = time.perf_counter()
        await self._system("POST", f"/system/scale-function/{function}", b'{"replicas": %d}' % replicas)
        await self._wait_available(function, replicas)
        return (time.perf_counter() - begin) * 1e3

    async def _wait_available(self, function: str, replicas: int) -> None:
        async def is_available() -> bool:
            status = await self._system("GET", f"/system/function/{function}")
            return bool(status["availableReplicas"] == replicas)

        await until(is_available, f"{replicas} available replicas of {function}")

    async def succeeded(self, function: str) -> int:
        """Return how many calls of a function have ended with status 200."""
        _, text = await self.request("GET", f"{self.lab.state.gateway_url}/metrics")
        count = re.search(
            rf'gateway_function_invocation_total{{code="200",function_name="{function}\.[^"]*"}} ([\d.e+]+)',
            text.decode(),
        )
        return int(float(count[1])) if count else 0

    async def expect_succeeded(self, function: str, count: int) -> None:
        """Check that at least ``count`` calls have ended with status 200."""
        _expect("succeeded calls", await self.succeeded(function), count)

    # -- the queue

    async def set_max_inflight(self, count: int) -> None:
        """Set the running worker's ``max_inflight``."""
        request = json.dumps({"max_inflight": count}).encode()
        reply = await self._nats.request(worker_control_subject(QUEUE), request, timeout=5)
        if json.loads(reply.data).get("max_inflight") != count:
            raise BenchmarkError(expected=f"max_inflight {count}", seen=reply.data.decode())

    async def queued(self) -> int:
        """Return the number of queued calls, including those in flight."""
        return int((await self._js.stream_info(_STREAM)).state.messages)

    async def expect_queued(self, count: int) -> None:
        """Check that the queue holds all ``count`` acknowledged calls."""
        _expect("acknowledged calls on the queue", await self.queued(), count)

    async def queue_bytes(self) -> int:
        """Return the size of the queue's stream."""
        return int((await self._js.stream_info(_STREAM)).state.bytes)

    async def event_bytes(self) -> int:
        """Return the size of the event log's stream."""
        return int((await self._js.stream_info(EVENT_STREAM)).state.bytes)

    async def purge(self) -> None:
        """Empty queue and event log, so that the disk does not fill."""
        await self._js.purge_stream(_STREAM)
        await self._js.purge_stream(EVENT_STREAM)

    async def fill(self, count: int, function: str, *, deduplicated: bool = True) -> None:
        """Publish calls to the queue, without the gateway.

        Args:
            count: How many.
            function: The function that they call.
            deduplicated: With ids that JetStream remembers for two minutes.
        """
        left = count

        async def lane() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                call = queued_call(f"filled-{left}-{time.time_ns()}", function)
                headers = call.nats_headers()
                if not deduplicated:
                    del headers[DEDUPE_HEADER]
                await self.publisher.publish(QUEUE, call.body, headers)

        await asyncio.gather(*(lane() for _ in range(_LANES)))

    async def drain_rate(self, *, timeout: float = 60.0) -> float:
        """Wait until the queue is empty; return calls drained per second."""
        seen: list[tuple[float, int]] = []
        async with asyncio.timeout(timeout):
            while left := await self.queued():
                seen.append((time.perf_counter(), left))
                await asyncio.sleep(0.02)
        (begin, most), (end, least) = seen[0], seen[-1]
        if most == least:
            raise BenchmarkError("the queue drained too fast to measure", seen=f"{most} calls")
        return (most - least) / (end - begin)

    async def wait_empty(self, timeout: float = 30.0, *, pause: float = _POLL_SECONDS) -> None:
        """Wait until nothing is queued or in flight.

        ``pause`` is the time between two requests: asking often takes a core.
        """

        async def is_empty() -> bool:
            return await self.queued() == 0

        await until(is_empty, "an empty queue", timeout, pause=pause)

    async def wait_restored(self) -> None:
        """Wait until a restarted nats-server answers, also the gateway."""

        async def answers() -> bool:
            try:
                await self._js.stream_info(_STREAM)
                await self.call(self.url("nobody", asynchronous=True), expect=202)
            except (NatsError, TimeoutError, BenchmarkError):
                return False
            return True

        await until(answers, "nats-server to be back", 60.0)

    async def close(self) -> None:
        """Close the connections."""
        self.http.close()
        await self._nats.close()


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Stack]:
    """Start a lab on any ports in a scratch folder; stop it at the end."""
    with programs.scratch_folder() as folder:
        chosen = Settings(workspace=folder, gateway_port=0, inspector_port=0, **settings)
        lab = await AsyncLab.start(chosen, attach=False)
        try:
            nats = Client()
            await nats.connect(lab.state.nats_url, token=lab.state.nats_token, error_cb=_ignore)
            publisher = Publisher(nats)
            await publisher.start()
            stack = Stack(lab, nats, publisher)
            try:
                yield stack
            finally:
                await stack.close()
        finally:
            await lab.stop()


def _expect(what: str, found: int, count: int) -> None:
    if found < count:
        raise BenchmarkError(expected=f"{count} or more {what}", seen=str(found))


async def _ignore(_: Exception) -> None:
    """A lost connection is reported by the request that needs it."""


async def until(
    check: Callable[[], Awaitable[bool]],
    expected: str,
    timeout: float = _TIMEOUT_SECONDS,
    *,
    pause: float = _POLL_SECONDS,
) -> None:
    """Poll until ``check`` is true."""
    deadline = time.monotonic() + timeout
    while not await check():
        if time.monotonic() > deadline:
            raise BenchmarkError(expected=f"{expected} within {timeout:g} s")
        await asyncio.sleep(pause)
