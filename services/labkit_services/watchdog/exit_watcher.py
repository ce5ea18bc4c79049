"""Reaps child processes when they exit, without polling."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Protocol

OnExit = Callable[[int], None]
"""Receives the wait status, as ``os.waitpid`` returns it."""


class ExitWatcher(Protocol):
    """Reaps children as they exit."""

    def watch(self, pid: int, on_exit: OnExit) -> None:
        """Reap ``pid`` when it exits, and call ``on_exit`` from the loop.

        Until that call the pid belongs to this child, so it can be signalled
        safely. After an OSError the child is not watched: the caller has to
        reap it.
        """

    def close(self) -> None:
        """Release the watcher's own resources, once no child is left."""


class PidfdExitWatcher:
    """Linux: each child has a descriptor that is readable after its exit."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            # Inherited from our parent: the kernel would reap our children
            # itself, and lose their exit status.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def watch(self, pid: int, on_exit: OnExit) -> None:
        """See ``ExitWatcher``."""
        descriptor = os.pidfd_open(pid)
        self._loop.add_reader(descriptor, self._reap, descriptor, pid, on_exit)

    def _reap(self, descriptor: int, pid: int, on_exit: OnExit) -> None:
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)  # it has exited, so this does not block
        on_exit(status)

    def close(self) -> None:
        """See ``ExitWatcher``."""


class SigchldExitWatcher:
    """Any Unix: on SIGCHLD, check each child.

    Signals of the same kind merge, so one may stand for many. uvloop keeps
    SIGCHLD from ``loop.add_signal_handler``; a plain handler that writes to a
    pipe of our own works with every loop, but only in the main thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched: dict[int, OnExit] = {}
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        loop.add_reader(self._wake_read, self._reap)
        self._previous_handler = signal.signal(signal.SIGCHLD, self._on_signal)
        # Don't let system calls fail with EINTR because a child has exited.
        signal.siginterrupt(signal.SIGCHLD, False)

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        try:
            os.write(self._wake_write, b"\0")
        except BlockingIOError:
            return  # full of wake-ups: one is enough

    def watch(self, pid: int, on_exit: OnExit) -> None:
        """See ``ExitWatcher``."""
        # A child that has already exited is not missed: its wake-up is read in
        # a later turn of the loop.
        self._watched[pid] = on_exit

    def _reap(self) -> None:
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            return
        for pid, on_exit in list(self._watched.items()):
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                del self._watched[pid]
                on_exit(status)

    def close(self) -> None:
        """See ``ExitWatcher``."""
        signal.signal(signal.SIGCHLD, self._previous_handler)
        self._loop.remove_reader(self._wake_read)
        os.close(self._wake_read)
        os.close(self._wake_write)


def best_exit_watcher(loop: asyncio.AbstractEventLoop) -> ExitWatcher:
    """Return a watcher that uses pidfds if the system has them, else SIGCHLD.

    Tested by a call: an old kernel or a sandbox may lack what Python offers.
    """
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return SigchldExitWatcher(loop)
    return PidfdExitWatcher(loop)
