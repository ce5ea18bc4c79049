"""The process group that the watchdog leads and its functions belong to.

One signal to the group ends all of them: what a function has started in the
background is reached as well.
"""

from __future__ import annotations

import os
import signal


def lead_group() -> None:
    """Become the leader of a process group of our own, if we aren't yet."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)


def kill_group() -> None:
    """Kill the functions, what they have started, and ourselves, at once."""
    os.killpg(os.getpid(), signal.SIGKILL)  # by our own id: can't be the parent's group


def kill_rest_of_group() -> None:
    """Kill what is left of the group but ourselves, so that we can end with 0.

    We move into the parent's group first. That fails if we lead a session;
    whoever made us do so has to clean up after it.
    """
    try:
        os.setpgid(0, os.getpgid(os.getppid()))
        os.killpg(os.getpid(), signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nobody left, as it should be, or not possible
