"""``labkit queue`` and ``labkit dead``: queues, and their dead letters."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from labkit.cli.attached_lab import with_lab
from labkit.cli.json_output import json_option, show_json
from labkit.views.queue_status import HEADING, WORKER_HEADING, QueueStatus
from labkit.views.tables import text_table
from labkit.workspace import Workspace
from labkit_services.contract.names import DEFAULT_QUEUE

if TYPE_CHECKING:
    from labkit.lab.async_lab import AsyncLab

_queue_option = click.option("--queue", "-q", default=DEFAULT_QUEUE, show_default=True, help="Which queue.")
_all_option = click.option("--all", "everything", is_flag=True, help="All of the queue.")


@click.command()
@click.argument("name", required=False)
@click.option("--max-inflight", type=int, help="Change how many calls each worker of the queue runs at once.")
@json_option
@click.pass_obj
def queue(workspace: Workspace, name: str | None, max_inflight: int | None, as_json: bool) -> None:
    """Show how full every queue is, or the queue NAME and its workers."""

    async def load(lab: AsyncLab) -> list[QueueStatus]:
        from labkit.lab.queue import list_queues

        if max_inflight is not None:
            await lab.queue(name or DEFAULT_QUEUE).set_max_inflight(max_inflight)
        return [await lab.queue(name).status()] if name else await list_queues(lab.clients.gateway)

    queues = with_lab(workspace, load)
    if as_json:
        show_json(asdict(queues[0]) if name else [asdict(status) for status in queues])
        return
    click.echo(text_table([HEADING, *(status.row() for status in queues)]))
    if name and queues[0].workers:
        click.echo("\n" + text_table([WORKER_HEADING, *(worker.row() for worker in queues[0].workers)]))


@click.group()
def dead() -> None:
    """List, show, redrive and purge dead letters.

    A dead letter is a call, or a callback, whose every attempt failed.
    """


@dead.command("list")
@_queue_option
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")
@json_option
@click.pass_obj
def dead_list(workspace: Workspace, queue: str, limit: int, as_json: bool) -> None:
    """List the dead letters of a queue, oldest first."""
    letters = with_lab(workspace, lambda lab: lab.queue(queue).dead_letters(limit))
    if as_json:
        show_json([letter.record for letter in letters])
    else:
        click.echo(repr(letters))


@dead.command("show")
@click.argument("call_id")
@_queue_option
@json_option
@click.pass_obj
def dead_show(workspace: Workspace, call_id: str, queue: str, as_json: bool) -> None:
    """Show the newest dead letter of the call CALL_ID: its request and the last response."""
    letter = with_lab(workspace, lambda lab: lab.queue(queue).dead_letter(call_id))
    if as_json:
        show_json(letter.record)
    else:
        click.echo(str(letter))


@dead.command("redrive")
@click.argument("call_id", required=False)
@_all_option
@_queue_option
@click.pass_obj
def dead_redrive(workspace: Workspace, call_id: str | None, everything: bool, queue: str) -> None:
    """Queue the dead letters of the call CALL_ID, or all of them, again."""
    _require_one_or_all(call_id, everything)
    count = with_lab(workspace, lambda lab: lab.queue(queue).redrive(call_id))
    click.echo(f"{count} redriven to {queue}")


@dead.command("purge")
@click.argument("call_id", required=False)
@_all_option
@_queue_option
@click.pass_obj
def dead_purge(workspace: Workspace, call_id: str | None, everything: bool, queue: str) -> None:
    """Delete the dead letters of the call CALL_ID, or all of them."""
    _require_one_or_all(call_id, everything)
    count = with_lab(workspace, lambda lab: lab.queue(queue).purge(call_id))
    click.echo(f"{count} deleted from {queue}")


def _require_one_or_all(call_id: str | None, everything: bool) -> None:
    if bool(call_id) == everything:
        raise click.UsageError("name one call, or use --all")
