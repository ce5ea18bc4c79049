"""From a fork to what ``python -P -m MODULE`` would be.

As in a spawned process are: descriptors, environment, working directory, process group, arguments, and the
command line that ``ps`` shows. The short name beside it is the service's; a spawned one is called ``python``.
Nothing had to be done about signals, because the fork server handles and masks none; about ``random``,
which seeds itself anew after a fork; about event loops and threads, because the fork server has none.

Not as there: ``/proc/PID/environ`` shows the fork server's environment, which is the supervisor's own and
holds no secret of the lab. The memory map and Python's hash seed are the fork server's, too.
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

from labkit_services.fork_server.server import Birth, answer

_ARGUMENTS_AT, _ARGUMENTS_TO = 45, 46
"""In ``/proc/PID/stat``, counted from the field behind the name: where the command line is in memory."""


def be(birth: Birth) -> None:
    """Be the process that was asked for, to its end."""
    request = birth.request
    with birth.reply as reply:
        try:
            os.setpgid(0, 0)
            os.chdir(request.folder)
        except OSError as error:
            answer(reply, {"error": [error.errno, error.strerror, error.filename]})
            return
        if not answer(reply, {"pid": os.getpid()}):
            return  # it has lost patience, and spawned a process
    _place(birth.descriptors, request.numbers)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    gc.enable()
    module = import_module(f"{request.module}.__main__")
    sys.argv[:] = [module.__file__ or ""]
    _show_as([sys.orig_argv[0], "-P", "-m", request.module])
    module.start()


def _place(descriptors: Sequence[int], numbers: Sequence[int]) -> None:
    """Give each descriptor its number."""
    # First out of the way of all numbers, so that none is overwritten before it was moved.
    above = max(numbers) + 1
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, above) for descriptor in descriptors]
    for descriptor in descriptors:
        os.close(descriptor)
    for descriptor, number in zip(moved, numbers, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _show_as(arguments: Sequence[str]) -> None:
    """Have ``ps`` show these arguments, and the module's last word as the name; for the eye only."""
    with suppress(OSError):  # a system that has no such files, or lets nobody write to them
        name = arguments[-1].rpartition(".")[2]
        Path("/proc/self/comm").write_text(name)
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        begin, end = int(fields[_ARGUMENTS_AT]), int(fields[_ARGUMENTS_TO])
        text = b"".join(os.fsencode(argument) + b"\0" for argument in arguments)
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(begin)
            memory.write(text.ljust(end - begin, b"\0")[: end - begin])
