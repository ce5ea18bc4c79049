"""The error of everything that reads or executes a Dockerfile."""

from __future__ import annotations

from labkit_services.contract.errors import LabError


class DockerfileError(LabError, ValueError):
    """The Dockerfile cannot be used."""


class SourceNotFoundError(DockerfileError):
    """A file that ``COPY`` or ``ADD`` names does not exist."""
