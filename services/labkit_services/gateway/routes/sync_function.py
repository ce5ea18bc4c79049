"""``/function/NAME``: forward a call to a replica and return its response."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from labkit_services.contract.events import EventType, platform_data
from labkit_services.contract.headers import INTERNAL
from labkit_services.contract.names import short_function_name
from labkit_services.gateway.functions.function import DeployedFunction, NoReplicaError
from labkit_services.gateway.functions.provider import FunctionProvider
from labkit_services.gateway.functions.replica import Replica
from labkit_services.gateway.functions.scaling import ScaleLimits
from labkit_services.gateway.headers import call_id_of, forwarded_pairs, response_headers, standard_headers
from labkit_services.gateway.metrics import Telemetry
from labkit_services.gateway.requests import qualified
from labkit_services.http import (
    STOPPED,
    ClientResponse,
    HttpClient,
    HttpError,
    Request,
    Response,
    UpstreamError,
)
from labkit_services.http.headers import Pair

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_REPLICA_TIMEOUT_SECONDS = 10.0
_DISCONNECTED = "the caller disconnected"


@dataclass(frozen=True, slots=True)
class _Call:
    """One synchronous call; ``key`` is "" if there is no such function."""

    id: str
    function: str
    key: str
    request: Request
    start_ns: int


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
            function = None
        elif function is None:
            text = f"error finding function {qualified(name, '')}: function not found\n"
            response = _platform_error(404, text, standard_headers(call_id, start_ns))
        call = _Call(call_id, shown, function.spec.key if function else "", request, start_ns)
        if function is not None:
            self._metrics.start(call.key)
            try:
                response = await self._forward(call, function, path or "/")
            except asyncio.CancelledError as error:
                # As Go's gateway counts a canceled request.
                self._end(call, 502, -1, _reason(error))
                raise
        if isinstance(response.body, bytes):
            platform = platform_data(response.headers.get(INTERNAL), response.body)
            self._end(call, response.status, len(response.body), **platform)
        return response

    def _end(self, call: _Call, status: int, size: int, error: str = "", **platform: Any) -> None:
        """Report a call's end; ``error`` is why its response is incomplete."""
        method, path = call.request.method, call.request.path
        data: dict[str, Any] = {"error": error} if error else {"status": status, "bytes": size, **platform}
        self._events.emit(EventType.CALL_ANSWERED, call.id, call.function, **data)
        seconds = (time.time_ns() - call.start_ns) / 1e9
        if call.key:
            self._metrics.finish(call.key, status, seconds)
        why = f", {error}" if error else ""
        self._lines.write(f"Forwarded [{method}] to {path} - [{status}] - {seconds:.4f}s{why}")

    async def _forward(self, call: _Call, function: DeployedFunction, path: str) -> Response:
        request = call.request
        headers = standard_headers(call.id, call.start_ns)
        replica = function.pick()
        if replica is None:
            try:
                replica = await self._wait_for_replica(function)
            except HttpError as error:  # removed meanwhile
                return _platform_error(error.status, error.text, headers)
            except NoReplicaError as error:
                text = f"No endpoints available for: {function.name}.\n{error}\n"
                return _platform_error(503, text, headers)
        pairs = forwarded_pairs(request, call.id, call.start_ns)
        self._events.emit(EventType.CALL_FORWARDED, call.id, function.name, replica=replica.instance)
        replica.begin_call()
        streaming = False
        try:
            async with asyncio.timeout(self._timeout):
                upstream = await self._client.forward(request, replica.origin, path, pairs)
            merged = response_headers(upstream.headers, request, call.id, call.start_ns)
            if upstream.incoming.complete:
                return Response(upstream.status, merged, upstream.incoming.take())

            def on_end(size: int, error: str) -> None:
                replica.end_call()
                self._end(call, upstream.status, size, error)

            streaming = True
            return Response(upstream.status, merged, _FunctionBody(upstream, on_end))
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


class _FunctionBody:
    """A response's body as it arrives; the replica is busy until its end.

    ``on_end`` is called once, with the bytes that arrived and why they are
    incomplete, or "". An async generator would not notice its end if it is
    closed before it has begun.
    """

    def __init__(self, upstream: ClientResponse, on_end: Callable[[int, str], None]) -> None:
        self._upstream = upstream
        self._parts = upstream.stream()
        self._size = 0
        self._on_end: Callable[[int, str], None] | None = on_end

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            part = await anext(self._parts)
        except StopAsyncIteration:
            self._end("")
            raise
        except asyncio.CancelledError as error:
            self._end(_reason(error))
            raise
        except Exception as error:
            self._end(str(error))
            raise
        self._size += len(part)
        return part

    async def aclose(self) -> None:
        """Stop reading; early if the client is gone."""
        self._end(_DISCONNECTED)
        self._upstream.close()

    def _end(self, error: str) -> None:
        if self._on_end is not None:
            on_end, self._on_end = self._on_end, None
            on_end(self._size, error)


def _reason(cancelled: asyncio.CancelledError) -> str:
    """Return why a handler was cancelled."""
    return "the gateway was stopped" if cancelled.args == (STOPPED,) else _DISCONNECTED


def _platform_error(status: int, text: str, headers: list[Pair]) -> Response:
    """Return an error of the platform, which a header marks for retries."""
    # OpenFaaS's scaler, which finds out that a function is missing, writes its
    # text without http.Error (gateway/handlers/scaling.go).
    respond = Response.text if status == 404 else Response.error
    return respond(status, text, [*headers, (INTERNAL, "proxy")])
