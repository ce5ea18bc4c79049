"""The leak check of `make test` finds leaks, and nothing else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.leaks import remove_unused, socket_folders

CHECK = Path(__file__).parents[1] / "leaks.py"
LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); "
    "print(s.getsockname()[1], flush=True); sys.stdin.read()"
)
"""Listens until its standard input ends, so that it does not outlive the test."""


@pytest.fixture
def run() -> str:
    """The mark of a separate run, not the one that this test belongs to."""
    return f"test-{uuid.uuid4()}"


@pytest.fixture
def lifeline() -> Iterator[int]:
    """The read end of a pipe; leaked processes end with the test."""
    reading, writing = os.pipe()
    yield reading
    os.close(reading)
    os.close(writing)


def check(when: str, snapshot: Path, run: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(CHECK), when, str(snapshot)],
        env={**os.environ, "LABKIT_TEST_RUN": run},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def listener(lifeline: int, env: dict[str, str], *arguments: str) -> tuple[subprocess.Popen[str], int]:
    """Start a process that listens on a port; return both."""
    process = subprocess.Popen(
        [sys.executable, "-c", LISTEN, *arguments], stdin=lifeline, stdout=subprocess.PIPE, env=env, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        return process, int(process.stdout.readline())


def orphan(lifeline: int, env: dict[str, str], *arguments: str) -> psutil.Process:
    """Start a process whose parent has ended."""
    parent = (
        "import subprocess, sys; "
        "print(subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL).pid, flush=True)"
    )
    started = subprocess.run(
        [sys.executable, "-c", parent, sys.executable, "-c", LISTEN, *arguments],
        stdin=lifeline,
        stdout=subprocess.PIPE,
        env=env,
        text=True,
        timeout=30,
        check=True,
    )
    return psutil.Process(int(started.stdout))


def without_mark() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "LABKIT_TEST_RUN"}


def test_the_check_passes_if_nothing_is_left_behind(tmp_path: Path, run: str) -> None:
    assert check("--before", tmp_path / "snapshot", run).returncode == 0

    after = check("--after", tmp_path / "snapshot", run)

    assert (after.returncode, after.stderr) == (0, "")
    assert "no process and no listening port" in after.stdout


def test_a_process_with_the_runs_mark_is_reported_with_its_port(
    tmp_path: Path, run: str, lifeline: int
) -> None:
    check("--before", tmp_path / "snapshot", run)
    process, port = listener(lifeline, {**os.environ, "LABKIT_TEST_RUN": run})

    after = check("--after", tmp_path / "snapshot", run)
    process.kill()
    process.wait()

    assert after.returncode == 1
    assert f"process {process.pid} " in after.stdout
    assert f"listens on {port}" in after.stdout


def test_an_orphaned_service_is_reported_without_the_mark(tmp_path: Path, run: str, lifeline: int) -> None:
    check("--before", tmp_path / "snapshot", run)
    left = orphan(lifeline, without_mark(), "-m", "labkit_services.gateway")

    after = check("--after", tmp_path / "snapshot", run)
    left.kill()

    assert after.returncode == 1
    assert f"labkit_services.gateway {left.pid} " in after.stdout


def test_an_orphaned_function_is_reported_for_any_program(tmp_path: Path, run: str, lifeline: int) -> None:
    check("--before", tmp_path / "snapshot", run)
    left = orphan(lifeline, {"PATH": os.environ["PATH"], "fprocess": "sleep 1"})

    after = check("--after", tmp_path / "snapshot", run)
    left.kill()

    assert after.returncode == 1
    assert f"function {left.pid} " in after.stdout


def test_a_lab_that_was_running_before_is_not_reported(tmp_path: Path, run: str, lifeline: int) -> None:
    earlier = orphan(lifeline, without_mark(), "-m", "labkit.supervisor")
    check("--before", tmp_path / "snapshot", run)

    after = check("--after", tmp_path / "snapshot", run)
    earlier.kill()

    assert f" {earlier.pid} " not in after.stdout


def test_another_lab_that_is_running_is_not_reported(tmp_path: Path, run: str, lifeline: int) -> None:
    check("--before", tmp_path / "snapshot", run)
    process, _ = listener(lifeline, without_mark(), "-m", "labkit_services.gateway")

    after = check("--after", tmp_path / "snapshot", run)
    process.kill()
    process.wait()

    assert f" {process.pid} " not in after.stdout


def test_a_process_that_ends_within_the_grace_period_is_not_reported(
    tmp_path: Path, run: str, lifeline: int
) -> None:
    check("--before", tmp_path / "snapshot", run)
    ends = "import time; time.sleep(1)"
    process = subprocess.Popen([sys.executable, "-c", ends], env={**os.environ, "LABKIT_TEST_RUN": run})

    after = check("--after", tmp_path / "snapshot", run)

    assert process.wait(timeout=30) == 0
    assert (after.returncode, after.stderr) == (0, "")


def test_folders_of_sockets_in_which_nothing_listens_are_removed(tmp_path: Path) -> None:
    old = time.time() - 60
    folders = {name: tmp_path / f"labkit-{os.geteuid()}-{name}" for name in ("dead", "used", "new")}
    other = tmp_path / "labkit-of-something-else"
    for folder in (*folders.values(), other):
        folder.mkdir()
    with socket.socket(socket.AF_UNIX) as dead, socket.socket(socket.AF_UNIX) as used:
        for name, server in (("dead", dead), ("used", used)):
            server.bind(str(folders[name] / "gateway.sock"))
        used.listen()
        for name in ("dead", "used"):
            os.utime(folders[name], (old, old))

        assert socket_folders(tmp_path) == set(folders.values())
        assert remove_unused(socket_folders(tmp_path)) == {folders["dead"]}
    assert {path.name for path in tmp_path.iterdir()} == {
        folders["used"].name,
        folders["new"].name,
        other.name,
    }
