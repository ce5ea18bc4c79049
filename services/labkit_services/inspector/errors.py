"""The inspector's errors, each with the HTTP status of its response."""

from __future__ import annotations

from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.http import Response
from labkit_services.http.headers import Pair


class RequestRefusedError(LabError):
    """The inspector refused the request."""

    status = 400
    headers: tuple[Pair, ...] = ()


class NotFoundError(RequestRefusedError, LookupError):
    """The inspector has no such bin or request."""

    status = 404


class ReservedNameError(RequestRefusedError, ValueError):
    """The name is reserved for the inspector's own paths."""

    status = 409


class OtherRunError(RequestRefusedError):
    """The request is for another run of the lab."""

    status = 421


class InvalidNameError(RequestRefusedError, ValueError):
    """The name is not valid for a bin."""

    status = 422


class UnauthorizedError(RequestRefusedError, PermissionError):
    """The inspector's page and API need its token."""

    status = 401
    headers = (("WWW-Authenticate", "Bearer"),)


class CrossSiteError(RequestRefusedError, PermissionError):
    """Another web site may not change anything here."""

    status = 403


class FormTypeError(RequestRefusedError, PermissionError):
    """A form's body: a page of any web site may send it."""

    status = 415


class TooManyError(RequestRefusedError):
    """The inspector is full."""

    status = 507


class UnavailableError(RequestRefusedError, ConnectionError):
    """A part of the lab that is needed for it is not there."""

    status = 503


class ReadOnlyError(RequestRefusedError, PermissionError):
    """A record of a run is open: nothing can be changed."""

    status = 405
    headers = (("Allow", "GET, HEAD"),)


class NotRecordedError(RequestRefusedError, LookupError):
    """A record of a run is open, which does not have this."""

    status = 409


class NotTakenError(RequestRefusedError, ValueError):
    """A service of the lab refused what was asked for."""

    status = 400


class NotSavedError(RequestRefusedError):
    """The request could not be saved."""

    status = 507


def error_response(error: LabError) -> Response:
    """Return an error as a JSON response with what is wrong and what to do."""
    status = 422 if isinstance(error, InvalidValueError) else 500
    headers: tuple[Pair, ...] = ()
    if isinstance(error, RequestRefusedError):
        status, headers = error.status, error.headers
    response = Response.json(status, error.to_json())
    for name, value in headers:
        response.headers.add(name, value)
    return response
