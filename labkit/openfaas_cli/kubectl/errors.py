"""kubectl's errors."""

from __future__ import annotations

from labkit_services.contract.errors import LabError


class NotInLabError(LabError):
    """The lab does not support this command."""


class ResourceNotFoundError(LabError):
    """There is no such pod or deployment."""


class InvalidRequestError(LabError):
    """kubectl, or the cluster, would reject this."""
