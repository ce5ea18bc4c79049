"""The supervisor's guard: ends what a killed supervisor leaves behind.

The supervisor forks in its first moment. The child is the supervisor; the
parent, which has imported next to nothing, is its guard. As a subreaper
(``prctl``) it becomes the parent of whatever the supervisor's end orphans:
also of a process that has left its group and session (``setsid``), has cleared
its environment, or has just been started and does not watch its lifeline yet.
Linux only: elsewhere nothing leads from the supervisor to its descendants once
the processes between them have ended.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
import time
from contextlib import suppress

from labkit.supervisor.linux_processes import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    children_of,
    load_prctl,
)

_STUCK_SECONDS = 3.0
"""How long the supervisor may live on without its lifeline, if functions are
processes."""
_SWEEP_SECONDS = 10.0
_PAUSE_SECONDS = 0.005


def fork_under_guard() -> int:
    """Return in a child process; this one guards it, and ends after it.

    The guard ends with the child's exit code, and passes SIGTERM on. It kills
    a child that does not end with its lifeline.

    Returns:
        The guard's process id; 0 if there is none.
    """
    guard = os.getpid()
    if not sys.platform.startswith("linux"):
        return 0
    try:
        child = os.fork()
    except OSError:
        return 0  # no more processes: the first service's start will say so
    if child:
        os._exit(_guard(child))
    os.setsid()
    return guard


def end_with(guard: int) -> None:
    """Have SIGTERM sent to this process if its guard ends."""
    if guard and (prctl := load_prctl()):
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != guard:  # it ended before the line above took effect
            os.kill(os.getpid(), signal.SIGTERM)


def _guard(child: int) -> int:
    # Signals arrive as bytes on a pipe, as in parent_death_wrapper.py.
    woken, wake = os.pipe()
    for descriptor in (woken, wake):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda _signal, _frame: None)
    if prctl := load_prctl():
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    code = _wait(child, woken)
    _sweep()
    return code


def _wait(child: int, woken: int) -> int:
    """Wait for the child's end; return its exit code as a shell would."""
    lifeline = not stat.S_ISCHR(os.fstat(0).st_mode)  # else it is /dev/null
    nothing = os.open(os.devnull, os.O_RDWR)
    # The launcher sees the end of the output when the supervisor ends.
    for number in (1, 2) if lifeline else (0, 1, 2):
        os.dup2(nothing, number)
    watched = [0, woken] if lifeline else [woken]
    kill_at = float("inf")
    while True:
        # First: it may have ended before the signal handlers were there.
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        timeout = max(0.0, kill_at - time.monotonic()) if kill_at < float("inf") else None
        readable, _, _ = select.select(watched, [], [], timeout)
        if time.monotonic() >= kill_at:
            os.kill(child, signal.SIGKILL)
            kill_at = float("inf")
        if 0 in readable:  # the supervisor reads nothing else from it, either
            watched = [woken]
            kill_at = time.monotonic() + _STUCK_SECONDS + _end_seconds()
        if woken in readable and signal.SIGTERM in os.read(woken, 4096):
            os.kill(child, signal.SIGTERM)


def _end_seconds() -> float:
    """Return how much longer containers take, by the supervisor's settings."""
    import json  # not at the top: the guard imports next to nothing

    from labkit_services.contract.function_providers import end_seconds

    try:
        return end_seconds(json.loads(sys.argv[1])["functions"])
    except (IndexError, KeyError, ValueError):
        return 0.0


def _sweep() -> None:
    """Kill every process that is left below this one."""
    deadline = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < deadline:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        if not (children := children_of(os.getpid())):
            return
        for pid in children:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)
