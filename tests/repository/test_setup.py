"""The errors of `make lab`, which leaves nothing behind when it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLD_PYTHON = "#!/bin/sh\necho 3.9\nexit 1\n"
"""Reports its version to set-up as Python 3.9 does."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that set-up reads, in a folder with a space in its name."""
    folder = tmp_path / "my lab"
    (folder / "tools").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-uv.lock", "tools/setup.sh"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def path_with_old_python(tmp_path: Path) -> str:
    """A PATH with the system's tools, but no Python newer than 3.9."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "dirname", "cat", "cksum", "date", "rm", "make"):
        found = shutil.which(name)
        assert found, f"this test needs {name}"
        (tools / name).symlink_to(found)
    (tools / "python3").write_text(OLD_PYTHON)
    (tools / "python3").chmod(0o755)
    return str(tools)


def make(checkout: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    # Without the variables that `make test` passes to a make below it.
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["make", *arguments],
        cwd=checkout,
        env={**inherited, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_make_without_a_target_lists_the_targets(checkout: Path) -> None:
    ran = make(checkout)

    assert ran.returncode == 0
    assert [line.split()[1] for line in ran.stdout.splitlines()] == [
        *("help", "lab", "demo", "test", "speed-guard", "fuzz", "notebooks"),
        *("notebooks-write", "course", "chaos", "lint", "bench", "bench-volume", "lock", "clean"),
    ]


def test_error_about_an_old_python_names_it_and_the_remedy(checkout: Path, path_with_old_python: str) -> None:
    ran = make(checkout, "lab", PATH=path_with_old_python)

    assert ran.returncode != 0
    assert "needs Python 3.11 or newer; seen: python3 is Python 3.9" in ran.stderr
    assert "PYTHON=/path/to/python3.12 make lab" in ran.stderr
    assert not (checkout / ".venv").exists()


def test_chosen_python_that_is_too_old_is_not_replaced(checkout: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "old python"
    chosen.write_text(OLD_PYTHON)
    chosen.chmod(0o755)

    ran = make(checkout, "lab", PYTHON=str(chosen))

    assert ran.returncode != 0
    assert f"PYTHON={chosen} is Python 3.9; labkit needs Python 3.11 or newer" in ran.stderr
    assert not (checkout / ".venv").exists()


def test_chosen_python_that_does_not_exist_is_named(checkout: Path) -> None:
    ran = make(checkout, "lab", PYTHON="no-such-python")

    assert ran.returncode != 0
    assert "PYTHON=no-such-python is not a Python that starts" in ran.stderr
    assert not (checkout / ".venv").exists()
