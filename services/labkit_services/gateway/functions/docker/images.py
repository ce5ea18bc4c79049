"""The images of functions: found in the engine, or pulled by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from docker import DockerClient
from docker.errors import ImageNotFound
from docker.utils import parse_repository_tag

from labkit_services.contract.errors import LabError
from labkit_services.docker_engine.connection import DockerEngineError, NoDockerEngineError
from labkit_services.docker_engine.progress import PullProgress
from labkit_services.gateway.functions.docker.engine import Engine
from labkit_services.runtime.background_tasks import BackgroundTasks

_LINE_SECONDS = 1.0
_PULL_SECONDS = 15 * 60.0


class ImagePullError(LabError):
    """The image could not be pulled."""


class Images:
    """Pulls each missing image once, however many functions wait for it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pulls: dict[str, asyncio.Task[None]] = {}
        self._lines: dict[str, str] = {}
        self._tasks = BackgroundTasks(lambda _, __: None)  # whoever waits gets the error

    async def ensure(self, ref: str, on_line: Callable[[str], None]) -> None:
        """Return once the engine has an image; pull it if necessary.

        Progress is passed to ``on_line``, a line a second. Raises
        ImagePullError, or DockerEngineError.
        """
        if await self._engine.call(partial(_has_image, ref=ref)):
            return
        if ref not in self._pulls:
            pull = self._tasks.start(self._pull(ref), name=f"pull {ref}")
            self._pulls[ref] = pull
            pull.add_done_callback(lambda _: self._pulls.pop(ref, None))
        pull, shown = self._pulls[ref], ""
        while not pull.done():
            await asyncio.wait({pull}, timeout=_LINE_SECONDS)
            if (line := self._lines.get(ref, "")) and line != shown:
                shown = line
                on_line(line)
        pull.result()

    async def _pull(self, ref: str) -> None:
        self._lines.pop(ref, None)
        try:
            await self._engine.call(partial(self._pull_now, ref=ref))
        except NoDockerEngineError:
            raise
        except DockerEngineError as error:
            raise _pull_error(ref, error.headline.removeprefix("Docker: ")) from error

    def _pull_now(self, client: DockerClient, ref: str) -> None:
        name, tag = parse_repository_tag(ref)
        progress, deadline = PullProgress(ref), time.monotonic() + _PULL_SECONDS
        for event in client.api.pull(name, tag=tag or "latest", stream=True, decode=True):
            progress.add(event)
            self._lines[ref] = progress.line()
            if progress.error or time.monotonic() > deadline:
                raise _pull_error(ref, progress.error or f"not complete within {_PULL_SECONDS / 60:g} min")

    async def close(self) -> None:
        """Stop waiting for pulls."""
        await self._tasks.cancel()


def _has_image(client: DockerClient, ref: str) -> bool:
    try:
        client.images.get(ref)
    except ImageNotFound:
        return False
    return True


def _pull_error(ref: str, seen: str) -> ImagePullError:
    todo = "build it first (faas-cli build), or check its name and the network"
    return ImagePullError(f"unable to pull image: {ref}: {seen.strip()}; {todo}")
