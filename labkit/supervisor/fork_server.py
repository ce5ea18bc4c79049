"""Starting the lab's fork server, and the socket on which it is asked.

Before anything else, so without asyncio: importing that alone would hold it up by 0.1 s.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import Self

SETTING = "LABKIT_FORK_SERVER"
"""Set to 0: every service and every watchdog is spawned."""


class ForkServer:
    """A fork server that runs, or ran; it can be started again.

    Attributes:
        control: The askers' end of its socket. Requests wait in it while the fork server starts, for
            the first time or again; after ``give_up`` they fail at once.
        pid: Its process.
        lifeline: The writing end of its standard input.
        output: Where its standard output can be read.
        started_ns: When it was started, in Unix nanoseconds.
    """

    def __init__(self) -> None:
        self.control, self._served = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.start()

    @classmethod
    def where_possible(cls) -> Self | None:
        """Start a fork server; None on systems that can't have one, and where it is not wanted."""
        if os.environ.get(SETTING) == "0":
            return None
        try:
            os.close(os.pidfd_open(os.getpid()))  # Linux's, from 5.3
        except (AttributeError, OSError):
            return None
        return cls()

    def start(self) -> None:
        """Start its process, which leads a process group."""
        source, self.lifeline = os.pipe()
        self.output, sink = os.pipe()
        number = self._served.fileno()
        self.started_ns = time.time_ns()
        child = subprocess.Popen(  # noqa: S603 - our own module
            # -P: a learner's random.py in the workspace must not be imported for Python's.
            [sys.executable, "-P", "-m", "labkit_services.fork_server", str(number)],
            stdin=source,
            stdout=sink,
            pass_fds=(number,),
            process_group=0,
        )
        child.returncode = 0  # not Popen's to wait for
        os.close(source)
        os.close(sink)
        self.pid = child.pid

    def give_up(self) -> None:
        """Have every request fail from now on, also those that wait."""
        self._served.close()
