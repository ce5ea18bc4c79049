"""Run the ``labkit`` command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LABKIT = str(Path(sys.executable).with_name("labkit"))
ANY_PORTS = ("--gateway-port", "0", "--inspector-port", "0")


def labkit(workspace: Path, *arguments: str, code: int = 0) -> str:
    """Run a command in the workspace; return its output, or its errors if ``code`` is not 0."""
    done = subprocess.run(
        [LABKIT, *arguments], capture_output=True, text=True, cwd=workspace, timeout=60, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


@contextmanager
def running(workspace: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command that doesn't end by itself; kill it at the end of the block."""
    with subprocess.Popen(
        [LABKIT, *arguments], cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def wait_for_error_line(process: subprocess.Popen[str], text: str) -> None:
    """Read the process's errors up to a line that contains ``text``."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"ended without an error line that contains {text!r}")
