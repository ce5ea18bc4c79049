"""Makes a forked process what ``python -P -m MODULE`` would be.

It gets the descriptors, environment, working directory, process group,
arguments and (for ``ps``) command line of a spawned process. Signals need no
work, because the fork server handles and masks none; nor does ``random``,
which seeds itself after a fork; nor do event loops and threads, because the
fork server has none.

Three things differ. The short name in ``ps`` is the service's, that of a
spawned process ``python``. ``/proc/PID/environ`` shows the fork server's
environment, which is the supervisor's own and contains no secret of the lab.
The memory map and Python's hash seed are the fork server's.
"""

from __future__ import annotations

import fcntl
import gc
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from labkit_services.fork_server.server import ChildSetup, send_reply

_ARGUMENTS_START, _ARGUMENTS_END = 45, 46
"""Fields of ``/proc/PID/stat`` with the command line's addresses, counted from
the one after the name."""


def run_child(setup: ChildSetup) -> None:
    """Run the requested process, to its end."""
    request = setup.request
    with setup.reply as reply:
        try:
            os.setpgid(0, 0)
            os.chdir(request.folder)
        except OSError as error:
            send_reply(reply, {"error": [error.errno, error.strerror, error.filename]})
            return
        if not send_reply(reply, {"pid": os.getpid()}):
            return  # the requester has timed out, and spawned a process
    _renumber(setup.descriptors, request.numbers)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    gc.enable()
    module = import_module(f"{request.module}.__main__")
    sys.argv[:] = [module.__file__ or "", *request.arguments]
    _show_command_line([sys.orig_argv[0], "-P", "-m", request.module, *request.arguments], request.module)
    module.start()


def _renumber(descriptors: Sequence[int], numbers: Sequence[int]) -> None:
    # Move all above the numbers first, so that none is overwritten before it
    # was moved.
    above = max(numbers) + 1
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, above) for descriptor in descriptors]
    for descriptor in descriptors:
        os.close(descriptor)
    for descriptor, number in zip(moved, numbers, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _show_command_line(arguments: Sequence[str], module: str) -> None:
    """Make ``ps`` show these arguments and the module's name, if possible."""
    with suppress(OSError):  # it has no such files, or they are read-only
        Path("/proc/self/comm").write_text(module.rpartition(".")[2])
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        begin, end = int(fields[_ARGUMENTS_START]), int(fields[_ARGUMENTS_END])
        text = b"".join(os.fsencode(argument) + b"\0" for argument in arguments)
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(begin)
            memory.write(text.ljust(end - begin, b"\0")[: end - begin])
