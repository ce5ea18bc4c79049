"""The lab's own functions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
FLAKY = FUNCTIONS / "flaky" / "flaky.sh"


def test_the_stack_lists_every_folder() -> None:
    stack = yaml.safe_load((FUNCTIONS / "stack.yaml").read_text())["functions"]
    folders = {path.parent.name for path in FUNCTIONS.glob("*/Dockerfile")}

    assert set(stack) == folders
    assert {name: each["handler"] for name, each in stack.items()} == {name: f"./{name}" for name in folders}


def test_lab_deploy_flaky_and_the_stack_run_the_same_program() -> None:
    at_hand = ROOT / "services/labkit_services/images/bin/flaky"

    assert at_hand.read_bytes() == FLAKY.read_bytes()
    assert at_hand.stat().st_mode & 0o111


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({}, 1),
        ({"Http_X_Attempt": "2"}, 1),
        ({"Http_X_Attempt": "3"}, 0),
        ({"Http_X_Attempt": "3", "failures": "3"}, 1),
        ({"failures": "0"}, 0),
    ],
)
def test_flaky_fails_in_the_configured_number_of_attempts(environment: dict[str, str], code: int) -> None:
    ended = subprocess.run(
        [str(FLAKY)], input=b"body", capture_output=True, env={"PATH": "/usr/bin:/bin", **environment}
    )

    assert ended.returncode == code
    assert (ended.stdout, bool(ended.stderr)) == (b"body" if code == 0 else b"", code != 0)
