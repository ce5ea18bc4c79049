"""The inspector's OpenAPI document and its table of routes agree."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from labkit_services.contract.names import VERSION
from labkit_services.inspector.routes import about
from labkit_services.inspector.routes.about import AboutRoutes
from labkit_services.inspector.routes.api import InspectorApi
from labkit_services.inspector.routes.batches import BatchRoutes
from labkit_services.inspector.routes.bins import BinRoutes
from labkit_services.inspector.routes.calls import CallApiRoutes
from labkit_services.inspector.routes.events import EventRoutes
from labkit_services.inspector.routes.exports import ExportRoutes
from labkit_services.inspector.routes.faults import FaultRoutes
from labkit_services.inspector.routes.forward import ForwardRoutes
from labkit_services.inspector.routes.holds import HoldRoutes
from labkit_services.inspector.routes.lab import LabApiRoutes
from labkit_services.inspector.routes.logs import LogApiRoutes
from labkit_services.inspector.routes.queues import QueueApiRoutes
from labkit_services.inspector.routes.replay import ReplayRoutes
from labkit_services.inspector.routes.requests import RequestRoutes
from labkit_services.inspector.routes.responses import ResponseRoutes
from labkit_services.inspector.routes.route_group import RouteGroup
from labkit_services.inspector.routes.verify import VerifyRoutes

DOCUMENT: dict[str, Any] = json.loads(about.document.json)
OPERATIONS = {
    (method.upper(), path): operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
}
_NO: Any = cast("Any", None)
GROUPS: list[RouteGroup] = [
    BinRoutes(_NO, _NO),
    RequestRoutes(_NO, _NO, _NO),
    VerifyRoutes(_NO, _NO),
    ExportRoutes(_NO, 0),
    EventRoutes(_NO, _NO),
    ResponseRoutes(_NO, _NO),
    HoldRoutes(_NO, _NO),
    ForwardRoutes(_NO, _NO),
    ReplayRoutes(_NO, _NO),
    CallApiRoutes(_NO, _NO, _NO, _NO),
    BatchRoutes(_NO),
    QueueApiRoutes(_NO, _NO, _NO),
    LabApiRoutes(_NO, _NO),
    LogApiRoutes(_NO),
    FaultRoutes(_NO, _NO),
    AboutRoutes(_NO, _NO, _NO, _NO),
]


def _routes() -> set[tuple[str, str]]:
    """Return the routes of a lab's inspector; no handler is called."""
    listed = [route for group in GROUPS for route in group.routes]
    listed.append(("GET", "/api/v1/version", _NO))  # of InspectorApi itself
    return {(method, pattern) for methods, pattern, _ in listed for method in methods.split()}


def test_the_document_has_exactly_the_inspector_s_routes() -> None:
    assert set(OPERATIONS) == _routes()


def test_exactly_the_routes_outside_of_the_api_need_no_token() -> None:
    open_routes = {route for route, operation in OPERATIONS.items() if operation.get("security") == []}

    assert open_routes == {route for route in OPERATIONS if not route[1].startswith("/api/")}
    assert InspectorApi(GROUPS).open_paths == {path for _, path in open_routes}
    for route in OPERATIONS.keys() - open_routes:
        assert {"401", "403"} <= OPERATIONS[route]["responses"].keys(), route


def test_every_operation_has_a_unique_id_and_a_summary() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(set(ids)) == len(ids)
    assert all(operation["summary"] for operation in OPERATIONS.values())


def test_every_reference_resolves_and_every_path_value_is_described() -> None:
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', about.document.json.decode()):
        place = DOCUMENT
        for step in reference.split("/"):
            place = place[step]
    for path, item in DOCUMENT["paths"].items():
        for method in item.keys() - {"parameters"}:
            given = [*item.get("parameters", []), *item[method].get("parameters", [])]
            names = {
                DOCUMENT["components"]["parameters"][each["$ref"].rpartition("/")[2]]["name"]
                if "$ref" in each
                else each["name"]
                for each in given
            }
            assert set(re.findall(r"\{(\w+)\}", path)) <= names, (method, path)


def test_the_document_s_version_is_the_inspector_s() -> None:
    assert DOCUMENT["info"]["version"] == VERSION
