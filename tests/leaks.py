"""Report the processes of a lab that a test run left behind, and the ports that they listen on.

    export LABKIT_TEST_RUN=some-unique-text     # all processes of the tests inherit it
    python tests/leaks.py --before FILE         # stores the list of processes
    ...                                         # the tests
    python tests/leaks.py --after FILE          # exits with 0, or lists what is left and exits with 1

Two things count as left behind:

* any process with this run's mark in its environment: a service, a kernel, a program of a test;
* a process of a lab that started during the run, has lost its parent and has no mark. Functions and spawned
  watchdogs never have it, because the gateway does not pass on its environment; forked processes show the
  environment of the fork server.

A lab that was running before, or that runs beside the tests, does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import psutil

MARK = "LABKIT_TEST_RUN"
GRACE_SECONDS = 3.0
"""Time for a lab to end after its kernel; the kernels of the notebooks are killed just before."""

ADOPTERS = {"init", "systemd", "launchd"}
"""The parent of an orphan: process 1, or the user's own `systemd`."""

Identity = tuple[int, float]
"""Process id and start time, because ids are reused."""


@dataclass(frozen=True)
class ProcessSnapshot:
    """The properties of a process that this check needs."""

    pid: int
    created: float
    parent: int
    orphan: bool
    """Whether its parent has ended, so that another process adopted it."""
    command: tuple[str, ...]
    role: str | None
    """Its part in a lab; None for other processes."""
    mark: str | None
    """The value of `LABKIT_TEST_RUN` in its environment; None if it has none or cannot be read."""
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
    """Return the part of a process in a lab; None for other processes."""
    if command and Path(command[0]).name == "nats-server":
        return "nats-server"
    for option, module in pairwise(command):
        if option == "-m" and (module == "labkit.supervisor" or module.startswith("labkit_services.")):
            return module
    # A process of a watchdog; it gets the watchdog's settings along with its own.
    return "function" if "fprocess" in environment else None


def left_behind(now: list[ProcessSnapshot], before: set[Identity], run: str | None) -> list[ProcessSnapshot]:
    """Return the processes that this run should have ended.

    Args:
        now: the current processes, without this check and its ancestors.
        before: the processes at the start of the tests.
        run: the run's mark; None looks for orphans only.
    """
    found = []
    for process in now:
        marked = run is not None and process.mark == run
        lost = process.orphan and process.mark is None and process.role is not None
        if (marked or lost) and process.identity not in before:
            found.append(process)
    return found


def processes() -> list[ProcessSnapshot]:
    """Return every process except this one and its ancestors, which have the mark and end soon."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())} - {1}
    found = []
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(_snapshot(process))
        except psutil.NoSuchProcess:
            continue  # ended meanwhile
        except psutil.AccessDenied:
            continue  # of another user, so not of this run
    return found


def _snapshot(process: psutil.Process) -> ProcessSnapshot:
    try:
        environment = process.environ()
    except (psutil.AccessDenied, OSError):
        environment = {}  # not readable
    command = tuple(process.cmdline())
    parent = process.parent()
    return ProcessSnapshot(
        pid=process.pid,
        created=process.create_time(),
        parent=process.ppid(),
        orphan=parent is None or parent.pid == 1 or parent.name() in ADOPTERS,
        command=command,
        role=lab_role(command, environment),
        mark=environment.get(MARK),
    )


def with_ports(seen: ProcessSnapshot) -> ProcessSnapshot:
    """Add the TCP ports that the process listens on; slow, so only for reported processes."""
    try:
        connections = psutil.Process(seen.pid).net_connections(kind="tcp")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return seen
    ports = sorted({c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN})
    return replace(seen, ports=tuple(ports))


def wait_until_clean(look: Callable[[], list[ProcessSnapshot]], grace: float) -> list[ProcessSnapshot]:
    """Repeat `look` until it finds nothing or `grace` seconds are over; return its last result."""
    deadline = time.monotonic() + grace
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command line described above; return its exit code."""
    parser = argparse.ArgumentParser(description="Report the processes of a lab that a test run left behind.")
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--before", metavar="FILE", type=Path, help="store the list of processes")
    when.add_argument("--after", metavar="FILE", type=Path, help="report what was left behind since")
    options = parser.parse_args(arguments)

    if options.before:
        stored = {"run": os.environ.get(MARK), "processes": [process.identity for process in processes()]}
        options.before.write_text(json.dumps(stored))
        return 0

    stored = json.loads(options.after.read_text())
    before = {(pid, created) for pid, created in stored["processes"]}
    found = wait_until_clean(lambda: left_behind(processes(), before, stored["run"]), GRACE_SECONDS)
    if not found:
        print("leaks: no process and no listening port of a lab is left")
        return 0
    print(f"leaks: expected no process {GRACE_SECONDS:g} s after the tests, but found:")
    for process in found:
        print(f"  {with_ports(process)}")
    print("The program that starts a process must end it, also when it is interrupted or killed itself.")
    if any(process.mark is None for process in found):
        print(f"A process without {MARK} may come from another lab that ended badly beside this run.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
