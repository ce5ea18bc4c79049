"""Run a work-alike, and end as a Go program does."""

from __future__ import annotations

import errno
import io
import os
import sys

from labkit_services.contract.errors import LabError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of a file that takes no more output, such as ``/dev/full``."""


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
            if isinstance(error, OSError) and error.errno in _NO_ROOM and error.filename is None:
                raise
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
        sys.stderr.write(f"error: the output cannot be written: {error.strerror or error}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left has nowhere to go
        code = 1
    return code


def open_standard_streams() -> None:
    """Make the standard streams those of a Go program.

    A closed one gets a descriptor: otherwise the next file or socket that is
    opened would take its number, and be read or written in its place
    (runtime/fds_unix.go, ``checkfds``). Text is UTF-8, whatever the locale
    says; bytes of an argument or a path that are not are written as they are.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, io.TextIOWrapper(io.FileIO(descriptor, mode, closefd=False)))
        stream = getattr(sys, name)
        if descriptor and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
