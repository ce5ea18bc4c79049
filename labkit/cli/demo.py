"""``labkit demo``: ten synchronous and ten asynchronous calls, compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labkit.cli.attached import json_option, show_json
from labkit.language import translated
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
@json_option
def demo(picture: Path, as_json: bool) -> None:
    """Compare ten synchronous calls with ten asynchronous ones."""
    from labkit.lab.lab import Lab

    # In a temporary folder, so that the workspace's own lab is left alone.
    with (
        temporary_folder("labkit-demo-") as folder,
        Lab.start(folder, gateway="", gateway_port=0, inspector_port=0) as lab,
    ):
        lab.deploy(_FUNCTION, fprocess="sleep 1")
        lab.invoke(_FUNCTION)  # The first call also waits for the function's start, which is not measured.
        text = f"A lab is up at {lab.gateway_url}; {_FUNCTION} sleeps for one second."
        click.echo(translated(text) + "\n", err=as_json)
        sync = lab.measure(_FUNCTION, calls=_CALLS)
        lab.set_max_inflight(1)
        one = lab.measure(_FUNCTION, calls=_CALLS, mode="async")
        lab.set_max_inflight(_CALLS)
        ten = lab.measure(_FUNCTION, calls=_CALLS, mode="async")
        lab.plot(sync, one, ten).save(picture)
        if as_json:
            show_json({"runs": list(map(_facts, (sync, one, ten))), "picture": str(picture)})
            return
        click.echo(f"\n{_totals(sync, one, ten)}")
        click.echo("\n" + translated(f"Who waited and who worked: {picture}"))


def _facts(run: Measurement) -> dict[str, Any]:
    return {
        "mode": run.mode,
        "calls": len(run.calls),
        "accepted_after": run.accepted_after,
        "drained_after": run.drained_after,
        "per_call": run.per_call,
    }


def _totals(sync: Measurement, one: Measurement, ten: Measurement) -> str:
    runs = {
        f"{_CALLS} synchronous calls": sync,
        f"{_CALLS} asynchronous, max_inflight 1": one,
        f"{_CALLS} asynchronous, max_inflight {_CALLS}": ten,
    }
    rows = [("", "the caller was free after", "the last call was over after")]
    for title, run in runs.items():
        rows.append(
            (
                translated(title),
                format_seconds(run.accepted_after, "-"),
                format_seconds(run.drained_after, "-"),
            )
        )
    lines = [
        *text_table(rows, right=(1, 2)).splitlines(),
        translated(f"One call takes {format_seconds(sync.per_call, '-')} in the function."),
    ]
    return "\n".join(f"  {line}" for line in lines)
