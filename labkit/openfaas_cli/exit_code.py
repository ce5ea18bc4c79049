"""Run a work-alike, and turn the way it ends into an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from labkit_services.contract.errors import LabError


def exit_code(run: Callable[[], None], report: Callable[[str], None]) -> int:
    """Call ``run`` and return the exit code; ``report`` gets an error."""
    try:
        run()
        sys.stdout.flush()
    except LabError as error:
        report(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader is gone (`faas-cli list | head`); the interpreter's own
        # flush at exit would fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    return 0
