"""The ``/system`` routes of functions: deploy, list, describe, scale, remove, logs, info."""

from __future__ import annotations

import json
import math
import platform
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from labkit_services.contract.names import DEFAULT_NAMESPACE, VERSION
from labkit_services.gateway.alerts import BAD_ALERT, alerts_of
from labkit_services.gateway.function import Function
from labkit_services.gateway.logring import LogLine
from labkit_services.gateway.metrics import Metrics
from labkit_services.gateway.provider import ProcessProvider
from labkit_services.gateway.requests import (
    NAME,
    json_object,
    optional_text,
    qualified,
    query_of,
    required_text,
)
from labkit_services.gateway.scaling import ScaleLimits
from labkit_services.gateway.spec import FunctionSpec
from labkit_services.gateway.usage import usage_of
from labkit_services.http import HttpError, Request, Response
from labkit_services.http.router import RouteHandler

_DEFAULT_LOG_SECONDS = 300.0
"""Window of ``/system/logs`` without ``since`` and ``tail`` (faas-netes pkg/k8s/logs.go)."""

_RFC_3339 = re.compile(r"[0-9-]{10}T[0-9:]{8}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", re.IGNORECASE)

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
"""What Go's ``strconv.ParseBool`` takes for true."""


class FunctionRoutes:
    """Handlers; bodies and statuses as in OpenFaaS."""

    def __init__(
        self, provider: ProcessProvider, metrics: Metrics, *, follow_seconds: float = math.inf
    ) -> None:
        self._provider = provider
        self._metrics = metrics
        self._follow_seconds = follow_seconds

    def routes(self) -> list[tuple[str, str, RouteHandler]]:
        """Return (method, path pattern, handler) of each."""
        return [
            ("GET", "/system/functions", self._list),
            ("POST", "/system/functions", self._deploy),
            ("PUT", "/system/functions", self._update),
            ("DELETE", "/system/functions", self._delete),
            ("GET", f"/system/function/{{name:{NAME}}}", self._one),
            ("POST", f"/system/scale-function/{{name:{NAME}}}", self._scale),
            ("POST", "/system/alert", self._alert),
            ("GET", "/system/info", self._info),
            ("GET", "/system/logs", self._logs),
        ]

    def _status(self, function: Function) -> dict[str, Any]:
        return function.spec.status(replicas=function.wanted, available=function.available())

    async def _list(self, request: Request, _: dict[str, str]) -> Response:
        namespace = query_of(request).get("namespace") or DEFAULT_NAMESPACE
        statuses = []
        for function in self._provider.in_namespace(namespace):
            status = self._status(function)
            # Only the list carries it, as in the real one.
            status["invocationCount"] = self._metrics.invocations(function.spec.key)
            statuses.append(status)
        return Response.json(200, statuses)

    async def _one(self, request: Request, captured: dict[str, str]) -> Response:
        query = query_of(request)
        function = self._provider.find(qualified(captured["name"], query.get("namespace", "")))
        if function is None:
            return Response(404)
        status = self._status(function)
        if query.get("usage") in _TRUE:
            status["usage"] = usage_of(function.pids())
        return Response.json(200, status)

    async def _deploy(self, request: Request, _: dict[str, str]) -> Response:
        await self._provider.deploy(await self._spec(request))
        return Response(202)

    async def _update(self, request: Request, _: dict[str, str]) -> Response:
        await self._provider.update(await self._spec(request))
        return Response(202)

    async def _spec(self, request: Request) -> FunctionSpec:
        namespace = query_of(request).get("namespace", "")
        return FunctionSpec.from_deployment(await json_object(request), namespace)

    async def _delete(self, request: Request, _: dict[str, str]) -> Response:
        body = await json_object(request)
        name = required_text(body, "functionName")
        await self._provider.delete(_key(name, body, request))
        return Response(202)

    async def _scale(self, request: Request, captured: dict[str, str]) -> Response:
        body = await json_object(request, "Error unmarshalling request body\n")
        optional_text(body, "serviceName")  # the path says it, but a wrong type is a mistake
        replicas = body.get("replicas")
        if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
            raise HttpError(400, "replicas: must be a whole number, 0 or more\n")
        await self._provider.scale(_key(captured["name"], body, request), replicas)
        return Response(202)

    async def _alert(self, request: Request, _: dict[str, str]) -> Response:
        """Take what AlertManager would send; the lab's own autoscaler does not need it."""
        body = await json_object(request, BAD_ALERT)
        for name, firing in alerts_of(body):
            function = self._provider.find(name)
            if function is None:
                raise HttpError(500, f"unable to find function: {name}\n")
            limits = ScaleLimits.of(function.spec.labels)
            wanted = limits.up(function.wanted) if firing else limits.down()
            await self._provider.scale(function.spec.key, wanted)
        return Response(200)

    async def _info(self, _: Request, __: dict[str, str]) -> Response:
        version = {"sha": "labkit", "release": VERSION}
        provider = {
            "provider": self._provider.id,
            "version": version,
            "orchestration": self._provider.orchestration,
        }
        return Response.json(200, {"provider": provider, "version": version, "arch": platform.machine()})

    async def _logs(self, request: Request, _: dict[str, str]) -> Response:
        query = query_of(request)
        try:
            tail = _parse_number(query.get("tail") or "0")
            since = _parse_time(query["since"]) if query.get("since") else 0
        except (ValueError, OverflowError):
            raise HttpError(422, "could not parse the log request\n") from None
        function = self._provider.find(qualified(query.get("name", ""), query.get("namespace", "")))
        if function is None:
            raise HttpError(404, f"function {query.get('name', '')} not found\n")
        if not since and tail <= 0:
            since = int((datetime.now(UTC).timestamp() - _DEFAULT_LOG_SECONDS) * 1e9)
        lines = function.logs.read(
            since_ns=since,
            tail=tail,
            instance=query.get("instance", ""),
            follow=self._follow_seconds if query.get("follow") in _TRUE else 0.0,
        )
        body = _ndjson(function.spec, lines)
        return Response(200, [("Content-Type", "application/x-ndjson")], body)


def _key(name: str, body: dict[str, Any], request: Request) -> str:
    # Current clients put the namespace into the body, older ones into the query.
    namespace = optional_text(body, "namespace") or query_of(request).get("namespace", "")
    return qualified(name, namespace)


async def _ndjson(spec: FunctionSpec, lines: AsyncIterator[LogLine]) -> AsyncIterator[bytes]:
    async for line in lines:
        stamp = datetime.fromtimestamp(line.time_ns / 1e9, UTC).isoformat().replace("+00:00", "Z")
        message = {
            "name": spec.name,
            "namespace": spec.namespace,
            "instance": line.instance,
            "timestamp": stamp,
            "text": line.text,
        }
        yield json.dumps(message).encode() + b"\n"


def _parse_number(text: str) -> int:
    # Python would also take blanks, underscores and the digits of other scripts.
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError(text)
    return int(text)


def _parse_time(text: str) -> int:
    # A plus sign that was not quoted arrives as a blank.
    text = text.replace(" ", "+")
    if not _RFC_3339.fullmatch(text):
        raise ValueError(text)
    return int(datetime.fromisoformat(text).timestamp() * 1e9)
