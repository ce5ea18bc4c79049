"""Run a work-alike, and end as a Go program does."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable

from labkit_services.contract.errors import LabError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of a file that takes no more output, such as ``/dev/full``."""


def exit_code(run: Callable[[], None], report: Callable[[str], None]) -> int:
    """Call ``run`` and return the exit code; ``report`` gets an error.

    The process dies of a signal: of an interrupt, and of SIGPIPE if nobody
    reads its output any more. A closed standard output or error is as good as
    ``/dev/null``.
    """
    sys.stdout = sys.stdout or io.TextIOWrapper(io.FileIO(os.devnull, "w"))
    sys.stderr = sys.stderr or io.TextIOWrapper(io.FileIO(os.devnull, "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Go does not buffer: a line is seen when it is written, and before
        # what is written to standard error after it.
        sys.stdout.reconfigure(line_buffering=True)
    code = 0
    try:
        try:
            run()
        except LabError as error:
            report(str(error))
            code = 1
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        from labkit.signals import die_of  # 5 ms that few runs need

        die_of(interrupt)
    except BrokenPipeError:
        from signal import SIGPIPE

        from labkit.signals import die_of

        die_of(SIGPIPE)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        sys.stderr.write(f"error: the output cannot be written: {error.strerror}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left has nowhere to go
        code = 1
    return code
