"""An OpenAPI document, written as YAML and served as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from labkit_services.http import Request, Response


class OpenApiDocument:
    """The document in a file.

    PyYAML is imported, and the file read, at the first request: neither
    delays the service's start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._json = b""

    @property
    def json(self) -> bytes:
        """The document as JSON."""
        if not self._json:
            import yaml

            # libyaml, where the wheel includes it, takes a tenth of the time,
            # in which no request is served.
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            with self._path.open("rb") as file:
                self._json = json.dumps(yaml.load(file, Loader=loader)).encode()  # noqa: S506  # a safe loader
        return self._json

    async def respond(self, _request: Request, _path: dict[str, str]) -> Response:
        """Respond to ``GET /openapi.json``."""
        return Response(200, [("Content-Type", "application/json")], self.json)
