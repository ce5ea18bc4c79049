"""A learner's terminal, in which faas-cli and kubectl are labkit's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from labkit import Lab

SCRIPTS = Path(sys.executable).parent


def _tools(folder: Path) -> Path:
    """Make a folder of a shell's programs, without any kubectl or faas-cli."""
    folder.mkdir()
    for name in ("bash", "cat", "env", "git", "grep", "mkdir", "readlink", "seq", "sh", "true"):
        (folder / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    return folder


class Terminal:
    """A folder and environment variables in which programs find the lab."""

    def __init__(self, folder: Path, lab: Lab) -> None:
        self.folder = folder
        self.lab = lab
        # With CI=true faas-cli stores logins elsewhere; a learner's terminal does not set it.
        unset = ("CI", "OPENFAAS_URL", "OPENFAAS_CONFIG", "LABKIT_FAAS_CLI")
        self.variables = {name: value for name, value in os.environ.items() if name not in unset}
        self.variables |= {
            "LABKIT_WORKSPACE": str(lab.workspace),
            "HOME": str(folder),
            "PATH": f"{SCRIPTS}:{_tools(folder / 'tools')}",
        }

    def run(self, *words: str, body: bytes = b"", code: int = 0) -> subprocess.CompletedProcess[bytes]:
        """Run a command line; check exit code, and for no traceback."""
        done = subprocess.run(
            words,
            input=body,
            capture_output=True,
            cwd=self.folder,
            env=self.variables,
            timeout=60,
            check=False,
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        assert done.returncode == code, (done.stdout + done.stderr).decode()
        return done

    def faas(self, *words: str, body: bytes = b"", code: int = 0) -> str:
        """Run faas-cli; return its output without colours."""
        done = self.run("faas-cli", *words, body=body, code=code)
        return re.sub(r"\x1b\[\d+m", "", done.stdout.decode())

    def shell(self, text: str) -> str:
        """Run a block of shell commands; return the output."""
        return self.run("bash", "-c", text).stdout.decode()
