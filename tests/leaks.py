"""Tell whether a test run left anything of a lab behind: a process, or a port that one listens on.

    export LABKIT_TEST_RUN=some-unique-text     # everything the tests start inherits it
    python tests/leaks.py --before FILE         # notes which processes there are
    ...                                         # the tests
    python tests/leaks.py --after FILE          # lists what is left and exits with 1, or exits with 0

Two things count as left behind:

* any process that carries this run's mark in its environment: a service, a kernel, what a test started;
* a part of a lab that came during the run, has lost its parent and carries no mark. Functions never
  have it, nor have spawned watchdogs: the gateway does not hand them its own environment. What was forked
  shows the fork server's.

A lab that was there before, and one that somebody runs beside the tests, is neither.
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
"""What a lab may take to be gone once its kernel is; the notebooks' kernels are killed just before."""

ADOPTERS = {"init", "systemd", "launchd"}
"""Whose child an orphan becomes: process 1, or the user's own `systemd`."""

Identity = tuple[int, float]
"""Process id and start time: the id alone is used again."""


@dataclass(frozen=True)
class Seen:
    """One process, as far as this check cares."""

    pid: int
    created: float
    parent: int
    orphan: bool
    """Its parent is gone: it now belongs to the process that adopts such children."""
    command: tuple[str, ...]
    role: str | None
    """The part of a lab that it is; None for anything else."""
    mark: str | None
    """The value of `LABKIT_TEST_RUN` in its environment; None when it has none or hides it."""
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
    """Name the part of a lab that a process is; None for anything else."""
    if command and Path(command[0]).name == "nats-server":
        return "nats-server"
    for option, module in pairwise(command):
        if option == "-m" and (module == "labkit.supervisor" or module.startswith("labkit_services.")):
            return module
    # What a watchdog runs; it gets the watchdog's settings along with its own.
    return "function" if "fprocess" in environment else None


def left_behind(now: list[Seen], before: set[Identity], run: str | None) -> list[Seen]:
    """Pick the processes that this run should have ended.

    Args:
        now: what runs now, without this check and its ancestors.
        before: what ran when the tests began.
        run: the run's mark; None looks for orphans only.
    """
    found = []
    for process in now:
        marked = run is not None and process.mark == run
        lost = process.orphan and process.mark is None and process.role is not None
        if (marked or lost) and process.identity not in before:
            found.append(process)
    return found


def processes() -> list[Seen]:
    """Look at every process but this one and its ancestors, which carry the mark and are about to end."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())} - {1}
    found = []
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(_look_at(process))
        except psutil.NoSuchProcess:
            continue  # ended while we looked
        except psutil.AccessDenied:
            continue  # another user's: not of this run
    return found


def _look_at(process: psutil.Process) -> Seen:
    try:
        environment = process.environ()
    except (psutil.AccessDenied, OSError):
        environment = {}  # hidden
    command = tuple(process.cmdline())
    parent = process.parent()
    return Seen(
        pid=process.pid,
        created=process.create_time(),
        parent=process.ppid(),
        orphan=parent is None or parent.pid == 1 or parent.name() in ADOPTERS,
        command=command,
        role=lab_role(command, environment),
        mark=environment.get(MARK),
    )


def with_ports(seen: Seen) -> Seen:
    """Add the TCP ports that the process listens on: slow to find out, so only asked of what is reported."""
    try:
        connections = psutil.Process(seen.pid).net_connections(kind="tcp")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return seen
    ports = sorted({c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN})
    return replace(seen, ports=tuple(ports))


def wait_until_clean(look: Callable[[], list[Seen]], grace: float) -> list[Seen]:
    """Look until nothing is found or `grace` seconds are over; give what is then still there."""
    deadline = time.monotonic() + grace
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command line described above; return its exit code."""
    parser = argparse.ArgumentParser(description="Tell whether a test run left anything of a lab behind.")
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--before", metavar="FILE", type=Path, help="note what runs already")
    when.add_argument("--after", metavar="FILE", type=Path, help="report what came since and was left behind")
    options = parser.parse_args(arguments)

    if options.before:
        noted = {"run": os.environ.get(MARK), "processes": [process.identity for process in processes()]}
        options.before.write_text(json.dumps(noted))
        return 0

    noted = json.loads(options.after.read_text())
    before = {(pid, created) for pid, created in noted["processes"]}
    found = wait_until_clean(lambda: left_behind(processes(), before, noted["run"]), GRACE_SECONDS)
    if not found:
        print("leaks: no process and no listening port of a lab is left")
        return 0
    print(f"leaks: expected nothing left {GRACE_SECONDS:g} s after the tests, but there still is:")
    for process in found:
        print(f"  {with_ports(process)}")
    print("Whatever started it has to end it, also when it is interrupted or killed itself.")
    if any(process.mark is None for process in found):
        print(f"What carries no {MARK} may be somebody else's, from a lab that ended badly beside this run.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
