"""``/system/namespaces`` and ``/system/namespace/NAME``."""

from __future__ import annotations

from typing import Any

from labkit_services.gateway.functions.provider import FunctionProvider
from labkit_services.gateway.functions.spec import field_of
from labkit_services.gateway.namespace_store import NamespaceStore
from labkit_services.gateway.requests import NAME, json_object, optional_text, required_text
from labkit_services.gateway.routes import Route
from labkit_services.http import Request, Response


class NamespaceRoutes:
    """Handlers; bodies and statuses as in OpenFaaS."""

    def __init__(self, provider: FunctionProvider, namespaces: NamespaceStore) -> None:
        self._provider = provider
        self._namespaces = namespaces
        self.routes: list[Route] = [
            ("GET", "/system/namespaces", self._list),
            # faas-cli posts to the path without a name, which is in the body.
            ("POST", "/system/namespace/", self._create),
            ("GET", f"/system/namespace/{{name:{NAME}}}", self._describe),
            ("POST", f"/system/namespace/{{name:{NAME}}}", self._create),
            ("PUT", f"/system/namespace/{{name:{NAME}}}", self._update),
            ("DELETE", f"/system/namespace/{{name:{NAME}}}", self._delete),
        ]

    async def _list(self, _: Request, __: dict[str, str]) -> Response:
        return Response.json(200, self._namespaces.names())

    async def _describe(self, _: Request, captured: dict[str, str]) -> Response:
        return Response.json(200, self._namespaces.get(captured["name"]))

    async def _create(self, request: Request, captured: dict[str, str]) -> Response:
        body = await json_object(request)
        name = captured["name"] if captured else required_text(body, "name")
        await self._namespaces.create(name, _record(body))
        return Response(201)

    async def _update(self, request: Request, captured: dict[str, str]) -> Response:
        await self._namespaces.update(captured["name"], _record(await json_object(request)))
        return Response(202)

    async def _delete(self, _: Request, captured: dict[str, str]) -> Response:
        await self._provider.delete_namespace(captured["name"])
        return Response(202)


def _record(body: dict[str, Any]) -> dict[str, Any]:
    optional_text(body, "name")  # even where the path has the name, a wrong type is refused
    return {field: field_of(body, field, dict) for field in ("labels", "annotations")}
