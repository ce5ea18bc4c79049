"""The ``/system`` routes: what faas-cli talks to."""

from __future__ import annotations

import json
import platform
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from services.contract.names import DEFAULT_NAMESPACE, VERSION, split_function_name
from services.gateway.auth import BasicAuth
from services.gateway.logring import LogLine
from services.gateway.provider import ProcessProvider
from services.gateway.spec import FunctionSpec
from services.http import HttpError, Request, Response, Router
from services.http.router import RouteHandler

_MAX_JSON = 1024 * 1024
_DEFAULT_LOG_SECONDS = 300.0
"""Window of ``/system/logs`` without ``since`` and ``tail`` (faas-netes pkg/k8s/logs.go)."""

NAME = r"[-a-zA-Z_0-9.]+"


class System:
    """Handlers of the management API; bodies and statuses as in OpenFaaS."""

    def __init__(self, provider: ProcessProvider, auth: BasicAuth) -> None:
        self._provider = provider
        self._auth = auth
        self.router = Router()
        self._add("GET", "/system/functions", self._list)
        self._add("POST", "/system/functions", self._deploy)
        self._add("PUT", "/system/functions", self._update)
        self._add("DELETE", "/system/functions", self._delete)
        self._add("GET", f"/system/function/{{name:{NAME}}}", self._one)
        self._add("GET", "/system/info", self._info)
        self._add("GET", "/system/namespaces", self._namespaces)
        self._add("GET", "/system/logs", self._logs)

    def _add(self, methods: str, pattern: str, handler: RouteHandler) -> None:
        async def checked(request: Request, captured: dict[str, str]) -> Response:
            self._auth.check(request)
            return await handler(request, captured)

        self.router.add(methods, pattern, checked)

    async def _list(self, request: Request, _: dict[str, str]) -> Response:
        namespace = _query(request).get("namespace") or DEFAULT_NAMESPACE
        functions = self._provider.list(namespace)
        return Response.json(200, [function.status(with_invocations=True) for function in functions])

    async def _one(self, request: Request, captured: dict[str, str]) -> Response:
        function = self._provider.find(_qualified(captured["name"], _query(request).get("namespace", "")))
        if function is None:
            return Response(404)
        return Response.json(200, function.status(with_invocations=False))

    async def _deploy(self, request: Request, _: dict[str, str]) -> Response:
        spec = FunctionSpec.from_deployment(await _json(request), _query(request).get("namespace", ""))
        self._check_namespace(spec.namespace)
        await self._provider.deploy(spec)
        return Response(202)

    async def _update(self, request: Request, _: dict[str, str]) -> Response:
        spec = FunctionSpec.from_deployment(await _json(request), _query(request).get("namespace", ""))
        self._check_namespace(spec.namespace)
        await self._provider.update(spec)
        return Response(202)

    async def _delete(self, request: Request, _: dict[str, str]) -> Response:
        body = await _json(request)
        name = body.get("functionName") if isinstance(body, dict) else None
        if not isinstance(name, str) or not name:
            raise HttpError(400, "functionName: is required\n")
        # Current clients put the namespace into the body, older ones into the query.
        namespace = body.get("namespace") or _query(request).get("namespace", "")
        await self._provider.delete(_qualified(name, str(namespace)))
        return Response(202)

    async def _info(self, _: Request, __: dict[str, str]) -> Response:
        version = {"sha": "labkit", "release": VERSION}
        provider = {
            "provider": self._provider.id,
            "version": version,
            "orchestration": self._provider.orchestration,
        }
        return Response.json(200, {"provider": provider, "version": version, "arch": platform.machine()})

    async def _namespaces(self, _: Request, __: dict[str, str]) -> Response:
        return Response.json(200, [DEFAULT_NAMESPACE])

    async def _logs(self, request: Request, _: dict[str, str]) -> Response:
        query = _query(request)
        name, namespace = query.get("name", ""), query.get("namespace") or DEFAULT_NAMESPACE
        try:
            tail = int(query.get("tail") or 0)
            since = _parse_time(query["since"]) if query.get("since") else 0
        except ValueError:
            raise HttpError(422, "could not parse the log request\n") from None
        function = self._provider.find(_qualified(name, namespace))
        if function is None:
            raise HttpError(404, f"function {name} not found\n")
        if not since and tail <= 0:
            since = int((datetime.now(UTC).timestamp() - _DEFAULT_LOG_SECONDS) * 1e9)
        follow = query.get("follow") in ("1", "t", "T", "true", "TRUE", "True")
        lines = function.logs.read(
            since_ns=since, tail=tail, instance=query.get("instance", ""), follow=follow
        )
        body = _ndjson(function.spec.name, namespace, lines)
        return Response(200, [("Content-Type", "application/x-ndjson")], body)

    @staticmethod
    def _check_namespace(namespace: str) -> None:
        if namespace != DEFAULT_NAMESPACE:
            raise HttpError(400, f"namespace {namespace} not found\n")


async def _ndjson(name: str, namespace: str, lines: AsyncIterator[LogLine]) -> AsyncIterator[bytes]:
    async for line in lines:
        stamp = datetime.fromtimestamp(line.time_ns / 1e9, UTC).isoformat().replace("+00:00", "Z")
        message = {
            "name": name,
            "namespace": namespace,
            "instance": line.instance,
            "timestamp": stamp,
            "text": line.text,
        }
        yield json.dumps(message).encode() + b"\n"


def _query(request: Request) -> dict[str, str]:
    # Of a repeated key the last value counts, as in the real one.
    return {key: values[-1] for key, values in parse_qs(request.query).items()}


def _qualified(name: str, namespace: str) -> str:
    function, own = split_function_name(name)
    return f"{function}.{own if '.' in name else namespace or own}"


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body(_MAX_JSON))
    except (ValueError, RecursionError) as error:
        raise HttpError(400, f"unable to parse the request body as JSON: {error}\n") from None


def _parse_time(text: str) -> int:
    # A plus sign that was not quoted arrives as a blank.
    return int(datetime.fromisoformat(text.replace(" ", "+")).timestamp() * 1e9)
