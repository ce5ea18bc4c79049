"""The supervisor's own log."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path


def log_to(path: Path) -> None:
    """Write log messages and standard error, with crashes, to a file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)sZ %(levelname)s supervisor: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.Formatter.converter = time.gmtime
