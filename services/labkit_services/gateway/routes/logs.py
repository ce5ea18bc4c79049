"""``GET /system/logs``: the log of a function's replicas."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import AsyncIterator

from labkit_services.contract.times import parse_rfc3339, rfc3339
from labkit_services.gateway.functions.log_ring import LogLine
from labkit_services.gateway.functions.provider import FunctionProvider
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.gateway.requests import flag_of, qualified, query_of
from labkit_services.gateway.routes import Route
from labkit_services.http import HttpError, Request, Response

_DEFAULT_SECONDS = 300.0
"""Time span without ``since`` and ``tail`` (faas-netes pkg/k8s/logs.go)."""


class LogRoutes:
    """The handler; bodies and statuses as in OpenFaaS."""

    def __init__(self, provider: FunctionProvider, *, follow_seconds: float = math.inf) -> None:
        self._provider = provider
        self._follow_seconds = follow_seconds
        self.routes: list[Route] = [("GET", "/system/logs", self._logs)]

    async def _logs(self, request: Request, _: dict[str, str]) -> Response:
        query = query_of(request)
        try:
            tail = _parse_number(query.get("tail") or "0")
            # An unquoted plus sign arrives as a blank.
            since = parse_rfc3339(query["since"].replace(" ", "+")) if query.get("since") else 0
        except (ValueError, OverflowError):
            raise HttpError(422, "could not parse the log request\n") from None
        function = self._provider.find(qualified(query.get("name", ""), query.get("namespace", "")))
        if function is None:
            raise HttpError(404, f"function {query.get('name', '')} not found\n")
        if not since and tail <= 0:
            since = time.time_ns() - int(_DEFAULT_SECONDS * 1e9)
        lines = function.logs.read(
            since_ns=since,
            tail=tail,
            instance=query.get("instance", ""),
            follow=self._follow_seconds if flag_of(query, "follow") else 0.0,
        )
        body = _ndjson(function.spec, lines)
        return Response(200, [("Content-Type", "application/x-ndjson")], body)


async def _ndjson(spec: FunctionSpec, lines: AsyncIterator[LogLine]) -> AsyncIterator[bytes]:
    async for line in lines:
        message = {
            "name": spec.name,
            "namespace": spec.namespace,
            "instance": line.instance,
            "timestamp": rfc3339(line.time_ns),
            "text": line.text,
        }
        yield json.dumps(message).encode() + b"\n"


def _parse_number(text: str) -> int:
    # Python's int also accepts blanks, underscores and the digits of other
    # scripts.
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError(text)
    return int(text)
