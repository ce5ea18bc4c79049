"""``labkit timeline``: calls over time, drawn in the terminal."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.cli.attached import json_option, show_json, with_lab
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from labkit.lab.async_lab import AsyncLab
    from labkit.views.timeline.picture import CallTimeline

_BESIDE_AXIS = 40
"""Columns for the names and the states of calls."""


@click.command()
@click.argument("call_id", required=False)
@click.option("--function", default="", metavar="NAME", help="Only calls of this function.")
@click.option("--last", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many calls.")
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write a picture to this file.",
)
@json_option
@click.pass_obj
def timeline(
    workspace: Workspace, call_id: str | None, function: str, last: int, svg: Path | None, as_json: bool
) -> None:
    """Draw the latest calls over time, or the call CALL_ID."""

    async def load(lab: AsyncLab) -> CallTimeline:
        if call_id:
            return await lab.call(call_id, function).timeline()
        return await lab.timeline(function, last=last)

    drawn = with_lab(workspace, load)
    if svg is not None:
        drawn.save(svg)
    if as_json:
        from labkit_services.call_record.call_json import call_to_json

        show_json([call_to_json(call) for call in drawn.calls[-last:]])
    else:
        width = shutil.get_terminal_size().columns - _BESIDE_AXIS
        click.echo(drawn.text(width, sys.stdout.encoding))
