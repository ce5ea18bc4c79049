"""faas-cli build: turn a function's folder into an image."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from labkit.openfaas_cli.dockerfile.build import Build, build
from labkit.openfaas_cli.faas_cli.build_context import build_context, requirement_notes, shrink_wrap
from labkit.openfaas_cli.faas_cli.image_tag import TAG, tagged
from labkit.openfaas_cli.faas_cli.output import echo, yellow
from labkit.openfaas_cli.faas_cli.stack import StackFunction, stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabError
from labkit_services.images import catalogue
from labkit_services.images.store import Image, ImageStore


class BuildError(LabError):
    """Errors received during build."""


def run_build(arguments: Arguments) -> None:
    """Build the functions of the stack file, or the flags' function.

    A failed build is an error only after the others have been built.
    """
    if arguments.number("parallel") < 1:
        raise UsageError("the --parallel flag must be great than 0")
    build_args = _build_args(arguments)
    functions = stack_of(arguments).functions or _from_flags(arguments)
    start, errors = time.monotonic(), []
    for function in functions.values():
        if function.skip_build:
            echo(f"Skipping build of: {function.name}.")
            continue
        function_start = time.monotonic()
        echo(yellow(f"[0] > Building {function.name}."))
        try:
            _build(function, arguments, {**function.build_args, **build_args})
        except LabError as error:
            errors.append(error)
        took = time.monotonic() - function_start
        echo(yellow(f"[0] < Building {function.name} done in {took:.2f}s."))
    echo(yellow("[0] Worker done."))
    echo(f"\n{yellow(f'Total build time: {time.monotonic() - start:.2f}s')}")
    if errors:
        raise BuildError("\n".join(["Errors received during build:", *(f"- {error}" for error in errors)]))


def _build(function: StackFunction, arguments: Arguments, build_args: Mapping[str, str]) -> None:
    with build_context(function) as context:
        if arguments.on("shrinkwrap"):
            target = Path("build") / function.name
            shrink_wrap(context, target)
            echo(f"{function.name} shrink-wrapped to ./{target}/")
            return
        function = tagged(function, arguments)
        echo(f"Building: {function.image} with {function.lang} template. Please wait..")
        store = ImageStore(Workspace.find().images)
        with tempfile.TemporaryDirectory(prefix="labkit-build-") as scratch:
            built = build(
                context, Path(scratch), lambda ref: store.get(ref) or catalogue.find(ref), build_args
            )
            if not arguments.on("quiet"):
                _print_steps(function, built)
            image = Image(
                function.image,
                built.fprocess,
                built.environment,
                built.workdir,
                labels=built.labels,
                on_build=built.on_build,
            )
            store.put(image, built.files)
    echo(f"Image: {function.image} built.")


def _print_steps(function: StackFunction, built: Build) -> None:
    echo(f"Dockerfile: {built.copies} COPY, fprocess: {built.fprocess or '(none)'}")
    for note in built.notes:
        echo(note)
    if count := len(built.skipped_runs):
        steps = "1 RUN step" if count == 1 else f"{count} RUN steps"
        echo(f"{steps} not executed: without a container, the process runs on this machine as it is.")
        for run in built.skipped_runs:
            echo(f"  {run}")
    for note in requirement_notes(function.handler / "requirements.txt"):
        echo(note)
    if not built.fprocess and built.environment.get("mode") != "static":
        echo(f"No ENV fprocess: deploy {function.name} with --fprocess, or it cannot start.")


def _build_args(arguments: Arguments) -> dict[str, str]:
    pairs = {}
    for text in arguments.texts("build-arg"):
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError("each build-arg must take the form key=value")
        if not name.strip() or not value.strip():
            raise UsageError("build-arg must have a non-empty key and value")
        pairs[name.strip()] = value.strip()
    return pairs


def _from_flags(arguments: Arguments) -> dict[str, StackFunction]:
    """Return the function of ``--image``, ``--handler`` and ``--name``."""
    name, image, handler = (arguments.text(flag) for flag in ("name", "image", "handler"))
    if not image:
        raise UsageError("please provide a valid --image name for your Docker image")
    if not handler:
        raise UsageError("please provide the full path to your function's handler")
    if not name:
        raise UsageError("please provide the deployed --name of your function")
    language = arguments.text("lang").replace("Dockerfile", "dockerfile")
    return {name: StackFunction(name, lang=language, image=image, handler=Path(handler))}


FLAGS = (
    Flag("build-arg", "b", [], "Value for an ARG of the Dockerfile, KEY=VALUE"),
    Flag("disable-stack-pull", "", False, "Accepted; nothing is pulled"),
    ENVSUBST,
    Flag("handler", "", "", "Folder of the function"),
    Flag("image", "", "", "Name of the image to build"),
    Flag("lang", "", "", "Language of the function"),
    Flag("name", "", "", "Name of the function"),
    Flag("no-cache", "", False, "Accepted; there is no build cache"),
    Flag("parallel", "", 1, "Accepted; a build takes milliseconds"),
    Flag("quiet", "", False, "Do not print a summary of the Dockerfile"),
    Flag("shrinkwrap", "", False, "Only copy the function's files to ./build/"),
    Flag("squash", "", False, "Accepted; there are no layers"),
    TAG,
)

COMMAND = Verb(
    "Build the images of functions",
    run_build,
    flags=FLAGS,
    examples=("faas-cli build", "faas-cli build -f stack.yaml --filter long-task"),
)
