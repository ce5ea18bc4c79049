"""Run the chaos suite.

    python -m tests.chaos --seconds 1800 --seed 1            a lab, with faults
    python -m tests.chaos --seconds 900 --seed 1 --cluster   three nats-servers, two workers
    python -m tests.chaos --no-faults --seconds 60           every call runs exactly once
    python -m tests.chaos --no-faults --soak 100000          memory after each power of ten of calls

The seed fixes the schedule of faults; everything else that happens at the moment of a fault is random.
The exit code is 0 if every invariant held and no process is left; else it is 1, and the workspace is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.run import ChaosRun, RunSettings, post_mortem
from tests.chaos.stack import LabStack, SystemUnderTest
from tests.marked_processes import MARK, assert_gone
from tests.small_disk import skip_reason, small_disk

_SHOWN = 10
_SHORT_SECONDS = 60.0


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the load")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=40.0, help="calls a second")
    parser.add_argument("--pause", type=float, default=2.0, help="mean seconds between two faults")
    parser.add_argument("--no-faults", action="store_true")
    parser.add_argument("--cluster", action="store_true", help="three nats-servers, replicas 3")
    parser.add_argument(
        "--soak",
        type=int,
        default=0,
        metavar="CALLS",
        help="number of calls, instead of --seconds",
    )
    parser.add_argument("--keep", action="store_true", help="keep the workspace also after success")
    options = parser.parse_args()
    plan = RunSettings(
        options.seconds,
        options.seed,
        faults=not options.no_faults,
        rate=1000.0 if options.soak else options.rate,
        pause=options.pause,
        calls=options.soak,
        window=100 if options.soak else 1000,
    )
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    # Child processes inherit this, or name a path below the folder in their environment.
    os.environ[MARK] = str(folder)
    passed = False
    try:
        with _stack(folder, plan, cluster=options.cluster) as stack:
            passed = asyncio.run(_run(stack, plan))
            assert_gone(str(folder))
    except AssertionError as leak:
        passed = False
        print(leak)
    finally:
        if passed and not options.keep:
            shutil.rmtree(folder)
        else:
            print(f"workspace kept: {folder}")
    return 0 if passed else 1


@contextmanager
def _stack(folder: Path, plan: RunSettings, *, cluster: bool) -> Iterator[SystemUnderTest]:
    if cluster:
        from tests.chaos.cluster import ClusterStack

        yield ClusterStack(folder)
    elif not plan.faults or (reason := skip_reason()):
        if plan.faults:
            print(f"the disk is never full: {reason}")
        yield LabStack(folder)
    else:
        # Large enough for what the lab stores, and small enough to be filled.
        size = "64m" if plan.seconds < _SHORT_SECONDS else "1g"
        with small_disk(folder / "disk", f"size={size}") as disk:
            stack = LabStack(folder, disk)
            try:
                yield stack
            finally:
                # The disk goes; its logs are wanted when an invariant was violated.
                shutil.copytree(stack.logs, folder / "logs")


async def _run(stack: SystemUnderTest, plan: RunSettings) -> bool:
    try:
        report = await ChaosRun(stack, plan).run()
        print(f"\n{report.text}", flush=True)
        if broken := sorted(report.broken):
            print(f"\nof {len(broken)} calls, the first {min(_SHOWN, len(broken))}:")
            print(await post_mortem(stack, broken[:_SHOWN]))
        return report.passed
    finally:
        await stack.stop()


if __name__ == "__main__":
    sys.exit(main())
