"""How fast ``faas-cli invoke`` starts."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from receiver import receiver

from labkit.workspace import LabState, Workspace

FAAS_CLI = str(Path(sys.executable).with_name("faas-cli"))
STACK = "version: 1.0\nprovider:\n  name: openfaas\n  gateway: http://127.0.0.1:8080\nfunctions: {}\n"

INVOKE = """
import sys
bare = set(sys.modules)
from labkit.openfaas_cli.faas_cli import main
code = main(["invoke", "fn", "--async"])
print(*sorted(set(sys.modules) - bare))
sys.exit(code)
"""

OURS = {
    "labkit",
    "labkit.openfaas_cli",
    "labkit.openfaas_cli.exit_code",
    "labkit.openfaas_cli.faas_cli",
    "labkit.openfaas_cli.faas_cli.gateway",
    "labkit.openfaas_cli.faas_cli.http",
    "labkit.openfaas_cli.faas_cli.http_syntax",
    "labkit.openfaas_cli.faas_cli.output",
    "labkit.openfaas_cli.faas_cli.stack_file",
    "labkit.openfaas_cli.faas_cli.verb",
    "labkit.openfaas_cli.faas_cli.verbs",
    "labkit.openfaas_cli.faas_cli.verbs.invoke",
    "labkit.openfaas_cli.pflag",
    "labkit.openfaas_cli.real_program",
    "labkit.state_file",
    "labkit_services",
    "labkit_services.contract",
    "labkit_services.contract.errors",
    "labkit_services.contract.names",
    "labkit_services.files",
    "labkit_services.files.own_file",
}
"""The modules of the lab that an invocation loads, exactly."""

STANDARD_LIBRARY = {"__future__", "errno", "fcntl", "_json", "_socket"}
"""All that an invocation may load of the standard library: no collections, re, json, socket or typing."""

UNSET = ("OPENFAAS_URL", "PYTHONDONTWRITEBYTECODE")

MAX_RATIO = 2.5
"""Limit for the CPU time of invocations by that of ``python -c pass``; it is 1.7, and was 6 with click."""
ROUNDS = 3
TEN_TIMES = 'for number in 1 2 3 4 5 6 7 8 9 10; do "$@" || exit 1; done'


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A workspace with a stack file and a lab that accepts every call."""
    (tmp_path / "stack.yaml").write_text(STACK)
    workspace = Workspace(tmp_path)
    workspace.folder.mkdir()
    inherited = {name: value for name, value in os.environ.items() if name not in UNSET}
    with receiver(202) as target, workspace.lock():
        workspace.write_state(LabState(1, "run", target.url, "", "", "", "", "admin", "secret", "", "", 0))
        yield {
            **inherited,
            "LABKIT_FAAS_CLI": "builtin",
            "LABKIT_WORKSPACE": str(tmp_path),
            # Bytecode is cached as in an installation; here it may be read-only or stale.
            "PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode"),
        }


def test_an_invocation_imports_only_the_allowed_modules(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INVOKE],
        input="",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=60,
        check=True,
    )

    loaded = set(done.stdout.split())
    assert done.stderr == "Function submitted asynchronously.\n"
    assert {name for name in loaded if name.startswith("labkit")} == OURS
    assert loaded - OURS - STANDARD_LIBRARY == set()


def cpu_seconds(command: Sequence[str], folder: Path, environment: dict[str, str]) -> float:
    """Return the CPU time of a process and its children, which other load hardly changes."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=environment,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_ten_invocations_in_a_shell_take_little_more_cpu_time_than_ten_idle_pythons(
    environment: dict[str, str], tmp_path: Path
) -> None:
    commands = {"python": [sys.executable, "-c", "pass"], "invoke": [FAAS_CLI, "invoke", "fn", "--async"]}
    in_shell = {name: ["sh", "-c", TEN_TIMES, "sh", *command] for name, command in commands.items()}
    for command in commands.values():
        cpu_seconds(command, tmp_path, environment)  # writes the bytecode

    # In turn, so that a change of the machine's speed affects both.
    rounds = [
        {name: cpu_seconds(command, tmp_path, environment) for name, command in in_shell.items()}
        for _ in range(ROUNDS)
    ]

    median = {name: statistics.median(each[name] for each in rounds) for name in commands}
    assert median["invoke"] / median["python"] < MAX_RATIO, median
