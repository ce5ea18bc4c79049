"""The lab's fork server: its process, and the socket for requests to it.

It is started before everything else, so this module does not import asyncio:
that alone would delay it by 0.1 s.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import Self

SETTING = "LABKIT_FORK_SERVER"
"""Set to 0: every service and every watchdog is spawned instead of forked."""


_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "131072"}
"""glibc's own default, but fixed: else it keeps blocks of a megabyte for ever
once one was freed, 2 to 3 MB in gateway and inspector (mallopt(3))."""


class ForkServerProcess:
    """A fork server that is running, or has ended and can be started again.

    Attributes:
        control: The clients' end of its socket. Requests wait there while the
            fork server starts, for the first time or again; after ``abandon``
            they fail at once.
        lifeline: The write end of its standard input.
        output: The read end of its standard output.
    """

    def __init__(self) -> None:
        self.control, self._served = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.start()

    @classmethod
    def start_if_supported(cls) -> Self | None:
        """Start one, unless the system lacks pidfds or it is switched off."""
        if os.environ.get(SETTING) == "0":
            return None
        try:
            os.close(os.pidfd_open(os.getpid()))  # Linux only, from 5.3
        except (AttributeError, OSError):
            return None
        try:
            return cls()
        except OSError:
            return None  # no more processes, or files: the first service's start will say so

    def start(self) -> None:
        """Start the process, as leader of a process group."""
        source, self.lifeline = os.pipe()
        self.output, sink = os.pipe()
        number = self._served.fileno()
        self.started_ns = time.time_ns()
        child = subprocess.Popen(  # noqa: S603 - our own module
            # As python_command, which would be one more import.
            [sys.executable, "-X", "utf8", "-P", "-m", "labkit_services.fork_server", str(number)],
            stdin=source,
            stdout=sink,
            env={**_MEMORY, **os.environ},
            pass_fds=(number,),
            process_group=0,
        )
        child.returncode = 0  # Popen must not wait for it: ChildProcesses does
        os.close(source)
        os.close(sink)
        self.pid = child.pid

    def abandon(self) -> None:
        """Make every request fail, including those that are waiting."""
        self._served.close()
