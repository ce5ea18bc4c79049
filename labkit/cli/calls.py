"""``labkit call`` and ``labkit cancel``: one asynchronous call."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from labkit.cli.attached_lab import with_lab
from labkit.cli.json_output import json_option, show_json
from labkit.views.formatting import format_seconds
from labkit.views.tables import text_table
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from labkit.lab.call import AsyncCall

_TIMES = ("queued", "finished", "cancelled", "dead")


@click.command()
@click.argument("call_id")
@click.option("--wait", default=0.0, help="Seconds to wait for the call's end, or for its result.")
@click.option("--result", is_flag=True, help="Write the function's response body to standard output.")
@json_option
@click.pass_obj
def call(workspace: Workspace, call_id: str, wait: float, result: bool, as_json: bool) -> None:
    """Show the state of the call CALL_ID (X-Call-Id), and its attempts."""
    if result:
        response = with_lab(workspace, lambda lab: lab.call(call_id).result(wait))
        sys.stdout.buffer.write(response.body)
        if response.status >= 400:
            click.echo(f"the function answered {response.status}", err=True)
            sys.exit(1)
        return
    document = with_lab(workspace, lambda lab: _load_document(lab.call(call_id), wait))
    if as_json:
        show_json(document)
    else:
        click.echo("\n".join(_lines(document)))


@click.command()
@click.argument("call_id")
@click.pass_obj
def cancel(workspace: Workspace, call_id: str) -> None:
    """Cancel the call CALL_ID: queued, waiting for a retry, or running."""
    with_lab(workspace, lambda lab: lab.call(call_id).cancel())
    click.echo(f"call {call_id} is cancelled")


async def _load_document(call: AsyncCall, wait: float) -> dict[str, Any]:
    """Return the gateway's document of a call once it is settled, or after ``wait`` seconds."""
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
    lines = [
        f"call      {document['callId']}",
        f"function  {document['function']}, {document['mode'] or 'mode not known'}",
        f"state     {document['state']}{status}" + (f": {reason}" if reason else ""),
        *([f"queue     {document['queue']}"] if document["queue"] else []),
        *(f"{name:<9} {time}" for name, time in document["times"].items() if name in _TIMES and time),
    ]
    if document["attempts"]:
        attempts = [
            (str(one["number"]), _outcome(one), _seconds(one["ran"]), _seconds(one["retryDelay"]))
            for one in document["attempts"]
        ]
        lines += ["", text_table([("attempt", "status", "ran", "next one after"), *attempts])]
    if document["callbacks"]:
        callbacks = [
            (one["url"], _outcome(one), _seconds(one["retryDelay"])) for one in document["callbacks"]
        ]
        lines += ["", text_table([("callback", "status", "next one after"), *callbacks])]
    return lines


def _outcome(attempt: dict[str, Any]) -> str:
    return attempt["error"] or "not over" if attempt["status"] is None else str(attempt["status"])


def _seconds(value: float | None) -> str:
    return "" if value is None else format_seconds(value)
