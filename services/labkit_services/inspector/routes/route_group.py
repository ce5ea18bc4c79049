"""What the modules of routes share: declare, look up, read a body."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import unquote

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.http import Request
from labkit_services.http.router import RouteHandler
from labkit_services.inspector.errors import NotFoundError
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import StoredBin

Route = tuple[str, str, RouteHandler]
"""Methods, path pattern and handler, as ``Router.add`` takes them."""

PathValues = dict[str, str]

SETTINGS_BYTES = 64 * 1024
"""Most bytes of a body with settings."""


class RouteGroup(Protocol):
    """The routes of one resource, under ``/api/v1``. Access was checked."""

    routes: list[Route]


def find_bin(store: BinStore, path: PathValues) -> StoredBin:
    """Return the bin that a path names, or raise NotFoundError."""
    name = unquote(path["bin"])
    if (stored := store.bins.get(name)) is not None:
        return stored
    names = ", ".join(list(store.bins)[:20]) or "none: there are no bins yet"
    next_step = "create it: PUT /api/v1/bins/NAME, or send a request to it"
    raise NotFoundError(f"there is no bin {name[:80]!a}", expected=f"one of {names}", next_step=next_step)


def find_record(store: BinStore, path: PathValues) -> RequestRecord:
    """Return the request that a path names, or raise NotFoundError."""
    stored, wanted = find_bin(store, path), path["id"]
    record = store.record(stored.name, wanted)
    if record is None:
        raise NotFoundError(
            f"the bin {stored.name} holds no such request",
            expected="latest, first, or the id of one of its requests",
            seen=f"{wanted[:80]!a}; it holds {stored.kept}, {stored.dropped} were dropped",
        )
    return record


async def read_object(request: Request, limit: int = SETTINGS_BYTES) -> dict[str, Any]:
    """Read a JSON object from the body; an empty body is an empty object."""
    body = await request.body(limit)
    try:
        document = read_json(body or b"{}")
    except InvalidJsonError as error:
        raise InvalidValueError("the body is not JSON", expected="an object", seen=str(error)) from None
    if not isinstance(document, dict):
        raise InvalidValueError(
            "the body is not a JSON object", expected="an object", seen=ascii(document)[:80]
        )
    return document


async def read_settings(
    request: Request, known: dict[str, type], limit: int = SETTINGS_BYTES
) -> dict[str, Any]:
    """Read a JSON object whose fields and their types are ``known``."""
    settings = await read_object(request, limit)
    for name, value in settings.items():
        if name not in known or type(value) is not known[name]:
            expected = ", ".join(f"{name}: {kind.__name__}" for name, kind in known.items())
            raise InvalidValueError(
                "the body has unknown fields or wrong types",
                expected=f"an object with {expected}",
                seen=f"{name[:80]!a}: {ascii(value)[:120]}",
            )
    return settings
