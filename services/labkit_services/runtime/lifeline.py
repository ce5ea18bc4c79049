"""The lifeline: a pipe whose end tells a process that its parent has ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable


def watch_lifeline(loop: asyncio.AbstractEventLoop, descriptor: int, on_end: Callable[[], None]) -> None:
    """Call ``on_end`` once when the other end of the pipe is closed.

    The parent holds the write end and never writes. However the parent ends,
    kill -9 included, the kernel closes it. So no process outlives its parent.
    """

    def on_readable() -> None:
        try:
            if os.read(descriptor, 4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # a broken pipe counts as closed
        loop.remove_reader(descriptor)
        on_end()

    os.set_blocking(descriptor, False)
    loop.add_reader(descriptor, on_readable)
