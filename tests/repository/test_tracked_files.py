"""What the repository holds: its own folders, and nothing that a run wrote."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = {
    ".ci",
    ".devcontainer",
    ".github",
    "benchmarks",
    "binder",
    "deploy",
    "docs",
    "functions",
    "labkit",
    "notebooks",
    "scripts",
    "services",
    "tests",
    "tools",
}
MOST_BYTES = 600_000


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=30)
    return [path for name in done.stdout.decode().split("\0") if name and (path := Path(name))]


def test_every_folder_at_the_top_is_one_that_the_project_has() -> None:
    folders = {path.parts[0] for path in tracked() if len(path.parts) > 1}

    assert folders <= FOLDERS


def test_no_file_is_large() -> None:
    large = [path for path in tracked() if (ROOT / path).lstat().st_size > MOST_BYTES]

    assert large == []


def test_no_file_is_one_that_git_ignores() -> None:
    """What builds and runs write is ignored; a forced ``git add`` would keep it."""
    command = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=30)

    assert done.stdout.decode().split() == []
