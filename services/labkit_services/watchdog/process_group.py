"""The process group that the watchdog leads and its functions belong to.

One signal to the group ends all of them, and also what a function has started
in the background.
"""

from __future__ import annotations

import os
import signal


def lead_group() -> None:
    """Become the leader of a process group, unless we already are."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)


def kill_group() -> None:
    """Kill this process, the functions, and what they have started."""
    os.killpg(os.getpid(), signal.SIGKILL)  # by our own id: this can't be the parent's group


def kill_rest_of_group() -> None:
    """Kill all of the group but this process, which can then exit with 0.

    It moves into the parent's group first. That fails if it leads a session;
    then the session's creator has to clean up.
    """
    try:
        os.setpgid(0, os.getpgid(os.getppid()))
        os.killpg(os.getpid(), signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # no process is left, as it should be, or it is not possible
