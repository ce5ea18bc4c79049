"""``/system/functions``: deploy, list, describe, scale and remove."""

from __future__ import annotations

from typing import Any

from labkit_services.contract.names import DEFAULT_NAMESPACE
from labkit_services.gateway.functions.function import DeployedFunction
from labkit_services.gateway.functions.provider import FunctionProvider
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.gateway.metrics import Metrics
from labkit_services.gateway.requests import (
    NAME,
    flag_of,
    json_object,
    optional_text,
    qualified,
    query_of,
    required_text,
)
from labkit_services.gateway.routes import Route
from labkit_services.http import HttpError, Request, Response


class FunctionRoutes:
    """Handlers; bodies and statuses as in OpenFaaS."""

    def __init__(self, provider: FunctionProvider, metrics: Metrics) -> None:
        self._provider = provider
        self._metrics = metrics
        self.routes: list[Route] = [
            ("GET", "/system/functions", self._list),
            ("POST PUT", "/system/functions", self._deploy),
            ("DELETE", "/system/functions", self._delete),
            ("GET", f"/system/function/{{name:{NAME}}}", self._describe),
            ("POST", f"/system/scale-function/{{name:{NAME}}}", self._scale),
        ]

    async def _list(self, request: Request, _: dict[str, str]) -> Response:
        namespace = query_of(request).get("namespace") or DEFAULT_NAMESPACE
        # As in OpenFaaS, only the list has the count.
        statuses = [
            {**_status(function), "invocationCount": self._metrics.invocations(function.spec.key)}
            for function in self._provider.in_namespace(namespace)
        ]
        return Response.json(200, statuses)

    async def _describe(self, request: Request, captured: dict[str, str]) -> Response:
        query = query_of(request)
        function = self._provider.find(qualified(captured["name"], query.get("namespace", "")))
        if function is None:
            return Response(404)
        status = _status(function)
        status["annotations"] |= self._provider.notes(function)
        if flag_of(query, "usage"):
            used = [await replica.usage() for replica in function.ready_replicas()]
            cpu, memory = sum(each.cpu for each in used), sum(each.memory for each in used)
            status["usage"] = {"cpu": cpu, "totalMemoryBytes": memory}
        return Response.json(200, status)

    async def _deploy(self, request: Request, _: dict[str, str]) -> Response:
        namespace = query_of(request).get("namespace", "")
        spec = FunctionSpec.from_deployment(await json_object(request), namespace)
        change = self._provider.deploy if request.method == "POST" else self._provider.update
        await change(spec)
        return Response(202)

    async def _delete(self, request: Request, _: dict[str, str]) -> Response:
        body = await json_object(request)
        key = _key(required_text(body, "functionName"), body, request)
        await self._provider.delete(key)
        self._metrics.forget(key)
        return Response(202)

    async def _scale(self, request: Request, captured: dict[str, str]) -> Response:
        body = await json_object(request, "Error unmarshalling request body\n")
        optional_text(body, "serviceName")  # the name is in the path, but a wrong type is refused
        replicas = body.get("replicas")
        if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
            raise HttpError(400, "replicas: must be a whole number, 0 or more\n")
        await self._provider.scale(_key(captured["name"], body, request), replicas)
        return Response(202)


def _status(function: DeployedFunction) -> dict[str, Any]:
    return function.spec.status(replicas=function.wanted, available=len(function.ready_replicas()))


def _key(name: str, body: dict[str, Any], request: Request) -> str:
    # Current clients put the namespace into the body, older ones into the
    # query.
    namespace = optional_text(body, "namespace") or query_of(request).get("namespace", "")
    return qualified(name, namespace)
