"""What can go wrong with a lab, and how it travels between processes."""

from __future__ import annotations

from typing import Any

from labkit_services.contract.errors import InvalidValueError, LabError, LabTimeoutError

__all__ = [
    "GatewayError",
    "InspectorError",
    "InvalidValueError",
    "LabError",
    "LabGoneError",
    "LabRunningError",
    "LabStartError",
    "LabTimeoutError",
    "NoLabError",
    "NoResultError",
    "RecordAwayError",
    "ServiceError",
    "WorkspaceError",
    "error_from_json",
    "error_to_json",
]


class LabStartError(LabError, RuntimeError):
    """The lab could not be started."""


class WorkspaceError(LabError, OSError):
    """The workspace folder can't be used."""


class LabRunningError(LabError, RuntimeError):
    """A lab runs in this workspace already."""


class NoLabError(LabError, ConnectionError):
    """No lab runs in this workspace."""


class LabGoneError(LabError, ConnectionError):
    """The lab has gone."""


class ServiceError(LabError, RuntimeError):
    """A service of the lab is not as asked for."""


class GatewayError(LabError, RuntimeError):
    """The gateway refused."""


class RecordAwayError(GatewayError):
    """Who keeps the record of calls is away."""


class InspectorError(LabError, RuntimeError):
    """The inspector refused."""


class NoResultError(LabError, LookupError):
    """The call has no result."""


_FAMILY: dict[str, type[LabError]] = {
    family.__name__: family
    for family in (
        LabError,
        LabTimeoutError,
        InvalidValueError,
        LabStartError,
        WorkspaceError,
        LabRunningError,
        NoLabError,
        LabGoneError,
        ServiceError,
    )
}


def error_to_json(error: LabError) -> dict[str, Any]:
    """Return the fields of ``error``, to be sent to another process."""
    return {
        "type": type(error).__name__,
        "headline": error.headline,
        "expected": error.expected,
        "seen": error.seen,
        "log": list(error.log),
        "next_step": error.next_step,
    }


def error_from_json(fields: dict[str, Any]) -> LabError:
    """Rebuild what ``error_to_json`` took apart; an unknown type becomes a plain ``LabError``."""
    family = _FAMILY.get(str(fields.get("type")), LabError)
    return family(
        str(fields.get("headline", "")) or None,
        expected=str(fields.get("expected", "")),
        seen=str(fields.get("seen", "")),
        log=[str(line) for line in fields.get("log", ())],
        next_step=str(fields.get("next_step", "")),
    )
