"""A learner's files beside a notebook hide no module of labkit's, nor the other way round."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from labkit_command import ANY_PORTS, LABKIT, labkit, next_line, running

CELL = """
import services
from labkit import Lab

assert services.WHOSE == "the learner's", services
with Lab.start(".", gateway_port=0, inspector_port=0) as lab:
    lab.deploy("cat", fprocess="cat")
    print(lab.invoke("cat", "hello").text)
    call = lab.invoke_async("cat", "hello")
    print(call.wait().state)
    print(lab.queues())
"""
BROKEN = "raise RuntimeError('a file of the learner was imported')\n"


@pytest.fixture
def notebook_folder(workspace: Path) -> Path:
    """Files that a course about services would make, and some that break the standard library."""
    for name in ("contract", "gateway", "inspector", "queue_worker", "runtime"):
        (workspace / f"{name}.py").write_text(BROKEN)
    return workspace


def run_cell(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    # `-c` looks for modules in the current folder first, as a kernel does.
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("kind", ["module", "package"])
def test_a_lab_starts_beside_a_learners_own_services(notebook_folder: Path, kind: str) -> None:
    place = notebook_folder / ("services.py" if kind == "module" else "services/__init__.py")
    place.parent.mkdir(exist_ok=True)
    place.write_text('WHOSE = "the learner\'s"\n')

    # As a kernel does, `-c` puts the current folder first on the path.
    done = subprocess.run(
        [sys.executable, "-c", CELL],
        cwd=notebook_folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["hello", "done"]


def test_the_commands_run_beside_broken_modules(notebook_folder: Path) -> None:
    (notebook_folder / "queue.py").write_text(BROKEN)
    (notebook_folder / "services.py").write_text(BROKEN)
    try:
        labkit(notebook_folder, "up", *ANY_PORTS)
        labkit(notebook_folder, "status")
        faas_cli = str(Path(LABKIT).with_name("faas-cli"))
        listed = subprocess.run([faas_cli, "list"], cwd=notebook_folder, timeout=60, check=False)
        assert listed.returncode == 0
    finally:
        labkit(notebook_folder, "down")


def test_jupyterlab_starts_beside_broken_modules(notebook_folder: Path) -> None:
    (notebook_folder / "queue.py").write_text(BROKEN)
    with running(notebook_folder, "lab", "--no-browser", "--port", "0", *ANY_PORTS) as process:
        lines = [next_line(process) for _ in range(3)]

        assert any("/lab" in line for line in lines), lines
        process.terminate()
        process.wait(20)


def test_a_notebooks_python_path_does_not_reach_the_services(notebook_folder: Path) -> None:
    modules = notebook_folder / "modules"
    modules.mkdir()
    (modules / "json.py").write_text(BROKEN)
    (notebook_folder / "services.py").write_text('WHOSE = "the learner\'s"\n')
    # As `%env` does in a cell.
    settings = {"PYTHONPATH": str(modules), "PYTHONHOME": "/nowhere"}
    cell = f"import os; os.environ.update({settings!r})\n{CELL}"

    done = run_cell(notebook_folder, cell)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["hello", "done"]
