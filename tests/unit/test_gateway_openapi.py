"""The OpenAPI document and the gateway's table of routes agree."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

from labkit_services.contract.names import VERSION
from labkit_services.gateway.app import GatewayApp
from labkit_services.gateway.auth import BasicAuth
from labkit_services.gateway.routes import openapi
from labkit_services.gateway.routes.alerts import AlertRoutes
from labkit_services.gateway.routes.calls import CallRoutes
from labkit_services.gateway.routes.dead_letters import DeadLetterRoutes
from labkit_services.gateway.routes.deployments import FunctionRoutes
from labkit_services.gateway.routes.logs import LogRoutes
from labkit_services.gateway.routes.monitoring import MonitoringRoutes
from labkit_services.gateway.routes.namespaces import NamespaceRoutes
from labkit_services.gateway.routes.queued_calls import QueuedCallRoutes
from labkit_services.gateway.routes.queues import QueueRoutes
from labkit_services.gateway.routes.secrets import SecretRoutes
from labkit_services.gateway.routes.ui import UiRoutes

DOCUMENT: dict[str, Any] = json.loads(openapi.document.json)
OPERATIONS = {
    (method.upper(), path): operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
}


def _unused() -> Any:
    """Stand in for a collaborator: no route is called here."""
    return cast("Any", None)


def _routes() -> set[tuple[str, str]]:
    app = GatewayApp(
        _unused(),
        _unused(),
        BasicAuth("", ""),
        [
            CallRoutes(_unused(), _unused(), _unused(), _unused(), _unused()),
            FunctionRoutes(_unused(), _unused()),
            LogRoutes(_unused()),
            AlertRoutes(_unused()),
            SecretRoutes(_unused()),
            NamespaceRoutes(_unused(), _unused()),
            QueueRoutes(_unused(), _unused()),
            QueuedCallRoutes(_unused(), _unused(), _unused(), _unused()),
            DeadLetterRoutes(_unused()),
            MonitoringRoutes(_unused(), _unused()),
            openapi,
            UiRoutes(Path("state.json")),
        ],
    )
    return {
        (method, re.sub(r"\{(\w+)[^}]*\}", r"{\1}", pattern))
        for methods, pattern in app.routes
        for method in methods.split()
    }


def test_the_document_has_exactly_the_gateway_s_routes() -> None:
    assert set(OPERATIONS) == _routes()


def test_exactly_the_routes_under_system_and_ui_need_credentials() -> None:
    protected = {
        (method, path) for (method, path), operation in OPERATIONS.items() if "security" not in operation
    }

    expected = {(method, path) for method, path in OPERATIONS if path.startswith(("/system/", "/ui/"))}
    assert protected == expected
    assert all("401" in OPERATIONS[route]["responses"] for route in protected)
    assert DOCUMENT["security"] == [{"basic": []}]


def test_every_operation_has_a_unique_id_and_a_summary() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(set(ids)) == len(ids)
    assert all(operation["summary"] for operation in OPERATIONS.values())


def test_every_reference_resolves() -> None:
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', openapi.document.json.decode()):
        place = DOCUMENT
        for step in reference.split("/"):
            place = place[step]


def test_the_document_s_version_is_the_gateway_s() -> None:
    assert DOCUMENT["info"]["version"] == VERSION
