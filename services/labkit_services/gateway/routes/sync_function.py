"""``/function/NAME``: forward a call to a replica and return its response."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from labkit_services.contract.events import EventType
from labkit_services.contract.headers import INTERNAL
from labkit_services.contract.names import short_function_name
from labkit_services.gateway.functions.function import DeployedFunction, NoReplicaError
from labkit_services.gateway.functions.provider import FunctionProvider
from labkit_services.gateway.functions.replica import Replica
from labkit_services.gateway.functions.scaling import ScaleLimits
from labkit_services.gateway.headers import call_id_of, forwarded_pairs, response_headers, standard_headers
from labkit_services.gateway.metrics import Telemetry
from labkit_services.gateway.requests import qualified
from labkit_services.http import ClientResponse, HttpClient, HttpError, Request, Response, UpstreamError
from labkit_services.http.headers import Pair

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_REPLICA_TIMEOUT_SECONDS = 10.0


class FunctionRoute:
    """Forwards synchronous calls."""

    def __init__(
        self, provider: FunctionProvider, client: HttpClient, telemetry: Telemetry, *, timeout: float
    ) -> None:
        self._provider = provider
        self._client = client
        self._events = telemetry.events
        self._lines = telemetry.lines
        self._metrics = telemetry.metrics
        self._timeout = timeout

    async def handle(self, request: Request, name: str, path: str) -> Response:
        """Handle one call; ``path`` is what follows the name, encoded."""
        start_ns = time.time_ns()
        call_id = call_id_of(request)
        function = self._provider.find(name)
        shown = function.name if function else short_function_name(name)
        method = request.method
        self._events.emit(EventType.CALL_RECEIVED, call_id, shown, mode="sync", method=method)
        if method not in METHODS:
            allow = ("Allow", ", ".join(sorted(METHODS)))
            response = Response(405, [*standard_headers(call_id, start_ns), allow])
        elif function is None:
            text = f"error finding function {qualified(name, '')}: function not found\n"
            response = _platform_error(404, text, standard_headers(call_id, start_ns))
        else:
            key = function.spec.key
            self._metrics.start(key)
            response = await self._forward(request, function, path or "/", call_id, start_ns)
            self._metrics.finish(key, response.status, (time.time_ns() - start_ns) / 1e9)
        size = len(response.body) if isinstance(response.body, bytes) else -1
        self._events.emit(EventType.CALL_ANSWERED, call_id, shown, status=response.status, bytes=size)
        seconds = (time.time_ns() - start_ns) / 1e9
        self._lines.write(f"Forwarded [{method}] to {request.path} - [{response.status}] - {seconds:.4f}s")
        return response

    async def _forward(
        self, request: Request, function: DeployedFunction, path: str, call_id: str, start_ns: int
    ) -> Response:
        headers = standard_headers(call_id, start_ns)
        replica = function.pick()
        if replica is None:
            try:
                replica = await self._wait_for_replica(function)
            except HttpError as error:  # removed meanwhile
                return _platform_error(error.status, error.text, headers)
            except NoReplicaError as error:
                text = f"No endpoints available for: {function.name}.\n{error}\n"
                return _platform_error(503, text, headers)
        pairs = forwarded_pairs(request, call_id, start_ns)
        self._events.emit(EventType.CALL_FORWARDED, call_id, function.name, replica=replica.instance)
        replica.begin_call()
        streaming = False
        try:
            async with asyncio.timeout(self._timeout):
                upstream = await self._client.forward(request, replica.origin, path, pairs)
            merged = response_headers(upstream.headers, request, call_id, start_ns)
            if upstream.incoming.complete:
                return Response(upstream.status, merged, upstream.incoming.take())
            streaming = True
            return Response(upstream.status, merged, _stream(upstream, replica))
        except TimeoutError:
            text = f"{function.name} did not answer within {self._timeout:g} s (upstream_timeout)\n"
            return _platform_error(502, text, headers)
        except UpstreamError as error:
            text = f"Can't reach service for: {function.name}.\n{error}\n"
            return _platform_error(502, text, headers)
        finally:
            if not streaming:
                replica.end_call()

    async def _wait_for_replica(self, function: DeployedFunction) -> Replica:
        if function.wanted == 0:
            limits = ScaleLimits.of(function.spec.labels)
            await self._provider.scale(function.spec.key, max(1, limits.minimum))
        return await function.wait_ready(min(_REPLICA_TIMEOUT_SECONDS, self._timeout))


async def _stream(upstream: ClientResponse, replica: Replica) -> AsyncIterator[bytes]:
    """Yield a body as it arrives; the replica is busy until its end."""
    try:
        async for part in upstream.stream():
            yield part
    finally:
        upstream.close()
        replica.end_call()


def _platform_error(status: int, text: str, headers: list[Pair]) -> Response:
    """Return an error of the platform, which a header marks for retries."""
    # OpenFaaS's scaler, which finds out that a function is missing, writes its
    # text without http.Error (gateway/handlers/scaling.go).
    respond = Response.text if status == 404 else Response.error
    return respond(status, text, [*headers, (INTERNAL, "proxy")])
