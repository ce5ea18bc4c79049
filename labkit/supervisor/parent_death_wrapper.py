"""Runs a command that cannot watch a lifeline, and ends it with the lifeline.

``parent_death_wrapper.py GRACE COMMAND…`` is run as a file, by path: it needs
only a few modules of the standard library and starts in 20 ms. It forwards
SIGTERM. When its standard input ends, it sends the command SIGTERM and, GRACE
seconds later, SIGKILL. Linux has this in the kernel (``prctl``); macOS does
not.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

_NOT_STARTED = 127
"""Exit code for a command that cannot be run, as in a shell."""


def run(grace: float, command: list[str]) -> int:
    """Run ``command`` to its end; return its exit code as a shell would."""
    # Signals arrive as bytes on a pipe, so that one select waits for
    # everything, and no signal is missed between a check and the wait.
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda _signal, _frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = os.posix_spawn(
            command[0],
            command,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
            # Python and this program ignore these: the command must start as
            # from a shell.
            setsigdef=[signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ],
        )
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return _NOT_STARTED

    watched = [0, woken]
    kill_at = float("inf")
    while True:
        timeout = max(0.0, kill_at - time.monotonic()) if kill_at < float("inf") else None
        readable, _, _ = select.select(watched, [], [], timeout)
        if time.monotonic() >= kill_at:
            os.kill(child, signal.SIGKILL)
            kill_at = float("inf")
        if 0 in readable and not os.read(0, 4096):
            watched = [woken]
            os.kill(child, signal.SIGTERM)
            kill_at = time.monotonic() + grace
        if woken in readable:
            if signal.SIGTERM in os.read(woken, 4096):
                os.kill(child, signal.SIGTERM)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(run(float(sys.argv[1]), sys.argv[2:]))
