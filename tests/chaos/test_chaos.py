"""The short form of the chaos suite: a lab, one without faults, a cluster.

Each is a process of its own, started as from the command line, all at the same time.
`make chaos` runs the long form.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DEADLINE = 110
RUNS = {
    # This seed kills the queue-worker while the disk is full, and damages the store.
    "lab": ["--seconds", "14", "--pause", "1.5", "--seed", "49"],
    "no-faults": ["--seconds", "4", "--no-faults"],
    "cluster": ["--seconds", "12", "--seed", "4", "--cluster"],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[subprocess.Popen[str], Path]]]:
    """Start all runs together; yield each with its output file."""
    folder = tmp_path_factory.mktemp("chaos")
    started = {}
    for name, options in RUNS.items():
        output = folder / f"{name}.txt"
        with output.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos", *options],
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(folder)},
                text=True,
            )
        started[name] = (process, output)
    yield started
    for process, _ in started.values():
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", RUNS)
def test_every_invariant_holds(runs: dict[str, tuple[subprocess.Popen[str], Path]], name: str) -> None:
    process, output = runs[name]
    try:
        code = process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        code = None
    assert code == 0, output.read_text()
