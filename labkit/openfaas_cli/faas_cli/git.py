"""Running git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from labkit_services.contract.errors import LabError

_SECONDS = 120.0


class GitError(LabError, OSError):
    """git cannot be run."""


def run_git(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run git in a folder, and return how it ended and what it printed.

    Raises:
        GitError: It is not installed, or took too long.
    """
    try:
        return subprocess.run(  # noqa: S603 - no shell
            ["git", *words],  # noqa: S607
            cwd=folder,
            # Nobody may be there to answer a question for a password.
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise GitError("git is not installed", next_step="install git, and see that it is on PATH") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {words[0]} took more than {_SECONDS:g} s") from error


def complaint(stderr: str) -> str:
    """Return the last line in which git says what went wrong, or ""."""
    lines = reversed(stderr.splitlines())
    return next((line.strip() for line in lines if line.startswith(("fatal:", "error:"))), "")
