"""The ``/system`` routes of secrets and namespaces."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from labkit_services.contract.names import DEFAULT_NAMESPACE
from labkit_services.gateway.provider import ProcessProvider
from labkit_services.gateway.requests import json_object, optional_text, query_of, required_text
from labkit_services.gateway.spec import texts
from labkit_services.http import HttpError, Request, Response
from labkit_services.http.router import RouteHandler


class AdminRoutes:
    """Handlers; bodies and statuses as in OpenFaaS."""

    def __init__(self, provider: ProcessProvider) -> None:
        self._provider = provider

    def routes(self) -> list[tuple[str, str, RouteHandler]]:
        """Return (method, path pattern, handler) of each."""
        namespace = "/system/namespace/{name}"
        return [
            ("GET", "/system/secrets", self._list_secrets),
            ("POST", "/system/secrets", self._create_secret),
            ("PUT", "/system/secrets", self._update_secret),
            ("DELETE", "/system/secrets", self._delete_secret),
            ("GET", "/system/namespaces", self._list_namespaces),
            # faas-cli posts to the bare path, with the name in the body.
            ("POST", "/system/namespace/", self._create_named_namespace),
            ("GET", namespace, self._namespace),
            ("POST", namespace, self._create_namespace),
            ("PUT", namespace, self._update_namespace),
            ("DELETE", namespace, self._delete_namespace),
        ]

    # -- secrets

    async def _list_secrets(self, request: Request, _: dict[str, str]) -> Response:
        namespace = query_of(request).get("namespace") or DEFAULT_NAMESPACE
        known = namespace in self._provider.namespaces.names()
        names = self._provider.secrets.names(namespace) if known else []
        return Response.json(200, [{"name": name, "namespace": namespace} for name in names])

    async def _create_secret(self, request: Request, _: dict[str, str]) -> Response:
        name, namespace, body = await self._secret(request)
        await self._provider.secrets.create(name, namespace, _value(body))
        return Response(202)

    async def _update_secret(self, request: Request, _: dict[str, str]) -> Response:
        name, namespace, body = await self._secret(request)
        await self._provider.secrets.update(name, namespace, _value(body))
        return Response(202)

    async def _delete_secret(self, request: Request, _: dict[str, str]) -> Response:
        name, namespace, _body = await self._secret(request)
        await self._provider.secrets.delete(name, namespace)
        # Not 204, which faas-cli takes for an error.
        return Response(202)

    async def _secret(self, request: Request) -> tuple[str, str, dict[str, Any]]:
        body = await json_object(request)
        given = optional_text(body, "namespace") or query_of(request).get("namespace")
        namespace = given or DEFAULT_NAMESPACE
        # A secret's name may have dots, so "b.ns" must not pass for the namespace of "a".
        self._provider.namespaces.check(namespace)
        return required_text(body, "name"), namespace, body

    # -- namespaces

    async def _list_namespaces(self, _: Request, __: dict[str, str]) -> Response:
        return Response.json(200, self._provider.namespaces.names())

    async def _namespace(self, _: Request, captured: dict[str, str]) -> Response:
        return Response.json(200, self._provider.namespaces.get(captured["name"]))

    async def _create_named_namespace(self, request: Request, _: dict[str, str]) -> Response:
        body = await json_object(request)
        await self._provider.namespaces.create(required_text(body, "name"), _described(body))
        return Response(201)

    async def _create_namespace(self, request: Request, captured: dict[str, str]) -> Response:
        body = await json_object(request)
        await self._provider.namespaces.create(captured["name"], _described(body))
        return Response(201)

    async def _update_namespace(self, request: Request, captured: dict[str, str]) -> Response:
        body = await json_object(request)
        await self._provider.namespaces.update(captured["name"], _described(body))
        return Response(202)

    async def _delete_namespace(self, _: Request, captured: dict[str, str]) -> Response:
        name = captured["name"]
        if self._provider.in_namespace(name):
            raise HttpError(400, f"namespace {name} still has functions, remove them first\n")
        await self._provider.namespaces.delete(name)
        return Response(202)


def _value(body: dict[str, Any]) -> bytes:
    """Return the secret's bytes: ``rawValue`` (base64) wins over ``value``, as in the real one."""
    raw, value = optional_text(body, "rawValue"), optional_text(body, "value")
    if raw:
        try:
            return base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError):
            raise HttpError(400, "rawValue: must be base64\n") from None
    return value.encode("utf-8", "surrogatepass")


def _described(body: dict[str, Any]) -> dict[str, Any]:
    optional_text(body, "name")  # where the path says it, a wrong type is still a mistake
    return {field: texts(body, field) for field in ("labels", "annotations")}
