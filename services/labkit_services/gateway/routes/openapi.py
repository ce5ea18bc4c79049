"""``GET /openapi.json``: the OpenAPI document, written in ``openapi.yaml``."""

from __future__ import annotations

from pathlib import Path

from labkit_services.gateway.routes import Route
from labkit_services.web.openapi_document import OpenApiDocument

document = OpenApiDocument(Path(__file__).with_name("openapi.yaml"))

routes: list[Route] = [("GET", "/openapi.json", document.respond)]
