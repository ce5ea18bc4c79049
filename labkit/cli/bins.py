"""``labkit bins`` and ``labkit requests``: the inspector in a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from labkit.cli.attached import json_option, show_json, with_lab
from labkit.language import translated
from labkit.views.bins import BINS_HEADING, REQUESTS_HEADING, bin_row, request_row
from labkit.views.formatting import text_width
from labkit.views.tables import text_table
from labkit.workspace import Workspace
from labkit_services.contract.wire_text import printable

if TYPE_CHECKING:
    from labkit.lab.async_lab import AsyncLab

_POLL_SECONDS = 20


@click.command()
@json_option
@click.pass_obj
def bins(workspace: Workspace, as_json: bool) -> None:
    """List the request bins: their URLs, and what they hold."""
    found = with_lab(workspace, lambda lab: lab.connections.inspector.bins())
    if as_json:
        show_json(found)
    elif found:
        click.echo(text_table([BINS_HEADING, *map(bin_row, found)]))
    else:
        click.echo(translated("No bin yet. The first request to any name makes one, such as /r/callbacks."))


@click.command()
@click.argument("bin_name", metavar="BIN")
@click.option("--follow", "-f", is_flag=True, help="Show each new request, until Ctrl-C or the lab's end.")
@click.option("--body", "-b", is_flag=True, help="Show bodies, too.")
@click.option(
    "--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many, at most."
)
@click.option("--method", default="", help="Only those of this method.")
@click.option("--status", type=click.IntRange(0, 999), help="Only those that were answered with this status.")
@click.option("--function", default="", metavar="NAME", help="Only results of this function.")
@click.option("--function-status", type=click.IntRange(0, 999), help="Only results with this status.")
@click.option("--call-id", default="", metavar="ID", help="Only those of this call.")
@click.option("--search", "-q", default="", metavar="TEXT", help="Only those that contain this text.")
@json_option
@click.pass_obj
def requests(
    workspace: Workspace,
    /,
    bin_name: str,
    follow: bool,
    body: bool,
    as_json: bool,
    limit: int,
    **filters: Any,
) -> None:
    """Show the requests in the bin BIN, the oldest first.

    With --json it prints an array; with --follow, one object a line.
    """
    filters["q"] = filters.pop("search")
    given = {name: value for name, value in filters.items() if value not in ("", None)}
    show = _show_line if as_json else _show_rows(body)

    async def load(lab: AsyncLab) -> list[dict[str, Any]]:
        inspector = lab.connections.inspector
        listed = await inspector.requests(bin_name, order="newest", limit=limit, **given)
        found = [dict(request.record) for request in reversed(listed)]
        if follow:
            for record in found:
                show(record)
            last = found[-1]["id"] if found else ""
            await lab.watch.guard(_follow(lab, bin_name, last, given, show))
        return found

    found = with_lab(workspace, load)
    if as_json:
        show_json(found)
    else:
        click.echo(
            text_table([REQUESTS_HEADING, *map(request_row, found)]) if found else translated("No request.")
        )
        if body:
            for record in found:
                click.echo(f"\n{record['method']} {printable(record['path'])}\n{_body(record)}")


async def _follow(
    lab: AsyncLab, name: str, last: str, filters: dict[str, Any], show: Callable[[dict[str, Any]], None]
) -> None:
    """Show new requests for ever."""
    while True:
        after = {"after": last} if last else {}
        new = await lab.connections.inspector.requests(
            name, order="oldest", limit=100, wait=f"{_POLL_SECONDS}s", **after, **filters
        )
        for request in new:
            show(dict(request.record))
            last = request.id


def _show_line(record: dict[str, Any]) -> None:
    click.echo(json.dumps(record, ensure_ascii=False))


def _show_rows(with_body: bool) -> Callable[[dict[str, Any]], None]:
    """Return what prints one row after the other, below one another."""
    heading = [translated(name) for name in REQUESTS_HEADING]
    widths = list(map(text_width, heading))
    is_first = True

    def line(cells: Sequence[str]) -> str:
        widths[:] = map(max, widths, map(text_width, cells))
        padded = [cell + " " * (width - text_width(cell)) for cell, width in zip(cells, widths, strict=True)]
        return "  ".join(padded).rstrip()

    def show(record: dict[str, Any]) -> None:
        nonlocal is_first
        row = line(request_row(record))
        if is_first:
            click.echo(line(heading))
        is_first = False
        click.echo(row)
        if with_body:
            click.echo(_body(record))

    return show


def _body(record: dict[str, Any]) -> str:
    text = record.get("body")
    return (
        translated(f"({record['content_length']} bytes, not text)")
        if text is None
        else printable(text, "\n\t")
    )
