"""The short form of the chaos suite: a lab with faults, one without, a cluster with faults.

Each is a process of its own, as from the command line: what it starts and catches is not pytest's.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

DEADLINE = 110


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--seconds", "12", "--seed", "3"], id="lab"),
        pytest.param(["--seconds", "4", "--no-faults"], id="no-faults"),
        pytest.param(["--seconds", "12", "--seed", "4", "--cluster"], id="cluster"),
    ],
)
def test_no_promise_is_broken(options: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *options], capture_output=True, text=True, timeout=DEADLINE
    )
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
