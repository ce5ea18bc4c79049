"""Build an image by the machine's Docker engine.

By its classic builder: the SDK has no BuildKit, so ``RUN --mount`` and
heredocs in a Dockerfile are errors.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from labkit.default_settings import default_functions
from labkit.openfaas_cli.faas_cli.build_options import BuildOptions
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabError
from labkit_services.contract.function_providers import DOCKER

_SILENCE_SECONDS = 3600.0
"""A step may print nothing for as long as it takes."""


class DockerBuildError(LabError):
    """The Docker engine could not build the image."""


def functions_are_in_docker() -> bool:
    """Return whether the workspace's lab runs functions in containers.

    Without a running lab it depends on what the next one will do.
    """
    state = Workspace.find().read_state()
    return (state.functions if state else default_functions()) == DOCKER


def docker_build(function: StackFunction, context: Path, options: BuildOptions) -> None:
    """Build the image in the engine; print what that reports."""
    # Not at the top: the SDK takes a while to import, and few verbs need it.
    from labkit_services.docker_engine.connection import connect, explained

    with contextlib.closing(connect(_SILENCE_SECONDS)) as client, explained():
        events = client.api.build(
            path=str(context),
            tag=function.image,
            buildargs=dict(options.build_args),
            labels=dict(options.labels),
            nocache=options.no_cache,
            pull=options.pull,
            squash=options.squash,
            rm=True,
            forcerm=True,
            decode=True,
        )
        for event in events:
            if error := event.get("error"):
                raise DockerBuildError(error.strip(), next_step="look at the step above, in the Dockerfile")
            if not options.quiet:
                _print(event)


def _print(event: Mapping[str, str]) -> None:
    """Print one of the engine's messages: a build's step, or a pull's."""
    if text := event.get("stream", "").rstrip():
        echo(text)
    elif "status" in event and "progress" not in event:
        layer = f"{event['id']}: " if "id" in event else ""
        echo(layer + event["status"])
