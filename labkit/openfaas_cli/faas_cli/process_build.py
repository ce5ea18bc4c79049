"""Build an image for processes: take from a Dockerfile what they need."""

from __future__ import annotations

from pathlib import Path

from labkit.openfaas_cli.dockerfile.build import Build, build
from labkit.openfaas_cli.faas_cli.build_context import requirement_notes
from labkit.openfaas_cli.faas_cli.build_options import BuildOptions
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.signals import temporary_folder
from labkit.workspace import Workspace
from labkit_services.images import catalogue
from labkit_services.images.store import Image, ImageStore


def process_build(function: StackFunction, context: Path, options: BuildOptions) -> None:
    """Build the image into the workspace's store."""
    store = ImageStore(Workspace.find().images)
    with temporary_folder("labkit-build-") as scratch:
        built = build(context, scratch, lambda ref: store.get(ref) or catalogue.find(ref), options.build_args)
        if not options.quiet:
            _print_steps(function, built)
        image = Image(
            function.image,
            built.fprocess,
            built.environment,
            built.workdir,
            labels={**built.labels, **options.labels},
            on_build=built.on_build,
        )
        store.put(image, built.files)


def _print_steps(function: StackFunction, built: Build) -> None:
    echo(f"Dockerfile: {built.copies} COPY, fprocess: {built.fprocess or '(none)'}")
    for note in built.notes:
        echo(note)
    if count := len(built.skipped_runs):
        steps = "1 RUN step" if count == 1 else f"{count} RUN steps"
        echo(f"{steps} not executed: without a container, the process runs on this machine as it is.")
        for run in built.skipped_runs:
            echo(f"  {run}")
    for note in requirement_notes(Path(function.handler) / "requirements.txt"):
        echo(note)
    if not built.fprocess and built.environment.get("mode") != "static":
        echo(f"No ENV fprocess: set the fprocess of {function.name} in the stack file, or it cannot start.")
