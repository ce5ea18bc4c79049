"""Reading what a ``/system`` request asks for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, unquote

from labkit_services.contract.names import split_function_name
from labkit_services.http import HttpError, Request

NAME = r"[-a-zA-Z_0-9.]+"
"""What OpenFaaS's routes take for a function's name."""

_MAX_JSON = 2 * 1024 * 1024


def query_of(request: Request) -> dict[str, str]:
    """Return the query; of a repeated key the last value counts, as in the real one."""
    return {key: values[-1] for key, values in parse_qs(request.query).items()}


def qualified(name: str, namespace: str) -> str:
    """Return ``name.namespace``; a namespace in the name wins over one given beside it."""
    function, own = split_function_name(name)
    return f"{function}.{own if '.' in name else namespace or own}"


def call_id_of_path(captured: str) -> str:
    """Return the call id that a path names: text in latin-1, byte for byte, as headers are."""
    return unquote(captured, encoding="latin-1")


async def json_object(request: Request, refusal: str = "") -> dict[str, Any]:
    """Return the body as a JSON object.

    Args:
        request: The request.
        refusal: What to say when it is none; "" says what is wrong with it.

    Raises:
        HttpError: 400 if it is none, 413 if it is too large.
    """
    try:
        body = json.loads(await request.body(_MAX_JSON))
    except (ValueError, RecursionError) as error:
        text = refusal or f"unable to parse the request body as JSON: {error}\n"
        raise HttpError(400, text) from None
    if not isinstance(body, dict):
        raise HttpError(400, refusal or "validation failed: the body must be a JSON object\n")
    return body


def optional_text(body: dict[str, Any], field: str) -> str:
    """Return a field that may be missing or null, which both mean "".

    Raises:
        HttpError: 400 if it is anything else but a string.
    """
    value = body.get(field)
    if value is not None and not isinstance(value, str):
        raise HttpError(400, f"{field}: must be a string\n")
    return value or ""


def required_text(body: dict[str, Any], field: str) -> str:
    """Return a field that must be a string with something in it.

    Raises:
        HttpError: 400.
    """
    value = optional_text(body, field)
    if not value:
        raise HttpError(400, f"{field}: is required\n")
    return value
