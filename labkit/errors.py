"""The errors of a lab, and their form between processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labkit_services.contract.errors import InvalidValueError as InvalidValueError
from labkit_services.contract.errors import LabError as LabError
from labkit_services.contract.errors import LabTimeoutError as LabTimeoutError
from labkit_services.contract.errors import NatsAccessError as NatsAccessError


class LabStartError(LabError, RuntimeError):
    """The lab could not be started."""


class WorkspaceError(LabStartError, OSError):
    """The workspace folder can't be used."""


class StorageError(LabError, RuntimeError):
    """The lab's files can't be written."""


class LabRunningError(LabError, RuntimeError):
    """A lab runs in this workspace already."""


class NoLabError(LabError, ConnectionError):
    """No lab runs in this workspace."""


class LabGoneError(LabError, ConnectionError):
    """The lab is not running any more."""


class LabResetError(LabError, RuntimeError):
    """The lab was reset."""


class ServiceError(LabError, RuntimeError):
    """A service of the lab is not in the expected state."""


class GatewayError(LabError, RuntimeError):
    """The gateway rejected the request."""


class CallStatusUnavailableError(GatewayError):
    """The call status service is unavailable."""


class RemoteGatewayError(GatewayError):
    """The OpenFaaS that this lab is connected to can't be used."""


class NotAvailableError(LabError, RuntimeError):
    """Not available here."""


class CallbackUrlError(LabError, ValueError):
    """The OpenFaaS can't send results to this process."""


class InspectorError(LabError, RuntimeError):
    """The inspector rejected the request."""


class VerificationError(LabError, AssertionError):
    """What happened is not as expected."""


class NoResultError(LabError, LookupError):
    """The call has no result."""


class WrongThreadError(LabError, RuntimeError):
    """A call from the lab's own thread would wait for itself."""


class SystemProblemError(LabError, OSError):
    """The operating system refused something."""


class UnexpectedError(LabError, RuntimeError):
    """Labkit has a fault."""


def _subclasses(error: type[LabError]) -> Iterator[type[LabError]]:
    for subclass in error.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


_ERROR_TYPES: dict[str, type[LabError]] = {error.__name__: error for error in _subclasses(LabError)}


def error_to_json(error: LabError) -> dict[str, Any]:
    """Return ``error`` as JSON, to send it to another process."""
    return {
        "type": type(error).__name__,
        "headline": error.headline,
        "expected": error.expected,
        "seen": error.seen,
        "log": list(error.log),
        "next_step": error.next_step,
    }


def error_from_json(fields: dict[str, Any]) -> LabError:
    """Rebuild an error; an unknown type becomes a ``LabError``."""
    error_type = _ERROR_TYPES.get(str(fields.get("type")), LabError)
    return error_type(
        str(fields.get("headline", "")) or None,
        expected=str(fields.get("expected", "")),
        seen=str(fields.get("seen", "")),
        log=[str(line) for line in fields.get("log", ())],
        next_step=str(fields.get("next_step", "")),
    )
