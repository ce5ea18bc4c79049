"""``labkit notebooks``: a learner's own copies of the notebooks."""

from __future__ import annotations

import click

from labkit.cli.attached import json_option, show_json
from labkit.language import translated
from labkit.notebook_copies.copies import CopyChange, NotebookCopies
from labkit.views.tables import text_table
from labkit.workspace import Workspace


@click.group(invoke_without_command=True)
@click.pass_context
def notebooks(context: click.Context) -> None:
    """List your copies of the notebooks, and get fresh ones.

    You work on copies in my-notebooks, which git ignores. Without a command it
    lists them.
    """
    if context.invoked_subcommand is None:
        context.invoke(notebooks_list)


@notebooks.command("list")
@json_option
@click.pass_obj
def notebooks_list(workspace: Workspace, as_json: bool) -> None:
    """List the notebooks, and how your copies compare with them.

    missing: there is no copy; the next labkit lab makes one. untouched: as
    labkit brought it. changed: you edited it, or ran a cell of it. new version
    available: labkit has another one since; the next labkit lab updates a copy
    that you did not change, and keeps one that you did.
    """
    statuses = NotebookCopies(workspace).statuses()
    if as_json:
        show_json([{"notebook": status.path, "state": status.state} for status in statuses])
    else:
        click.echo(
            text_table(
                [("notebook", "state"), *((status.path, translated(status.state)) for status in statuses)]
            )
        )


@notebooks.command("copy")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="All notebooks.")
@json_option
@click.pass_obj
def notebooks_copy(workspace: Workspace, names: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Put a fresh copy of each notebook NAME into my-notebooks.

    NAME is a number or a file's name: 01, 01-sync-vs-async, en/01. Nothing is
    overwritten: a copy that you changed gets a new name with the time in it,
    such as 01-sync-vs-async.2026-11-30-1405.ipynb. If it is open in
    JupyterLab, save it first, and then choose File, Reload Notebook from Disk.
    """
    if bool(names) == everything:
        raise click.UsageError("name notebooks, or use --all")
    changes = NotebookCopies(workspace).fresh(names)
    if as_json:
        show_json([_as_json(change) for change in changes])
    else:
        click.echo("\n".join(change.sentence for change in changes))


def _as_json(change: CopyChange) -> dict[str, str]:
    return {
        "notebook": change.path,
        "action": change.action,
        "state_before": change.state,
        "renamed_to": change.renamed_to,
    }
