"""Check that a test run left no process and no open port of a lab behind.

    export LABKIT_TEST_RUN=some-unique-text     # inherited by everything that the tests start
    python tests/leaks.py --before FILE         # writes the list of running processes
    ...                                         # the tests
    python tests/leaks.py --after FILE          # exits with 0, or lists the leaks and exits with 1

Two things count as left behind:

* a process with this run's mark in its environment: a service, a kernel, a test's own process;
* a part of a lab that was started during the run, has lost its parent and has no mark. Functions
  never have it, because they get only the environment of their deployment. Forked processes show the fork
  server's environment.

A lab that was running before, or that somebody runs beside the tests, is neither.

A supervisor that a test kills leaves the folder of its sockets in ``/tmp``: the next lab of its workspace
would remove it, but there is none. ``--after`` removes those of this run in which nothing listens.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import psutil

MARK = "LABKIT_TEST_RUN"
GRACE_SECONDS = 3.0
"""How long a lab may take to end after its kernel; the notebooks' kernels are killed just before."""

START_SECONDS = 5.0
"""How long a lab may take from making its folder of sockets to listening."""

SOCKET_FOLDERS = Path("/tmp")
"""Where `labkit.owner_sockets` has them."""

ADOPTERS = {"init", "systemd", "launchd"}
"""The parents of orphans: process 1, or the user's own `systemd`."""

Identity = tuple[int, float]
"""Process id and start time: ids are reused."""


@dataclass(frozen=True)
class RunningProcess:
    """A process, with the attributes that the check needs."""

    pid: int
    created: float
    parent: int
    orphan: bool
    """Its parent has ended, so it belongs to a process that adopts orphans."""
    command: tuple[str, ...]
    role: str | None
    """Which part of a lab it is; None for anything else."""
    mark: str | None
    """The value of `LABKIT_TEST_RUN` in its environment; None if it is unset or unreadable."""
    ports: tuple[int, ...] = ()

    @property
    def identity(self) -> Identity:
        return (self.pid, self.created)

    def __str__(self) -> str:
        listening = f", listens on {', '.join(map(str, self.ports))}" if self.ports else ""
        return (
            f"{self.role or 'process'} {self.pid} (parent {self.parent}{listening}): "
            + (" ".join(self.command)[:200])
        )


def lab_role(command: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Return which part of a lab a process is; None for anything else."""
    if command and Path(command[0]).name == "nats-server":
        return "nats-server"
    for option, module in pairwise(command):
        if option == "-m" and (module == "labkit.supervisor" or module.startswith("labkit_services.")):
            return module
    # A watchdog's function; it gets the watchdog's settings together with its own.
    return "function" if "fprocess" in environment else None


def left_behind(now: list[RunningProcess], before: set[Identity], run: str | None) -> list[RunningProcess]:
    """Return the processes that this run should have ended.

    Args:
        now: The running processes, without this check and its ancestors.
        before: The processes that were running before the tests.
        run: The run's mark; None finds orphans only.
    """
    found = []
    for process in now:
        marked = run is not None and process.mark == run
        lost = process.orphan and process.mark is None and process.role is not None
        if (marked or lost) and process.identity not in before:
            found.append(process)
    return found


def processes() -> list[RunningProcess]:
    """Return all processes but this one and its ancestors.

    Those have the mark, too, and are about to end.
    """
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())} - {1}
    found = []
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(_inspect(process))
        except psutil.NoSuchProcess:
            continue  # it has ended meanwhile
        except psutil.AccessDenied:
            continue  # another user's, so not of this run
    return found


def _inspect(process: psutil.Process) -> RunningProcess:
    try:
        environment = process.environ()
    except (psutil.AccessDenied, OSError):
        environment = {}  # unreadable
    command = tuple(process.cmdline())
    parent = process.parent()
    return RunningProcess(
        pid=process.pid,
        created=process.create_time(),
        parent=process.ppid(),
        orphan=parent is None or parent.pid == 1 or parent.name() in ADOPTERS,
        command=command,
        role=lab_role(command, environment),
        mark=environment.get(MARK),
    )


def with_ports(process: RunningProcess) -> RunningProcess:
    """Add the TCP ports that a process listens on.

    That is slow, so it is done for the reported processes only.
    """
    try:
        connections = psutil.Process(process.pid).net_connections(kind="tcp")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return process
    ports = sorted({c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN})
    return replace(process, ports=tuple(ports))


def socket_folders(parent: Path) -> set[Path]:
    """Return the folders of this user's labs for sockets."""
    return set(parent.glob(f"labkit-{os.geteuid()}-*"))


def remove_unused(folders: set[Path]) -> set[Path]:
    """Remove the folders in which no process listens; return these.

    A lab that starts beside the tests listens a moment after it has made its folder.
    """
    old = time.time() - START_SECONDS
    unused = {
        folder
        for folder in folders
        if folder.stat().st_mtime < old and not any(map(_listens, folder.glob("*.sock")))
    }
    for folder in unused:
        shutil.rmtree(folder, ignore_errors=True)
    return unused


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
        except TimeoutError:
            return True
        except OSError:
            return False
    return True


def wait_until_clean(find: Callable[[], list[RunningProcess]], grace: float) -> list[RunningProcess]:
    """Wait until `find` returns nothing, for at most `grace` seconds.

    Returns:
        What is still there.
    """
    deadline = time.monotonic() + grace
    while (found := find()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description="Check that a test run left nothing of a lab behind.")
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--before", metavar="FILE", type=Path, help="write the list of running processes")
    when.add_argument("--after", metavar="FILE", type=Path, help="report the processes that were left behind")
    options = parser.parse_args(arguments)

    if options.before:
        snapshot = {
            "run": os.environ.get(MARK),
            "processes": [process.identity for process in processes()],
            "folders": sorted(map(str, socket_folders(SOCKET_FOLDERS))),
        }
        options.before.write_text(json.dumps(snapshot))
        return 0

    snapshot = json.loads(options.after.read_text())
    before = {(pid, created) for pid, created in snapshot["processes"]}
    found = wait_until_clean(lambda: left_behind(processes(), before, snapshot["run"]), GRACE_SECONDS)
    began = socket_folders(SOCKET_FOLDERS) - set(map(Path, snapshot["folders"]))
    if removed := remove_unused(began):
        print(f"leaks: removed {len(removed)} folders of sockets that killed labs have left")
    if not found:
        print("leaks: no process and no listening port of a lab is left")
        return 0
    print(f"leaks: expected nothing left {GRACE_SECONDS:g} s after the tests, but found:")
    for process in found:
        print(f"  {with_ports(process)}")
    print("Whatever started a process must end it, even if it is interrupted or killed itself.")
    if any(process.mark is None for process in found):
        print(f"A process without {MARK} may belong to another lab that crashed during this run.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
