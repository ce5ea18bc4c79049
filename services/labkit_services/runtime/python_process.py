"""Command and environment of a Python process that runs a module."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_PACKAGES = ("labkit", "labkit_services")


def python_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs ``module``."""
    # -P: a learner's or a function's random.py in the current folder must not
    # hide Python's. Names of files are UTF-8, also with LANG=C.
    return [sys.executable, "-X", "utf8", "-P", "-m", module, *arguments]


def python_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment for our own modules.

    A notebook may set ``PYTHONPATH`` or ``PYTHONHOME`` for its own programs;
    a service must not import a learner's ``json.py`` for Python's. The folders
    of ``PYTHONPATH`` that hold our packages stay.
    """
    clean = {name: value for name, value in environment.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    folders = environment.get("PYTHONPATH", "").split(os.pathsep)
    if ours := [folder for folder in folders if any((Path(folder) / name).is_dir() for name in _PACKAGES)]:
        clean["PYTHONPATH"] = os.pathsep.join(ours)
    return clean
