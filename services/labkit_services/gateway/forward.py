"""Synchronous calls: hold the connection, ask a replica, pass its answer on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from labkit_services.contract.events import EventType
from labkit_services.contract.names import INTERNAL, short_function_name
from labkit_services.gateway.function import Function, NoReplicaError
from labkit_services.gateway.headers import answer_headers, call_id_of, forwarded_pairs, now_ns, stamped
from labkit_services.gateway.metrics import Metrics
from labkit_services.gateway.provider import ProcessProvider
from labkit_services.gateway.replica import Replica
from labkit_services.gateway.requests import qualified
from labkit_services.gateway.scaling import ScaleLimits
from labkit_services.http import ClientResponse, HttpClient, HttpError, Request, Response, UpstreamError
from labkit_services.http.headers import Pair
from labkit_services.jetstream.event_publisher import Events
from labkit_services.runtime.log import LineWriter

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_REPLICA_PATIENCE_SECONDS = 10.0


class Forwarder:
    """The handler of ``/function/NAME``."""

    def __init__(
        self,
        provider: ProcessProvider,
        client: HttpClient,
        events: Events,
        metrics: Metrics,
        lines: LineWriter,
        *,
        upstream_timeout: float,
    ) -> None:
        self._provider = provider
        self._client = client
        self._events = events
        self._metrics = metrics
        self._lines = lines
        self._timeout = upstream_timeout

    async def handle(self, request: Request, name: str, path: str) -> Response:
        """Answer one call; ``path`` is what followed the name."""
        start_ns = now_ns()
        call_id = call_id_of(request)
        function = self._provider.find(name)
        shown = function.name if function else short_function_name(name)
        self._events.emit(EventType.CALL_RECEIVED, call_id, shown, mode="sync", method=request.method)
        if request.method not in METHODS:
            response = Response(405, [*stamped(call_id, start_ns), ("Allow", ", ".join(sorted(METHODS)))])
        elif function is None:
            text = f"error finding function {qualified(name, '')}: function not found\n"
            response = _failure(404, text, stamped(call_id, start_ns))
        else:
            key = function.spec.key
            self._metrics.start(key)
            response = await self._call(request, function, path or "/", call_id, start_ns)
            self._metrics.finish(key, response.status, (now_ns() - start_ns) / 1e9)
        size = len(response.body) if isinstance(response.body, bytes) else -1
        self._events.emit(EventType.CALL_ANSWERED, call_id, shown, status=response.status, bytes=size)
        seconds = (now_ns() - start_ns) / 1e9
        self._lines.write(
            f"Forwarded [{request.method}] to {request.path} - [{response.status}] - {seconds:.4f}s"
        )
        return response

    async def _call(
        self, request: Request, function: Function, path: str, call_id: str, start_ns: int
    ) -> Response:
        stamps = stamped(call_id, start_ns)
        replica = function.pick()
        if replica is None:
            try:
                if function.wanted == 0:
                    limits = ScaleLimits.of(function.spec.labels)
                    await self._provider.scale(function.spec.key, max(1, limits.minimum))
                replica = await function.wait_ready(min(_REPLICA_PATIENCE_SECONDS, self._timeout))
            except HttpError as error:  # removed in the meantime
                return _failure(error.status, error.text, stamps)
            except NoReplicaError as error:
                return _failure(503, f"No endpoints available for: {function.name}.\n{error}\n", stamps)
        pairs = forwarded_pairs(request, call_id, start_ns)
        body: bytes | AsyncIterator[bytes]
        if request.incoming.complete:
            body = request.incoming.take()
        else:
            body = request.stream()
            if length := request.headers.get("Content-Length"):
                pairs.append(("Content-Length", length))
        target = f"{path}?{request.query}" if request.query else path
        self._events.emit(EventType.CALL_FORWARDED, call_id, function.name, replica=replica.instance)
        replica.taken()
        streaming = False
        try:
            async with asyncio.timeout(self._timeout):
                upstream = await self._client.send(replica.origin, request.method, target, pairs, body)
            headers = answer_headers(upstream.headers, request, call_id, start_ns)
            if upstream.incoming.complete:
                return Response(upstream.status, headers, upstream.incoming.take())
            streaming = True
            return Response(upstream.status, headers, _relay(upstream, replica))
        except TimeoutError:
            text = f"{function.name} did not answer within {self._timeout:g} s (upstream_timeout)\n"
            return _failure(502, text, stamps)
        except UpstreamError as error:
            return _failure(502, f"Can't reach service for: {function.name}.\n{error}\n", stamps)
        finally:
            if not streaming:
                replica.released()


async def _relay(upstream: ClientResponse, replica: Replica) -> AsyncIterator[bytes]:
    """Pass on a body as it comes; the replica is busy until it is over."""
    try:
        async for part in upstream.stream():
            yield part
    finally:
        upstream.close()
        replica.released()


def _failure(status: int, text: str, stamps: list[Pair]) -> Response:
    """Return an error that the platform made; retries tell it from the function's own by a header."""
    return Response.text(status, text, [*stamps, (INTERNAL, "proxy")])
