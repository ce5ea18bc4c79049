"""Run a coroutine with the workspace's running lab."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from labkit.lab.async_lab import AsyncLab
    from labkit.workspace import Workspace

T = TypeVar("T")


def with_lab(workspace: Workspace, work: Callable[[AsyncLab], Awaitable[T]]) -> T:
    """Attach to the workspace's lab, await ``work(lab)``, and close the handle.

    Raises:
        NoLabError: No lab runs.
    """
    from labkit.lab.async_lab import AsyncLab

    async def run() -> T:
        lab = await AsyncLab.attach(workspace)
        try:
            return await work(lab)
        finally:
            await lab.stop()  # This process did not start the lab, so it goes on running.

    return asyncio.run(run())
