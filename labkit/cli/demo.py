"""The experiment in a terminal: ten calls that block, and ten that do not."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from labkit.lab.lab import Lab
from labkit.views.measurement import Measurement, format_seconds

FUNCTION = "long-task"
CALLS = 10


def run(picture: Path, say: Callable[[str], None]) -> None:
    """Run the experiment in a lab of its own, and draw it.

    A lab of its own, in a folder of its own, so that a lab which someone is
    working with is left alone.

    Args:
        picture: Where the PNG of the timelines goes.
        say: Prints one line.

    Raises:
        LabError: The lab could not be started, or a call went wrong.
    """
    with (
        tempfile.TemporaryDirectory(prefix="labkit-demo-") as folder,
        Lab.start(folder, gateway_port=0, inspector_port=0) as lab,
    ):
        lab.deploy(FUNCTION, fprocess="sleep 1")
        # The first call also waits for the function to come up; that is not what is measured.
        lab.invoke(FUNCTION)
        say(f"A lab is up at {lab.gateway_url}; {FUNCTION} sleeps for one second.\n")
        sync = lab.measure(FUNCTION, calls=CALLS)
        lab.set_max_inflight(1)
        one = lab.measure(FUNCTION, calls=CALLS, mode="async")
        lab.set_max_inflight(CALLS)
        ten = lab.measure(FUNCTION, calls=CALLS, mode="async")
        say("")
        for line in table(sync, one, ten):
            say(line)
        lab.plot(sync, one, ten).save(picture)
        say(f"\nWho waited and who worked: {picture}")


def table(sync: Measurement, one: Measurement, ten: Measurement) -> list[str]:
    """Return the totals, a line a run."""
    rows = [("", "the caller was free after", "the last call was over after")]
    for title, run_ in (
        (f"{CALLS} synchronous calls", sync),
        (f"{CALLS} asynchronous, max_inflight 1", one),
        (f"{CALLS} asynchronous, max_inflight {CALLS}", ten),
    ):
        rows.append((title, _or_dash(run_.accepted_after), _or_dash(run_.drained_after)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [f"  {row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}" for row in rows] + [
        f"  One call takes {_or_dash(sync.per_call)} in the function."
    ]


def _or_dash(seconds: float | None) -> str:
    return "-" if seconds is None else format_seconds(seconds)
