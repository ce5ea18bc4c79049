"""``/system/secrets``: list, create, update and remove secrets."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from labkit_services.contract.names import DEFAULT_NAMESPACE
from labkit_services.gateway.registry import Registry
from labkit_services.gateway.requests import json_object, optional_text, query_of, required_text
from labkit_services.gateway.routes import Route
from labkit_services.http import HttpError, Request, Response


class SecretRoutes:
    """Handlers; bodies and statuses as in OpenFaaS."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.routes: list[Route] = [
            ("GET", "/system/secrets", self._list),
            ("POST PUT", "/system/secrets", self._write),
            ("DELETE", "/system/secrets", self._delete),
        ]

    async def _list(self, request: Request, _: dict[str, str]) -> Response:
        namespace = query_of(request).get("namespace") or DEFAULT_NAMESPACE
        exists = namespace in self._registry.namespaces.names()
        names = self._registry.secrets.names(namespace) if exists else []
        return Response.json(200, [{"name": name, "namespace": namespace} for name in names])

    async def _write(self, request: Request, _: dict[str, str]) -> Response:
        name, namespace, body = await self._parse(request)
        secrets = self._registry.secrets
        write = secrets.create if request.method == "POST" else secrets.update
        await write(name, namespace, _value(body))
        return Response(202)

    async def _delete(self, request: Request, _: dict[str, str]) -> Response:
        name, namespace, _body = await self._parse(request)
        await self._registry.secrets.delete(name, namespace)
        # Not 204, which faas-cli treats as an error.
        return Response(202)

    async def _parse(self, request: Request) -> tuple[str, str, dict[str, Any]]:
        body = await json_object(request)
        namespace = optional_text(body, "namespace") or query_of(request).get("namespace", DEFAULT_NAMESPACE)
        # A secret's name may have dots: without this, "a" in namespace "b.ns"
        # would be "a.b" in "ns".
        self._registry.namespaces.check(namespace)
        return required_text(body, "name"), namespace, body


def _value(body: dict[str, Any]) -> bytes:
    """Return the secret's bytes; ``rawValue`` (base64) wins over ``value``."""
    raw, value = optional_text(body, "rawValue"), optional_text(body, "value")
    if raw:
        try:
            return base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError):
            raise HttpError(400, "rawValue: must be base64\n") from None
    return value.encode("utf-8", "surrogatepass")
