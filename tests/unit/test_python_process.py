"""The environment in which our own modules run."""

from __future__ import annotations

import os
from pathlib import Path

from labkit_services.runtime.python_process import python_environment


def test_a_learners_python_path_is_dropped() -> None:
    environment = {"PATH": "/bin", "PYTHONPATH": "/home/me/modules", "PYTHONHOME": "/nowhere"}

    assert python_environment(environment) == {"PATH": "/bin"}


def test_the_folders_that_hold_our_packages_stay(tmp_path: Path) -> None:
    (tmp_path / "labkit").mkdir()
    environment = {"PYTHONPATH": os.pathsep.join(["/home/me/modules", str(tmp_path)])}

    assert python_environment(environment) == {"PYTHONPATH": str(tmp_path)}
