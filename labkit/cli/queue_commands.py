"""``labkit queue``, ``dead``, ``call`` and ``cancel``: what lies in the queues, and what became of it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from labkit.workspace import Workspace
from labkit_services.contract.names import DEFAULT_QUEUE

if TYPE_CHECKING:
    from labkit.lab.async_lab import AsyncLab
    from labkit.lab.call import AsyncCallHandle
    from labkit.views.dead_letters import DeadLetter

T = TypeVar("T")

_as_json = click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
_of_queue = click.option("--queue", "-q", default=DEFAULT_QUEUE, show_default=True, help="Which queue.")


def _with_lab(workspace: Workspace, work: Callable[[AsyncLab], Awaitable[T]]) -> T:
    """Do something with the workspace's running lab."""
    from labkit.lab.async_lab import AsyncLab

    async def run() -> T:
        lab = await AsyncLab.attach(workspace)
        try:
            return await work(lab)
        finally:
            await lab.stop()  # lets go of it

    return asyncio.run(run())


def _show_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


# -- queues


@click.command()
@click.argument("name", required=False)
@click.option("--max-inflight", type=int, help="Have each worker of the queue run so many calls at once.")
@_as_json
@click.pass_obj
def queue(workspace: Workspace, name: str | None, max_inflight: int | None, as_json: bool) -> None:
    """Show how full every queue is, or the queue NAME, and who works on it."""
    from dataclasses import asdict

    from labkit.views.queue_status import HEADING, QueueStatus
    from labkit.views.tables import text_table

    async def work(lab: AsyncLab) -> list[QueueStatus]:
        if max_inflight is not None:
            await lab.queue(name or DEFAULT_QUEUE).set_max_inflight(max_inflight)
        return [await lab.queue(name).status()] if name else await lab.connections.gateway.queues()

    found = _with_lab(workspace, work)
    if as_json:
        _show_json(asdict(found[0]) if name else [asdict(one) for one in found])
        return
    click.echo(text_table([HEADING, *(one.row() for one in found)]))
    if name and found[0].workers:
        heading = ("worker", "max_inflight", "in flight", "processed", "redelivered")
        rows = [
            (w.name, str(w.max_inflight), str(w.in_flight), str(w.processed), str(w.redelivered))
            for w in found[0].workers
        ]
        click.echo("\n" + text_table([heading, *rows]))


# -- dead letters


@click.group()
def dead() -> None:
    """Look at dead letters: calls, and callbacks, that were given up."""


@dead.command("list")
@_of_queue
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")
@_as_json
@click.pass_obj
def dead_list(workspace: Workspace, queue: str, limit: int, as_json: bool) -> None:
    """List the dead letters of a queue, oldest first."""
    letters = _with_lab(workspace, lambda lab: lab.queue(queue).dead_letters(limit))
    if as_json:
        _show_json([letter.record for letter in letters])
    else:
        click.echo(repr(letters))


@dead.command("show")
@click.argument("call_id")
@_of_queue
@_as_json
@click.pass_obj
def dead_show(workspace: Workspace, call_id: str, queue: str, as_json: bool) -> None:
    """Show the newest dead letter of the call CALL_ID: its request, and the function's last answer."""
    letter: DeadLetter = _with_lab(workspace, lambda lab: lab.queue(queue).dead_letter(call_id))
    if as_json:
        _show_json(letter.record)
    else:
        click.echo(str(letter))


def _one_or_all(call_id: str | None, everything: bool) -> None:
    if bool(call_id) == everything:
        raise click.UsageError("name one call, or say --all")


_all = click.option("--all", "everything", is_flag=True, help="All of the queue.")


@dead.command("redrive")
@click.argument("call_id", required=False)
@_all
@_of_queue
@click.pass_obj
def dead_redrive(workspace: Workspace, call_id: str | None, everything: bool, queue: str) -> None:
    """Put the dead letters of the call CALL_ID, or all, back where they came from."""
    _one_or_all(call_id, everything)
    count = _with_lab(workspace, lambda lab: lab.queue(queue).redrive(call_id))
    click.echo(f"{count} put back into {queue}")


@dead.command("purge")
@click.argument("call_id", required=False)
@_all
@_of_queue
@click.pass_obj
def dead_purge(workspace: Workspace, call_id: str | None, everything: bool, queue: str) -> None:
    """Throw the dead letters of the call CALL_ID, or all, away."""
    _one_or_all(call_id, everything)
    count = _with_lab(workspace, lambda lab: lab.queue(queue).purge(call_id))
    click.echo(f"{count} thrown away from {queue}")


# -- calls


@click.command()
@click.argument("call_id")
@click.option("--wait", default=0.0, help="Seconds to wait for the call's end, or for its result.")
@click.option("--result", is_flag=True, help="Write what the function answered to standard output.")
@_as_json
@click.pass_obj
def call(workspace: Workspace, call_id: str, wait: float, result: bool, as_json: bool) -> None:
    """Show what became of the call CALL_ID (X-Call-Id)."""
    if result:
        answer = _with_lab(workspace, lambda lab: lab.call(call_id).result(wait))
        sys.stdout.buffer.write(answer.body)
        if answer.status >= 400:
            click.echo(f"the function answered {answer.status}", err=True)
            sys.exit(1)
        return
    told = _with_lab(workspace, lambda lab: _settled(lab.call(call_id), wait))
    if as_json:
        _show_json(told)
    else:
        click.echo("\n".join(_lines(told)))


async def _settled(call: AsyncCallHandle, wait: float) -> dict[str, Any]:
    """Return the gateway's account of a call once it is settled, or after ``wait`` seconds."""
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        remaining = deadline - asyncio.get_running_loop().time()
        told = await call.document(max(0.0, remaining))
        if told["settled"] or remaining <= 0:
            return told


def _lines(told: dict[str, Any]) -> list[str]:
    """Say in lines what the gateway tells of a call."""
    from labkit.views.tables import text_table

    status = f", status {told['status']}" if told["status"] is not None else ""
    reason = told["deadReason"] or told["callbackDeadReason"]
    lines = [
        f"call      {told['callId']}",
        f"function  {told['function']}, {told['mode'] or 'mode not known'}",
        f"state     {told['state']}{status}" + (f": {reason}" if reason else ""),
        *([f"queue     {told['queue']}"] if told["queue"] else []),
        *(f"{name:<9} {time}" for name, time in told["times"].items() if name in _SHOWN and time),
    ]
    if told["attempts"]:
        rows = [
            (
                str(one["number"]),
                _or_empty(one["status"]) or one["error"] or "not over",
                _seconds(one["ran"]),
                _seconds(one["retryDelay"]),
            )
            for one in told["attempts"]
        ]
        lines += ["", text_table([("attempt", "status", "ran", "next one after"), *rows])]
    if told["callbacks"]:
        posted = [
            (one["url"], _or_empty(one["status"]) or one["error"] or "not over", _seconds(one["retryDelay"]))
            for one in told["callbacks"]
        ]
        lines += ["", text_table([("callback", "status", "next one after"), *posted])]
    return lines


_SHOWN = ("queued", "finished", "cancelled", "dead")


def _or_empty(status: int | None) -> str:
    return "" if status is None else str(status)


def _seconds(value: float | None) -> str:
    from labkit.views.measurement import format_seconds

    return "" if value is None else format_seconds(value)


@click.command()
@click.argument("call_id")
@click.pass_obj
def cancel(workspace: Workspace, call_id: str) -> None:
    """Take the call CALL_ID back: in the queue, waiting to be tried again, or running."""
    _with_lab(workspace, lambda lab: lab.call(call_id).cancel())
    click.echo(f"call {call_id} is cancelled")
