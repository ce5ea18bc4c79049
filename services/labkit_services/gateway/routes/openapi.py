"""``GET /openapi.json``: the OpenAPI document, written in ``openapi.yaml``."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from labkit_services.gateway.routes import Route
from labkit_services.http import Request, Response

DOCUMENT = Path(__file__).with_name("openapi.yaml")


async def _serve(_: Request, __: dict[str, str]) -> Response:
    return Response(200, [("Content-Type", "application/json")], document())


@functools.cache
def document() -> bytes:
    """Return the document as JSON.

    PyYAML is imported, and the document read, at the first request: neither
    delays the gateway's start.
    """
    import yaml

    # libyaml, where the wheel includes it, takes a tenth of the time, in which
    # no call is served.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with DOCUMENT.open("rb") as file:
        return json.dumps(yaml.load(file, Loader=loader)).encode()  # noqa: S506  # a safe loader


routes: list[Route] = [("GET", "/openapi.json", _serve)]
