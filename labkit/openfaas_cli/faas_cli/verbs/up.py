"""faas-cli up: build, push and deploy."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from labkit.openfaas_cli.faas_cli.build_context import NOT_COPIED
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.stack_file import stack_file
from labkit.openfaas_cli.faas_cli.verb import Verb
from labkit.openfaas_cli.faas_cli.verbs import build, deploy, push
from labkit.openfaas_cli.faas_cli.verbs.publish import run_publish
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.errors import LabError

_POLL_SECONDS = 0.5

FileStates = dict[Path, tuple[int, int]]
"""By file: time of its last change in nanoseconds, and size in bytes."""


def _build_push_deploy(arguments: Arguments) -> None:
    if arguments.on("publish"):
        run_publish(arguments)
    build.run_build(arguments)
    if not arguments.on("skip-push"):
        push.run_push(arguments, needs_prefix=False)  # a first function needs no registry
    if not arguments.on("skip-deploy"):
        deploy.run_deploy(arguments)


def _run(arguments: Arguments) -> None:
    """Run the steps; with ``--watch``, again whenever a file changes.

    Polling the files twice a second costs nothing next to a build, and works
    on every file system, mounted ones included.
    """
    if not arguments.on("watch"):
        _build_push_deploy(arguments)
        return
    paths = _watched_paths(arguments)
    echo(f"[Watch] monitoring {len(paths)} path(s): {', '.join(map(str, paths))}")
    previous: FileStates | None = None
    while True:
        states = file_states(paths)
        if states != previous:
            previous = states
            try:
                _build_push_deploy(arguments)
            except LabError as error:
                echo(str(error))  # a file may be half-written; the next change tries again
            sys.stdout.flush()
        time.sleep(_POLL_SECONDS)


def _watched_paths(arguments: Arguments) -> list[Path]:
    file = stack_file(arguments)
    if file is None:
        raise UsageError("--watch needs a stack file", expected="stack.yaml, or another with --yaml")
    return [Path(file), *sorted({Path(item.handler) for item in stack_of(arguments).functions.values()})]


def file_states(paths: list[Path]) -> FileStates:
    """Return the states of files, and of those in folders.

    Left out are the folders that a build writes, and hidden ones.
    """
    states: FileStates = {}
    for path in paths:
        entries = path.iterdir() if path.is_dir() else [path]
        watched = [entry for entry in entries if entry.name not in NOT_COPIED and entry.name[0] != "."]
        for file in (*watched, *(file for entry in watched for file in entry.rglob("*"))):
            try:
                status = file.stat()
            except FileNotFoundError:
                continue  # an editor is replacing the file
            states[file] = (status.st_mtime_ns, status.st_size)
    return states


_OWN = (
    Flag("publish", "", False, "Publish instead of build and push (needs Docker: not in the lab)"),
    Flag("skip-deploy", "", False, "Do not deploy"),
    Flag("skip-push", "", False, "Do not push"),
    Flag("watch", "", False, "Repeat whenever a file changes, until Control-C"),
)

COMMAND = Verb(
    "Build, push and deploy OpenFaaS functions",
    _run,
    # The steps share flags; each is listed once.
    flags=tuple({flag.name: flag for flag in (*deploy.FLAGS, *push.FLAGS, *build.FLAGS, *_OWN)}.values()),
    examples=("faas-cli up", "faas-cli up --filter long-task", "faas-cli up --skip-push"),
)
