"""``labkit demo``: ten synchronous and ten asynchronous calls, compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.signals import temporary_folder
from labkit.views.formatting import format_seconds
from labkit.views.tables import text_table

if TYPE_CHECKING:
    from labkit.views.measurement import Measurement

_FUNCTION = "long-task"
_CALLS = 10


@click.command()
@click.option(
    "--picture",
    default="labkit-demo.png",
    show_default=True,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="File for the plotted timelines.",
)
def demo(picture: Path) -> None:
    """Compare ten synchronous calls with ten asynchronous ones."""
    from labkit.lab.lab import Lab

    # In a temporary folder, so that the workspace's own lab is left alone.
    with (
        temporary_folder("labkit-demo-") as folder,
        Lab.start(folder, gateway_port=0, inspector_port=0) as lab,
    ):
        lab.deploy(_FUNCTION, fprocess="sleep 1")
        lab.invoke(_FUNCTION)  # The first call also waits for the function's start, which is not measured.
        click.echo(f"A lab is up at {lab.gateway_url}; {_FUNCTION} sleeps for one second.\n")
        sync = lab.measure(_FUNCTION, calls=_CALLS)
        lab.set_max_inflight(1)
        one = lab.measure(_FUNCTION, calls=_CALLS, mode="async")
        lab.set_max_inflight(_CALLS)
        ten = lab.measure(_FUNCTION, calls=_CALLS, mode="async")
        click.echo(f"\n{_totals(sync, one, ten)}")
        lab.plot(sync, one, ten).save(picture)
        click.echo(f"\nWho waited and who worked: {picture}")


def _totals(sync: Measurement, one: Measurement, ten: Measurement) -> str:
    runs = {
        f"{_CALLS} synchronous calls": sync,
        f"{_CALLS} asynchronous, max_inflight 1": one,
        f"{_CALLS} asynchronous, max_inflight {_CALLS}": ten,
    }
    rows = [("", "the caller was free after", "the last call was over after")]
    for title, run in runs.items():
        rows.append((title, format_seconds(run.accepted_after, "-"), format_seconds(run.drained_after, "-")))
    lines = [
        *text_table(rows, right=(1, 2)).splitlines(),
        f"One call takes {format_seconds(sync.per_call, '-')} in the function.",
    ]
    return "\n".join(f"  {line}" for line in lines)
