"""Running a notebook's cells as they are, under environment variables."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ("01-sync-vs-async", "02-the-queue-worker", "09-beyond-one-machine")


def run_notebook(name: str, workspace: Path, variables: dict[str, str]) -> str:
    """Run all cells of an English notebook, with the proofs of what its text says; return the lab's log.

    Args:
        name: Without its folder and suffix.
        workspace: The lab's folder.
        variables: Further environment variables.
    """
    # A copy in the workspace: cells make folders beside their notebook.
    copy = workspace / "en" / f"{name}.ipynb"
    copy.parent.mkdir()
    shutil.copy(ROOT / f"notebooks/en/{name}.ipynb", copy)
    plugins = (
        "-p",
        "tests.notebooks.nbval_proofs",
        "-p",
        "no:randomly",
        "-o",
        f"cache_dir={workspace}",
        "-c",
        "pyproject.toml",
        "--rootdir",
        str(workspace),
    )
    options = ("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, *options, str(copy)],
        cwd=ROOT,
        env={**os.environ, "LABKIT_WORKSPACE": str(workspace), **variables},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:]
    return (workspace / ".labkit/logs/supervisor.log").read_text()
