"""faas-cli publish: images for other machines, which needs Docker's buildx."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli.verb import Verb
from labkit.openfaas_cli.faas_cli.verbs import build
from labkit.openfaas_cli.pflag import Arguments, Flag
from labkit_services.contract.errors import LabError


class PublishError(LabError):
    """The lab cannot publish images."""


def run_publish(arguments: Arguments) -> None:
    """Run ``--shrinkwrap``; refuse anything else, which needs Docker."""
    if not arguments.on("shrinkwrap"):
        raise PublishError(
            "publish needs Docker buildx and a registry, which the lab does without: use faas-cli up"
        )
    build.run_build(arguments)


REMOTE_FLAGS = (
    Flag("builder-public-key", "", "", "Public key of a builder, or a file that holds it"),
    Flag("payload-secret", "", "", "File with the secret of a builder"),
    Flag("platforms", "", "linux/amd64", "Platforms to publish for"),
    Flag("remote-builder", "", "", "URL of a builder"),
)
"""Flags that ``up`` has too, for its ``--publish``."""

COMMAND = Verb(
    "Publish images for several platforms (needs Docker: not in the lab)",
    run_publish,
    flags=(
        *build.FLAGS,
        *REMOTE_FLAGS,
        Flag("extra-tag", "", [], "Another tag of the image"),
        Flag("reset-qemu", "", False, "Prepare Docker for other platforms"),
    ),
    examples=("faas-cli publish --shrinkwrap",),
)
