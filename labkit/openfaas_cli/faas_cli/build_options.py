"""What an image is built with, whoever builds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from labkit.openfaas_cli.faas_cli.stack import StackFunction


class BuildOptions(NamedTuple):
    """Options of ``docker build``."""

    build_args: Mapping[str, str]
    labels: Mapping[str, str]
    no_cache: bool = False
    pull: bool = False
    squash: bool = False
    quiet: bool = False


BuildImage = Callable[[StackFunction, Path, BuildOptions], None]
"""Builds a function's image from the Dockerfile in a folder, and prints the
steps."""
