"""Programs in ``~/.openfaas/plugins`` are verbs of faas-cli."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FAAS_CLI = str(Path(sys.executable).with_name("faas-cli"))


def faas(home: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [FAAS_CLI, *words],
        capture_output=True,
        text=True,
        cwd=home,
        env={**os.environ, "HOME": str(home), "LABKIT_FAAS_CLI": "builtin"},
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    file = tmp_path / ".openfaas" / "plugins" / "pro"
    file.parent.mkdir(parents=True)
    file.write_text('#!/bin/sh\necho "pro: $*"\nexit 3\n')
    file.chmod(0o755)
    return file


def test_a_plugin_gets_the_words_after_its_name(plugin: Path) -> None:
    assert faas(plugin.parents[2], "pro", "enable", "--flag") == (3, "pro: enable --flag\n")


@pytest.mark.parametrize("name", ["nope-at-all", "../plugins/pro", "pro-other"])
def test_what_is_no_plugin_is_an_unknown_command(plugin: Path, name: str) -> None:
    assert faas(plugin.parents[2], name) == (1, f'Unknown command "{name}" for "faas-cli"\n')
