"""The Docker engine for coroutines: its SDK blocks, so it runs in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from docker import DockerClient

from labkit_services.docker_engine.connection import NoDockerEngineError, connect, explained

_THREADS = 8
T = TypeVar("T")


class Engine:
    """Makes at most eight requests at a time; more of them wait."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")
        self._client: DockerClient | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the engine has answered, and was not lost since."""
        return self._client is not None

    async def call(self, request: Callable[[DockerClient], T]) -> T:
        """Make requests in a thread.

        Raises DockerEngineError; NoDockerEngineError if the engine does not
        answer. The next call connects again.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, request)

    def _call(self, request: Callable[[DockerClient], T]) -> T:
        try:
            if self._client is None:
                self._client = connect()
            with explained():
                return request(self._client)
        except NoDockerEngineError:
            self._client = None
            raise

    async def close(self, last: Callable[[DockerClient], object]) -> None:
        """Wait for running requests, and make the last ones."""
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self._call, last)
        if self._client is not None:
            self._client.close()
