"""The OpenAPI document and the gateway's table of routes say the same."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from labkit_services.contract.names import VERSION
from labkit_services.gateway.admin import AdminRoutes
from labkit_services.gateway.app import App
from labkit_services.gateway.auth import BasicAuth
from labkit_services.gateway.calls import CallRoutes
from labkit_services.gateway.openapi import document
from labkit_services.gateway.queue_routes import QueueRoutes
from labkit_services.gateway.system import FunctionRoutes

DOCUMENT: dict[str, Any] = json.loads(document())
OPERATIONS = {
    (method.upper(), path): operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
}


def _nothing() -> Any:
    """Stand where a route's handler would look: no route is called here."""
    return cast("Any", None)


def _routes() -> set[tuple[str, str]]:
    managed = [
        *FunctionRoutes(_nothing(), _nothing()).routes(),
        *AdminRoutes(_nothing()).routes(),
        *QueueRoutes(_nothing(), _nothing()).routes(),
    ]
    app = App(
        _nothing(),
        _nothing(),
        BasicAuth("", ""),
        CallRoutes(_nothing(), _nothing(), _nothing(), _nothing(), _nothing()).routes(),
        managed,
        metrics=lambda: b"",
        page=lambda: "http://page/",
    )
    return {
        (method, re.sub(r"\{(\w+)[^}]*\}", r"{\1}", pattern))
        for methods, pattern in app.routes
        for method in methods.split()
    }


def test_every_route_is_documented_and_every_documented_one_exists() -> None:
    assert set(OPERATIONS) == _routes()


def test_exactly_what_is_under_system_and_ui_asks_for_credentials() -> None:
    closed = {
        (method, path) for (method, path), operation in OPERATIONS.items() if "security" not in operation
    }

    assert closed == {(method, path) for method, path in OPERATIONS if path.startswith(("/system/", "/ui/"))}
    assert all("401" in OPERATIONS[route]["responses"] for route in closed)
    assert DOCUMENT["security"] == [{"basic": []}]


def test_every_operation_has_an_id_of_its_own_and_a_summary() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(set(ids)) == len(ids)
    assert all(operation["summary"] for operation in OPERATIONS.values())


def test_every_reference_leads_somewhere() -> None:
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', document().decode()):
        place = DOCUMENT
        for step in reference.split("/"):
            place = place[step]


def test_the_document_s_version_is_the_gateway_s() -> None:
    assert DOCUMENT["info"]["version"] == VERSION
