"""The errors of functions that are made from Python source."""

from __future__ import annotations

from labkit_services.contract.errors import LabError


class HandlerSourceError(LabError, ValueError):
    """The handler's code can't be used."""

    log_label = "code"


class HandlerBuildError(LabError, RuntimeError):
    """The function was not built or not deployed."""

    log_label = "output"


class HandlerStartError(LabError, RuntimeError):
    """The function was deployed, and does not start."""

    log_label = "its log"
