"""Run a work-alike, and end as a Go program does."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

from labkit_services.contract.errors import LabError


def exit_code(run: Callable[[], None], report: Callable[[str], None]) -> int:
    """Call ``run`` and return the exit code; ``report`` gets an error.

    The process dies of a signal: of an interrupt, and of SIGPIPE if nobody
    reads its output any more.
    """
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
    return code
