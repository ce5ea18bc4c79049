"""Find the real program behind a work-alike of the same name."""

from __future__ import annotations

import os
from pathlib import Path

_MARK = b"labkit."
"""Stands in every start script of ours: ``from labkit.openfaas_cli.faas_cli import main``."""


def find_real(name: str) -> Path | None:
    """Return the first ``name`` on ``PATH`` that is not one of labkit's own start scripts.

    Another environment's labkit counts as ours too; two that took each other
    for the real one would start each other for ever.
    """
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        program = Path(folder or ".") / name
        try:
            if not program.is_file() or not os.access(program, os.X_OK):
                continue
            with program.open("rb") as file:
                start = file.read(1024)
        except OSError:
            continue  # not ours to read, so not ours to run
        if not (start.startswith(b"#!") and _MARK in start):
            return program
    return None
