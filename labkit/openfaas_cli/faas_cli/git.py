"""Run git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from labkit_services.contract.errors import LabError

_SECONDS = 120.0


class GitError(LabError, OSError):
    """git cannot be run."""


def run_git(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run git in a folder; return its exit code and output."""
    try:
        return subprocess.run(  # noqa: S603 - no shell
            ["git", *words],  # noqa: S607
            cwd=folder,
            # A prompt for a password would wait forever if nobody types one.
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise GitError("git is not installed", next_step="install git, and put it on PATH") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {words[0]} took more than {_SECONDS:g} s") from error


def error_line(stderr: str) -> str:
    """Return the last line in which git reports an error, or ""."""
    lines = reversed(stderr.splitlines())
    return next((line.strip() for line in lines if line.startswith(("fatal:", "error:"))), "")
