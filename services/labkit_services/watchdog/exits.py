"""Learning that a child process has ended, without asking in a loop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Protocol

Ended = Callable[[int], None]
"""Takes the wait status, as ``os.waitpid`` gives it."""


class ExitWatcher(Protocol):
    """Reaps children as they end."""

    def watch(self, pid: int, ended: Ended) -> None:
        """Reap ``pid`` when it ends, and call ``ended`` once, from the loop.

        Until that call the pid belongs to this child, so it may be signalled.

        Raises:
            OSError: It can't be watched; it is still the caller's to reap.
        """

    def close(self) -> None:
        """Let go of what the watcher itself holds, once no child is left."""


class PidfdExits:
    """Linux: each child has a descriptor that becomes readable when it ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            # Inherited from whoever started us: the kernel would reap our
            # children itself, and forget how they ended.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def watch(self, pid: int, ended: Ended) -> None:
        """See ``ExitWatcher``."""
        descriptor = os.pidfd_open(pid)
        self._loop.add_reader(descriptor, self._reap, descriptor, pid, ended)

    def _reap(self, descriptor: int, pid: int, ended: Ended) -> None:
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)  # ended already: this does not wait
        ended(status)

    def close(self) -> None:
        """See ``ExitWatcher``."""


class SigchldExits:
    """Any Unix: on SIGCHLD, each child we have is asked whether it was the one.

    Signals of the same kind merge, so one may stand for many. uvloop keeps
    SIGCHLD from ``loop.add_signal_handler``; a plain handler that writes to a
    pipe of our own works with every loop, but only in the main thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._live: dict[int, Ended] = {}
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        loop.add_reader(self._woken, self._reap)
        self._before = signal.signal(signal.SIGCHLD, self._on_signal)
        # Let no system call fail with EINTR because a child has ended.
        signal.siginterrupt(signal.SIGCHLD, False)

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        try:
            os.write(self._wake, b"\0")
        except BlockingIOError:
            return  # full of wake-ups: one is enough

    def watch(self, pid: int, ended: Ended) -> None:
        """See ``ExitWatcher``."""
        # A child that has ended before this line was missed by no one: its
        # wake-up is read in a later turn of the loop.
        self._live[pid] = ended

    def _reap(self) -> None:
        try:
            os.read(self._woken, 4096)
        except BlockingIOError:
            return
        for pid, ended in list(self._live.items()):
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                del self._live[pid]
                ended(status)

    def close(self) -> None:
        """See ``ExitWatcher``."""
        signal.signal(signal.SIGCHLD, self._before)
        self._loop.remove_reader(self._woken)
        os.close(self._woken)
        os.close(self._wake)


def best_exit_watcher(loop: asyncio.AbstractEventLoop) -> ExitWatcher:
    """Return pidfds where the system has them, else SIGCHLD.

    Asked by trying: an old kernel or a sandbox may lack what Python offers.
    """
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return SigchldExits(loop)
    return PidfdExits(loop)
