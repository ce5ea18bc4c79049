"""faas-cli push: only checks, because the lab's functions need no registry."""

from __future__ import annotations

from datetime import datetime

from labkit.openfaas_cli.faas_cli.docker_build import functions_are_in_docker
from labkit.openfaas_cli.faas_cli.image_tag import TAG, ImageTagError, tagged
from labkit.openfaas_cli.faas_cli.output import echo, warn, yellow
from labkit.openfaas_cli.faas_cli.stack import StackFunction, stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError


def run_push(arguments: Arguments, *, needs_prefix: bool = True) -> None:
    """Check that the images could be pushed, and print that they need not be.

    With ``needs_prefix`` each image must name its owner, as a registry
    requires.
    """
    functions = stack_of(arguments).functions
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
        image = _image(function, arguments)
        echo(yellow(f"[0] > Pushing {name} [{image}]"))
        if not function.image:
            echo("Please provide a valid Image value in the YAML file.")
        elif function.skip_build:
            echo(f"Skipping {name}")
        else:
            echo(yellow(f"[0] < Pushing {name} [{image}] done."))
    if functions_are_in_docker():
        why = "the engine that built the images runs them. To publish one: docker push"
    else:
        why = "the lab runs functions on this machine, and needs no registry"
    echo(f"Nothing was sent: {why}.")
    echo(yellow("[0] Worker done."))


def _image(function: StackFunction, arguments: Arguments) -> str:
    """Return the name with its tag; without git, the name as written."""
    try:
        return tagged(function, arguments).image
    except ImageTagError as error:
        start = f"{datetime.now():%Y/%m/%d %H:%M:%S} Error formatting image tag"
        warn(f"{start}, defaulting to default format: {error.headline}")
        return function.image


FLAGS = (
    ENVSUBST,
    Flag("parallel", "", 1, "Accepted; nothing is sent"),
    Flag("quiet", "", False, "Accepted; nothing is sent"),
    TAG,
)

COMMAND = Verb(
    "Push the images of functions to a registry (the lab needs none)",
    run_push,
    flags=FLAGS,
    examples=("faas-cli push", "faas-cli push -f stack.yaml --filter long-task"),
)
