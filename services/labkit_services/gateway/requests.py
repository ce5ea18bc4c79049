"""Parsing requests: names, query, JSON body.

What is invalid raises HttpError 400, a JSON body that is too large 413.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.contract.names import split_function_name
from labkit_services.http import HttpError, Request

NAME = r"[-a-zA-Z_0-9.]+"
"""The function names that OpenFaaS's routes accept."""

_MAX_JSON = 2 * 1024 * 1024


def query_of(request: Request) -> dict[str, str]:
    """Return the query; of a repeated key the last value counts."""
    return dict(parse_qsl(request.query))


def flag_of(query: dict[str, str], name: str) -> bool:
    """Return whether Go's ``strconv.ParseBool`` takes a parameter for true."""
    return query.get(name) in {"1", "t", "T", "true", "TRUE", "True"}


def qualified(name: str, namespace: str) -> str:
    """Return ``name.namespace``; a namespace in the name wins."""
    function, own = split_function_name(name)
    return f"{function}.{own if '.' in name else namespace or own}"


def call_id_of_path(captured: str) -> str:
    """Return the call id of a path, in latin-1 as header values are."""
    return unquote(captured, encoding="latin-1")


async def json_object(request: Request, error_text: str = "") -> dict[str, Any]:
    """Return the body as a JSON object.

    For an invalid one the response is ``error_text``, if given; else it names
    the problem.
    """
    try:
        body = read_json(await request.body(_MAX_JSON))
    except InvalidJsonError as error:
        text = error_text or f"unable to parse the request body as JSON: {error}\n"
        raise HttpError(400, text) from None
    if not isinstance(body, dict):
        raise HttpError(400, error_text or "validation failed: the body must be a JSON object\n")
    return body


def optional_text(body: dict[str, Any], field: str) -> str:
    """Return a string field; missing or null means ""."""
    value = body.get(field)
    if value is not None and not isinstance(value, str):
        raise HttpError(400, f"{field}: must be a string\n")
    return value or ""


def required_text(body: dict[str, Any], field: str) -> str:
    """Return a field that must be a non-empty string."""
    if value := optional_text(body, field):
        return value
    raise HttpError(400, f"{field}: is required\n")
