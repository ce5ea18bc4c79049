"""``POST /async-function/NAME``: accept a call onto the queue."""

from __future__ import annotations

import time

from labkit_services.contract.events import EventType, platform_data
from labkit_services.contract.headers import CALLBACK_URL, DUPLICATE, START_TIME
from labkit_services.contract.names import short_function_name
from labkit_services.contract.queued_call import CALL_HEADER, QueuedCall
from labkit_services.contract.wire_text import readable
from labkit_services.gateway.config import GatewayConfig
from labkit_services.gateway.functions.provider import FunctionProvider
from labkit_services.gateway.headers import call_id_of, standard_headers
from labkit_services.gateway.metrics import Telemetry
from labkit_services.gateway.queue_registry import QueueRegistry
from labkit_services.http import BodyTooLargeError, HttpError, Request, Response
from labkit_services.http.go_url import GoUrl
from labkit_services.jetstream.batch_publisher import BatchPublisher
from labkit_services.jetstream.publisher import Publisher, QueueUnavailableError
from labkit_services.runtime.log import quoted

_MAX_METADATA = 55_000
"""JetStream allows 64 KiB of headers; a dead letter adds the function's to
these."""

_ALLOWED = {"": "DELETE, GET, POST", "/result": "GET"}
"""By what follows the name: ``calls.py`` has routes on these paths, too."""


class AsyncFunctionRoute:
    """Accepts calls.

    Whether the function exists is not checked: as in OpenFaaS, the worker
    finds out. JetStream has stored the call before the 202 is sent.
    """

    def __init__(
        self,
        provider: FunctionProvider,
        queues: QueueRegistry,
        publisher: Publisher | BatchPublisher,
        telemetry: Telemetry,
        config: GatewayConfig,
    ) -> None:
        self._provider = provider
        self._queues = queues
        self._publisher = publisher
        self._events = telemetry.events
        self._lines = telemetry.lines
        self._default_queue = config.queue
        self._max_body = config.max_body

    def is_deployed(self, name: str) -> bool:
        """Return whether a function has this name, as a URL spells it."""
        return self._provider.find(name) is not None

    async def handle(self, request: Request, name: str, path: str) -> Response:
        """Handle one request; ``path`` is what follows the name, encoded."""
        if request.method != "POST":
            return Response(405, [("Allow", _ALLOWED.get(path, "POST"))])
        start_ns = time.time_ns()
        call_id = call_id_of(request)
        function = short_function_name(name)
        self._events.emit(EventType.CALL_RECEIVED, call_id, function, mode="async", method="POST")
        response = await self._accept(request, name, path, call_id, start_ns)
        if response.status != 202:
            text = response.body if isinstance(response.body, bytes) else b""
            data = platform_data("gateway", text)
            self._events.emit(EventType.CALL_ANSWERED, call_id, function, status=response.status, **data)
        return response

    async def _accept(self, request: Request, name: str, path: str, call_id: str, start_ns: int) -> Response:
        headers = standard_headers(call_id, start_ns)
        callback = request.headers.get(CALLBACK_URL)
        try:
            if callback:
                GoUrl.parse(readable(callback))
        except ValueError as error:
            return Response.error(400, f"{error}\n", headers)
        try:
            body = await request.body(self._max_body)
        except BodyTooLargeError as error:
            return Response.error(413, f"Error queuing request: {error.text}", headers)
        function = self._provider.find(name)
        call = QueuedCall(
            call_id=call_id,
            function=name,
            method=request.method,
            path=path,
            query=request.query,
            headers=(*request.headers.pairs, (START_TIME, str(start_ns))),
            callback=callback,
            accepted_ns=start_ns,
            body=body,
            retry=function.spec.retry if function else {},
        )
        nats_headers = call.nats_headers()
        if len(nats_headers[CALL_HEADER]) > _MAX_METADATA:
            text = f"Error queuing request: headers too large for the queue, maximum: {_MAX_METADATA} bytes\n"
            return Response.error(431, text, headers)
        queue = (function.spec.queue if function else "") or self._default_queue
        try:
            if queue not in self._queues:
                await self._queues.ensure(queue)
            stored = await self._publisher.publish(queue, body, nats_headers)
        except (QueueUnavailableError, HttpError) as error:
            return Response.error(500, f"Error queuing request: {str(error).rstrip()}\n", headers)
        if stored.duplicate:
            # The client has reused its call id within the duplicate window:
            # one call, accepted once.
            self._lines.write(f"[{quoted(call_id)}] Already queued for: {name}.")
            return Response(202, [*headers, (DUPLICATE, "true")])
        shown, size = short_function_name(name), len(body)
        self._events.emit(EventType.CALL_QUEUED, call_id, shown, queue=queue, seq=stored.seq, bytes=size)
        self._lines.write(f"[{quoted(call_id)}] Queueing ({size}) bytes for: {name}.")
        return Response(202, headers)
