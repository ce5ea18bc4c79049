"""faas-cli push: only checks, because the lab's functions need no registry."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli.image_tag import TAG, tagged
from labkit.openfaas_cli.faas_cli.output import echo, yellow
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError


def run_push(arguments: Arguments, *, needs_prefix: bool = True) -> None:
    """Check that the images could be pushed, and print that they need not be.

    With ``needs_prefix`` each image must name its owner, as a registry
    requires.
    """
    functions = {name: tagged(f, arguments) for name, f in stack_of(arguments).functions.items()}
    if not functions:
        raise UsageError("you must supply a valid YAML file")
    invalid = [name for name, f in functions.items() if not f.skip_build and "/" not in f.image]
    if invalid and needs_prefix:
        lines = [
            "\nUnable to push one or more of your functions to Docker Hub:",
            *(f"- {name}" for name in invalid),
            "\nYou must provide a username or registry prefix to the Function's image"
            " such as user1/function1",
        ]
        raise UsageError("\n".join(lines))
    for name, function in functions.items():
        echo(yellow(f"[0] > Pushing {name} [{function.image}]."))
        if function.skip_build:
            echo(f"Skipping {name}")
        else:
            echo(yellow(f"[0] < Pushing {name} [{function.image}] done."))
    echo("Nothing was sent: the lab runs functions on this machine, and needs no registry.")
    echo(yellow("[0] Worker done."))


FLAGS = (ENVSUBST, Flag("parallel", "", 1, "Accepted; nothing is sent"), TAG)

COMMAND = Verb(
    "Push the images of functions to a registry (the lab needs none)",
    run_push,
    flags=FLAGS,
    examples=("faas-cli push", "faas-cli push -f stack.yaml --filter long-task"),
)
