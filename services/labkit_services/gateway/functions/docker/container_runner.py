"""Runs a replica's watchdog in a container."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import NotFound

from labkit_services.docker_engine.connection import DockerEngineError
from labkit_services.docker_engine.labels import remove_container
from labkit_services.gateway.functions.docker.container_output import ContainerOutput
from labkit_services.gateway.functions.docker.container_settings import PORT
from labkit_services.gateway.functions.docker.container_usage import usage_of
from labkit_services.gateway.functions.docker.engine import Engine
from labkit_services.gateway.functions.replica import ReplicaUsage, WatchdogReports
from labkit_services.http import HttpClient, Origin, UpstreamError

_PROBE_SECONDS = 1.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.5
_HEALTH = "/_/health"
_CHUNK_BYTES = 64 * 1024
_ATTACH = {"stdout": 1, "stderr": 1, "stream": 1}

Prepare = Callable[["ContainerRunner", Callable[[str], None]], Awaitable[dict[str, Any]]]
"""Makes ready what a container needs, and returns its settings; progress is
passed on as lines."""


class ContainerRunner:
    """A ``WatchdogRunner``.

    Attributes:
        name: The replica's, also the container's host name.
        scratch: The replica's folder on this machine.
        container: The container's id, while there is one.
        is_ending: It was asked to end.
    """

    def __init__(self, name: str, scratch: Path, engine: Engine, probe: HttpClient, prepare: Prepare) -> None:
        self.name = name
        self.scratch = scratch
        self.container = ""
        self._engine = engine
        self._probe = probe
        self._prepare = prepare
        self.is_ending = False
        self._output_ended = asyncio.Event()

    async def run(self, reports: WatchdogReports) -> str:
        """Create the container and return when it has been removed."""
        try:
            settings = await self._prepare(self, reports.log)
            if self.is_ending:
                return "it was stopped before it started"
            self.container = await self._engine.call(partial(_create, settings=settings))
            try:
                return await self._follow(reports)
            finally:
                await self._remove()
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    async def _follow(self, reports: WatchdogReports) -> str:
        # Before it starts, so that no line is missed.
        stream = await self._engine.call(partial(_attach, container=self.container))
        output = ContainerOutput(reports)
        try:
            self._read(stream.fileno(), output)
            port = await self._engine.call(partial(_start, container=self.container))
            reports.started(self.name)
            await self._wait_until_healthy(Origin("127.0.0.1", port), reports)
            await self._output_ended.wait()
        finally:
            asyncio.get_running_loop().remove_reader(stream.fileno())
            stream.close()
            output.end()
        return await self._engine.call(partial(_end_of, container=self.container))

    def _read(self, descriptor: int, output: ContainerOutput) -> None:
        loop = asyncio.get_running_loop()

        def on_readable() -> None:
            try:
                data = os.read(descriptor, _CHUNK_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data:
                output.feed(data)
            else:
                loop.remove_reader(descriptor)
                self._output_ended.set()

        os.set_blocking(descriptor, False)
        loop.add_reader(descriptor, on_readable)

    async def _wait_until_healthy(self, origin: Origin, reports: WatchdogReports) -> None:
        """Ask the watchdog for its health until it is healthy or has ended."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._output_ended.is_set():
            with suppress(TimeoutError, UpstreamError):
                async with asyncio.timeout(_PROBE_SECONDS):
                    response = await self._probe.send(origin, "GET", _HEALTH)
                    await response.read()
                if response.status == 200:
                    reports.ready(origin)
                    return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._output_ended.wait(), pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def terminate(self) -> None:
        """Send SIGTERM to the watchdog."""
        await self._signal("SIGTERM")

    async def kill(self) -> None:
        """Send SIGKILL to all of the container's processes."""
        await self._signal("SIGKILL")

    async def usage(self) -> ReplicaUsage:
        """Return what the engine has measured."""
        if not self.container:
            return ReplicaUsage()
        with suppress(DockerEngineError):
            return await self._engine.call(partial(usage_of, container=self.container))
        return ReplicaUsage()

    async def _signal(self, name: str) -> None:
        self.is_ending = True
        if self.container:
            # It has ended already, or is removed once the engine answers.
            with suppress(DockerEngineError):
                await self._engine.call(lambda client: client.api.kill(self.container, name))

    async def _remove(self) -> None:
        container, self.container = self.container, ""
        # Without an engine it stays; it is removed once the engine is back.
        with suppress(DockerEngineError):
            await self._engine.call(partial(remove_container, container=container))


def _create(client: DockerClient, settings: dict[str, Any]) -> str:
    return str(client.containers.create(**settings).id)


def _attach(client: DockerClient, container: str) -> Any:
    return client.api.attach_socket(container, params=_ATTACH)


def _start(client: DockerClient, container: str) -> int:
    """Start a container; return the port on which its watchdog is reached."""
    client.api.start(container)
    ports = client.api.inspect_container(container)["NetworkSettings"]["Ports"].get(PORT)
    return int(ports[0]["HostPort"]) if ports else 0


def _end_of(client: DockerClient, container: str) -> str:
    """Return how a container ended."""
    try:
        state = client.api.inspect_container(container)["State"]
    except NotFound:
        return "its container was removed"
    if state["Running"]:
        return "the engine lost its output"
    why = ", out of memory" if state["OOMKilled"] else ""
    error = f", {state['Error']}" if state["Error"] else ""
    return f"it ended with exit code {state['ExitCode']}{why}{error}"
