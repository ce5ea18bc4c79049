"""``faas-cli completion`` in real shells."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPTS = Path(sys.executable).parent

COMPLETE = r"""
source <(faas-cli completion --shell bash)
COMP_LINE=$1 COMP_POINT=${#1} COMP_CWORD=$(($# - 2)) COMP_WORDS=("${@:2}")
__faas_cli_complete faas-cli "${COMP_WORDS[COMP_CWORD]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{SCRIPTS}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LABKIT_FAAS_CLI": "builtin",
        "PS1": "ready> ",
        "TERM": "dumb",
    }


@pytest.mark.parametrize(
    ("line", "words", "completed"),
    [
        ("faas-cli sec", ["faas-cli", "sec"], ["secret"]),
        ("faas-cli namespace ", ["faas-cli", "namespace", ""], ["create", "get", "list", "remove", "update"]),
        ("faas-cli invoke --as", ["faas-cli", "invoke", "--as"], ["--async"]),
        # Readline cuts at = and : too.
        (
            "faas-cli list -g http://h:1 --qu",
            ["faas-cli", "list", "-g", "http", ":", "//h", ":", "1", "--qu"],
            ["--quiet"],
        ),
        (
            "faas-cli list --namespace=dev --js",
            ["faas-cli", "list", "--namespace", "=", "dev", "--js"],
            ["--json"],
        ),
        ("faas-cli -f s", ["faas-cli", "-f", "s"], ["stack.yaml", "some.yml", "sub"]),
        ("faas-cli list --yaml=st", ["faas-cli", "list", "--yaml", "=", "st"], ["stack.yaml"]),
        ("faas-cli list --yaml=", ["faas-cli", "list", "--yaml", "="], ["stack.yaml", "some.yml", "sub"]),
        ("  faas-cli   ns   l", ["faas-cli", "ns", "l"], ["list"]),
        ("faas-cli bogus ", ["faas-cli", "bogus", ""], [""]),
    ],
)
def test_bash_completes_verbs_flags_and_stack_files(
    line: str, words: list[str], completed: list[str], variables: dict[str, str], tmp_path: Path
) -> None:
    for name in ("stack.yaml", "some.yml", "some.txt"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()

    done = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE, "bash", line, *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=variables,
        timeout=60,
        check=True,
    )

    assert done.stdout.splitlines() == completed
    assert done.stderr == ""


def typed(shell: list[str], lines: list[str], folder: Path, variables: dict[str, str]) -> str:
    """Type into a shell on a terminal of its own; return what it shows."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe(shell[0], shell, variables)
    shown = ""
    try:
        for line in lines:
            shown += _until(terminal, "ready> ")
            os.write(terminal, line.encode())
        shown += _until(terminal, "ready> ")
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
        os.close(terminal)
    return shown


def _until(terminal: int, end: str) -> str:
    shown, deadline = "", time.monotonic() + 30
    while end not in shown[-40:]:  # zsh puts control characters after it
        assert select.select([terminal], [], [], deadline - time.monotonic())[0], f"no {end!r} in {shown!r}"
        shown += os.read(terminal, 65536).decode()
    return shown


def test_tab_completes_in_an_interactive_bash(variables: dict[str, str], tmp_path: Path) -> None:
    shown = typed(
        ["bash", "--norc", "--noprofile", "-i"],
        ["source <(faas-cli completion --shell bash)\n", "faas-cli comp\t--sh\tfish\n"],
        tmp_path,
        variables,
    )

    assert "faas-cli completion --shell fish" in shown
    assert '"fish" shell not supported, must be bash or zsh' in shown


def test_bashcompletion_writes_the_same_script(variables: dict[str, str], tmp_path: Path) -> None:
    line = "faas-cli bashcompletion a && faas-cli completion --shell bash > b && cmp a b"
    subprocess.run(["bash", "-c", line], cwd=tmp_path, env=variables, timeout=60, check=True)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_tab_completes_in_an_interactive_zsh(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text("provider:\n  name: openfaas\n")
    shown = typed(
        ["zsh", "-f", "-i"],
        [
            "autoload -U compinit && compinit -u && source <(faas-cli completion --shell zsh)\n",
            "faas-cli comp\t--sh\tfish\n",
            "faas-cli diff -f st\t\n",
        ],
        tmp_path,
        variables,
    )

    assert '"fish" shell not supported, must be bash or zsh' in shown
    assert "No functions found in stack.yaml" in shown
