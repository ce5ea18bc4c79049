"""Work for the main thread while it waits for the lab.

What a handler prints, and a debugger's prompt, belong to the cell that is
waiting: so the handler runs in that cell's thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

Job = Callable[[], None]
"""Raises nothing but KeyboardInterrupt."""

_TICK_SECONDS = 0.01


class WaitingThread:
    """Takes jobs for the main thread, only while that waits."""

    def __init__(self) -> None:
        self.users = 0
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._is_waiting = False

    def applies(self) -> bool:
        """Tell whether this thread takes jobs while it waits."""
        return self.users > 0 and threading.current_thread() is threading.main_thread()

    def offer(self, job: Job) -> bool:
        """Have the main thread do a job soon; return whether it will."""
        with self._lock:
            if self._is_waiting:
                self._jobs.append(job)
            return self._is_waiting

    def wait(self, ended: threading.Event, timeout: float, meanwhile: Callable[[], None]) -> bool:
        """Wait for an event, and do jobs meanwhile; return whether it is set.

        ``meanwhile`` is called every now and then. The wait may become longer
        by a job, such as a debugger's session.
        """
        deadline = time.monotonic() + timeout
        try:
            self._accept(True)
            while True:
                is_over = ended.wait(_TICK_SECONDS) or time.monotonic() > deadline
                while (job := self._next()) is not None:
                    job()
                meanwhile()
                if is_over:
                    return ended.is_set()
        finally:
            for job in self._accept(False):
                threading.Thread(target=job, name="labkit-handler", daemon=True).start()

    def _accept(self, is_waiting: bool) -> list[Job]:
        """Begin or end to take jobs; return those that were not begun."""
        with self._lock:
            self._is_waiting = is_waiting
            left = [] if is_waiting else list(self._jobs)
            if left:
                self._jobs.clear()
            return left

    def _next(self) -> Job | None:
        """Return the next job, None if there is none.

        While it runs, others go elsewhere: one may be a call that it waits
        for.
        """
        with self._lock:
            self._is_waiting = not self._jobs
            return self._jobs.popleft() if self._jobs else None


WAITING_THREAD = WaitingThread()
