"""faas-cli push: nothing to do, for the lab's functions need no registry."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli.command import ENVSUBST, Command
from labkit.openfaas_cli.faas_cli.image_tag import TAG, tagged
from labkit.openfaas_cli.faas_cli.output import say, yellow
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError


def run_push(arguments: Arguments, *, needs_prefix: bool = True) -> None:
    """Check that the images could be pushed, and say that they need not be.

    Args:
        arguments: The command line's.
        needs_prefix: Whether each image must name whose it is, as a registry demands.

    Raises:
        UsageError: There is no stack file, or an image has no prefix.
    """
    functions = {name: tagged(f, arguments) for name, f in stack_of(arguments).functions.items()}
    if not functions:
        raise UsageError("you must supply a valid YAML file")
    invalid = [name for name, f in functions.items() if not f.skip_build and "/" not in f.image]
    if invalid and needs_prefix:
        raise UsageError(
            "\n".join(
                [
                    "\nUnable to push one or more of your functions to Docker Hub:",
                    *(f"- {name}" for name in invalid),
                    "\nYou must provide a username or registry prefix to the Function's image "
                    "such as user1/function1",
                ]
            )
        )
    for name, function in functions.items():
        say(yellow(f"[0] > Pushing {name} [{function.image}]."))
        if function.skip_build:
            say(f"Skipping {name}")
        else:
            say(yellow(f"[0] < Pushing {name} [{function.image}] done."))
    say("Nothing was sent: the lab runs functions on this machine, and needs no registry.")
    say(yellow("[0] Worker done."))


FLAGS = (
    ENVSUBST,
    Flag("parallel", "", 1, "Accepted; nothing is sent"),
    TAG,
)

COMMAND = Command(
    short="Push the images of functions to a registry (the lab needs none)",
    run=run_push,
    flags=FLAGS,
    examples=("faas-cli push", "faas-cli push -f stack.yaml --filter long-task"),
)
