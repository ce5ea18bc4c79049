"""Waiting for a child process on an event loop."""

from __future__ import annotations

import asyncio
import subprocess

_LOOK_SECONDS = 0.01


async def exited(process: subprocess.Popen[bytes], patience: float = float("inf")) -> bool:
    """Wait until ``process`` has ended; tell whether it did within ``patience`` seconds.

    It looks again and again: asyncio's own child watchers need the main
    thread, or a thread for each child.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while process.poll() is None:
        if loop.time() > deadline:
            return False
        await asyncio.sleep(_LOOK_SECONDS)
    return True
