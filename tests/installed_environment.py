"""A virtual environment without labkit, to install it into, and what to install.

It takes seconds and no network: all other packages are the ones of the environment that runs the tests.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = ("labkit.json",)
"""Files in Jupyter's folders that labkit's own wheel brings."""


def build(target: str, folder: Path, source: Path = ROOT) -> Path:
    """Build ``wheel`` or ``sdist`` of a source tree into a folder; return the file."""
    run(
        sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder), cwd=source
    )
    (file,) = folder.iterdir()
    return file


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist; return its source tree."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return source


class Environment:
    """A virtual environment in which only labkit is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.python = str(self.bin / "python")
        venv.create(folder, symlinks=True)
        self._borrow()

    def install(self, wheel: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.python]
        run(*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel), cwd=self.folder)

    def _borrow(self) -> None:
        """Make the packages of the environment that runs the tests importable.

        A folder named in a .pth file is searched after the environment's own, and the .pth files in it are
        not read: the checkout, which is installed by one, stays unknown.
        """
        paths = sysconfig.get_paths(vars={"base": str(self.folder), "platbase": str(self.folder)})
        (Path(paths["purelib"]) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        base = Path(sys.prefix)
        (self.bin / "nats-server").symlink_to(base / "bin/nats-server")
        # JupyterLab's page, extensions and kernels, and what switches them on.
        for each in ("share/jupyter", "etc/jupyter"):
            for file in (base / each).rglob("*"):
                link = self.folder / file.relative_to(base)
                if file.is_file() and file.name not in OURS:
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.symlink_to(file)


def run(*command: str, cwd: Path, **env: str) -> str:
    """Run a command; return its output."""
    done = subprocess.run(
        command, cwd=cwd, env=env or None, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
