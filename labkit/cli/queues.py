"""``labkit queue``, ``dead``, ``call``, ``cancel``: queues and their calls."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from labkit.cli.attached import json_option, show, show_json, with_lab
from labkit.language import language, translated
from labkit.views.formatting import format_seconds
from labkit.views.queue_status import HEADING, WORKER_HEADING, QueueStatus
from labkit.views.tables import labelled, text_table
from labkit.workspace import Workspace
from labkit_services.call_record.attribution import CallOutcome
from labkit_services.contract.names import DEFAULT_QUEUE

if TYPE_CHECKING:
    from labkit.lab.async_lab import AsyncLab
    from labkit.lab.call import AsyncCallHandle

T = TypeVar("T")

_queue_option = click.option("--queue", "-q", default=DEFAULT_QUEUE, show_default=True, help="Which queue.")
_function_option = click.option(
    "--function", default="", metavar="NAME", help="Whose call, if functions share the id."
)
_TIMES = ("queued", "finished", "cancelled", "dead")


@click.command()
@click.argument("name", required=False)
@click.option("--max-inflight", type=int, help="Change how many calls each worker of the queue runs at once.")
@json_option
@click.pass_obj
def queue(workspace: Workspace, name: str | None, max_inflight: int | None, as_json: bool) -> None:
    """Show how full every queue is, or the queue NAME and its workers."""

    async def load(lab: AsyncLab) -> list[QueueStatus]:
        if max_inflight is not None:
            await lab.queue(name or DEFAULT_QUEUE).set_max_inflight(max_inflight)
        return [await lab.queue(name).status()] if name else await lab.connections.gateway.queues()

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
@_function_option
@_queue_option
@json_option
@click.pass_obj
def dead_show(workspace: Workspace, call_id: str, function: str, queue: str, as_json: bool) -> None:
    """Show the newest dead letter of the call CALL_ID.

    It has the call's request and the function's last response.
    """
    letter = with_lab(workspace, lambda lab: lab.queue(queue).dead_letter(call_id, function))
    if as_json:
        show_json(letter.record)
    else:
        click.echo(str(letter))


def _one_or_all(command: Callable[[Workspace, str | None, str, str, bool], None]) -> Callable[..., None]:
    """Decorate a command with options that select one call, or a queue's."""

    @click.argument("call_id", required=False)
    @click.option("--all", "everything", is_flag=True, help="All of the queue.")
    @_function_option
    @_queue_option
    @json_option
    @click.pass_obj
    @wraps(command)
    def checked(
        workspace: Workspace,
        call_id: str | None,
        everything: bool,
        function: str,
        queue: str,
        as_json: bool,
    ) -> None:
        if bool(call_id) == everything or (function and everything):
            raise click.UsageError("name one call, or use --all")
        command(workspace, call_id, function, queue, as_json)

    return checked


@dead.command("redrive")
@_one_or_all
def dead_redrive(workspace: Workspace, call_id: str | None, function: str, queue: str, as_json: bool) -> None:
    """Queue the dead letters of the call CALL_ID, or all of them, again."""
    count = with_lab(workspace, lambda lab: lab.queue(queue).redrive(call_id, function))
    show(as_json, f"{count} redriven to {queue}", redriven=count, queue=queue)


@dead.command("purge")
@_one_or_all
def dead_purge(workspace: Workspace, call_id: str | None, function: str, queue: str, as_json: bool) -> None:
    """Delete the dead letters of the call CALL_ID, or all of them."""
    count = with_lab(workspace, lambda lab: lab.queue(queue).purge(call_id, function))
    show(as_json, f"{count} deleted from {queue}", purged=count, queue=queue)


@click.command()
@click.argument("call_id")
@_function_option
@click.option("--wait", default=0.0, help="Seconds to wait for the call's end, or for its result.")
@click.option("--result", is_flag=True, help="Write the function's response body to standard output.")
@json_option
@click.pass_obj
def call(workspace: Workspace, call_id: str, function: str, wait: float, result: bool, as_json: bool) -> None:
    """Show the state of the call CALL_ID (X-Call-Id), and its attempts."""
    if result:
        response = with_lab(workspace, lambda lab: lab.call(call_id, function).result(wait))
        sys.stdout.buffer.write(response.body)
        if response.status >= 400:
            click.echo(translated(f"the function answered {response.status}"), err=True)
            sys.exit(1)
        return
    document = with_lab(workspace, lambda lab: _load_document(lab.call(call_id, function), wait))
    if as_json:
        show_json(document)
    else:
        click.echo("\n".join(_lines(document)))


@click.command()
@_one_or_all
def cancel(workspace: Workspace, call_id: str | None, function: str, queue: str, as_json: bool) -> None:
    """Cancel the call CALL_ID, or all calls of a queue.

    They may be queued, waiting for a retry, or running.
    """
    if call_id is None:
        count = with_lab(workspace, lambda lab: lab.queue(queue).cancel_calls())
        show(as_json, f"{count} of {queue} cancelled", cancelled=count, queue=queue)
        return
    with_lab(workspace, lambda lab: lab.call(call_id, function).cancel())
    show(as_json, f"call {call_id} is cancelled", cancelled=1, id=call_id)


async def _load_document(call: AsyncCallHandle, wait: float) -> dict[str, Any]:
    """Return a call's document once settled, or after ``wait`` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while True:
        remaining = deadline - loop.time()
        document = await call.document(max(0.0, remaining))
        if document["settled"] or remaining <= 0:
            return document


def _lines(document: dict[str, Any]) -> list[str]:
    status = f", status {document['status']}" if document["status"] is not None else ""
    reason = document["deadReason"] or document["callbackDeadReason"]
    others = [name for name in document["functions"] if name != document["function"]]
    outcome = CallOutcome.from_json(document["outcome"])
    lines = [
        labelled("call", document["callId"]),
        labelled("function", f"{document['function']}, {document['mode'] or translated('mode not known')}"),
        *([labelled("others", translated(f"{', '.join(others)}: see --function"))] if others else []),
        labelled("state", f"{document['state']}{status}" + (f": {translated(reason)}" if reason else "")),
        *([labelled("queue", document["queue"])] if document["queue"] else []),
        labelled("why", outcome.reason_in(language())),
        labelled("next", outcome.next_in(language())),
        *(labelled(name, time) for name, time in document["times"].items() if name in _TIMES and time),
    ]
    if document["attempts"]:
        attempts = [
            (str(one["number"]), _outcome(one), format_seconds(one["ran"]), format_seconds(one["retryDelay"]))
            for one in document["attempts"]
        ]
        lines += ["", text_table([("attempt", "status", "ran", "next one after"), *attempts])]
    if document["callbacks"]:
        callbacks = [
            (
                one["redirectedTo"] or one["url"],
                _outcome(one) + (translated(" refused") if one["refused"] else ""),
                format_seconds(one["retryDelay"]),
            )
            for one in document["callbacks"]
        ]
        lines += ["", text_table([("callback", "status", "next one after"), *callbacks])]
    return lines


def _outcome(attempt: dict[str, Any]) -> str:
    if attempt["status"] is None:
        return translated(attempt["error"] or "not over")
    return str(attempt["status"])
