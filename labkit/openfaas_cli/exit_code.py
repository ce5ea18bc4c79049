"""Run a work-alike, and end as a Go program does."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

from labkit_services.contract.errors import LabError


def exit_code(name: str, run: Callable[[], None], report: Callable[[str], None]) -> int:
    """Call ``run`` and return the exit code; ``report`` gets an error.

    The process dies of a signal: of an interrupt, and of SIGPIPE if nobody
    reads its output any more. ``name`` is the program's, for what nobody
    expected.
    """
    open_standard_streams()
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
        except BrokenPipeError:
            raise
        except Exception as error:
            from labkit.unexpected import as_lab_error  # few runs need it

            report(str(as_lab_error(error, name)))
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
        # Standard output cannot be written: a full disk, or a closed one.
        sys.stderr.write(f"{name}: standard output: {(error.strerror or str(error)).lower()}\n")
        code = 1
    return code


def open_standard_streams() -> None:
    """Give a closed standard stream a descriptor, as Go's runtime does.

    Otherwise the next file or socket that is opened would take its number,
    and be read or written in its place (runtime/fds_unix.go, ``checkfds``).
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
