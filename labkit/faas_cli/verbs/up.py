"""faas-cli up: build, push and deploy."""

from __future__ import annotations

from labkit.faas_cli.command import Command
from labkit.faas_cli.verbs import build, deploy, push
from labkit.flags import Arguments, Flag


def _run(arguments: Arguments) -> None:
    build.run_build(arguments)
    if not arguments.on("skip-push"):
        push.run_push(arguments)
    if not arguments.on("skip-deploy"):
        deploy.run_deploy(arguments)


_OWN = (
    Flag("skip-deploy", "", False, "Do not deploy"),
    Flag("skip-push", "", False, "Do not push"),
)

COMMAND = Command(
    use="up [flags]",
    short="Build, push and deploy OpenFaaS functions",
    run=_run,
    # One flag of a name, whichever of the three steps knows it.
    flags=tuple({flag.name: flag for flag in (*deploy.FLAGS, *push.FLAGS, *build.FLAGS, *_OWN)}.values()),
    examples=("faas-cli up", "faas-cli up --filter long-task", "faas-cli up --skip-push"),
)
