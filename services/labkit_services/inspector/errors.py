"""What the inspector refuses, each with the HTTP status that says so."""

from __future__ import annotations

from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.http import Response
from labkit_services.http.headers import Pair


class RefusedError(LabError):
    """The inspector refuses the request."""

    status = 400
    headers: tuple[Pair, ...] = ()


class NotFoundError(RefusedError, LookupError):
    """There is no such thing in the inspector."""

    status = 404


class ReservedNameError(RefusedError, ValueError):
    """The name belongs to the inspector itself."""

    status = 409


class UnusableNameError(RefusedError, ValueError):
    """The name can't be a bin's."""

    status = 422


class UnauthorizedError(RefusedError, PermissionError):
    """The inspector's page and API need its token."""

    status = 401
    headers = (("WWW-Authenticate", "Bearer"),)


class CrossSiteError(RefusedError, PermissionError):
    """Another web site may not change anything here."""

    status = 403


class TooManyError(RefusedError):
    """The inspector is full."""

    status = 507


def response_of(error: LabError) -> Response:
    """Return the JSON answer that says what is wrong and what to do."""
    status = 422 if isinstance(error, InvalidValueError) else 500
    headers: tuple[Pair, ...] = ()
    if isinstance(error, RefusedError):
        status, headers = error.status, error.headers
    said = {"error": error.headline, "expected": error.expected, "seen": error.seen, "next": error.next_step}
    response = Response.json(status, {key: text for key, text in said.items() if text})
    for name, value in headers:
        response.headers.add(name, value)
    return response
