"""Asynchronous calls: in the queue first, 202 second."""

from __future__ import annotations

from labkit_services.contract.events import EventType
from labkit_services.contract.names import CALLBACK_URL, DUPLICATE, START_TIME, short_function_name
from labkit_services.contract.queued_call import CALL_HEADER, QueuedCall
from labkit_services.gateway.callback_url import go_url_error
from labkit_services.gateway.config import Config
from labkit_services.gateway.headers import call_id_of, now_ns, stamped
from labkit_services.gateway.provider import ProcessProvider
from labkit_services.gateway.queues import Queues
from labkit_services.http import BodyTooLargeError, HttpError, Request, Response
from labkit_services.jetstream.event_publisher import Events
from labkit_services.jetstream.publisher import Publisher, QueueUnavailableError
from labkit_services.runtime.log import LineWriter

_MAX_METADATA = 55_000
"""JetStream takes 64 KiB of headers in a message, and a dead letter's hold the function's, too."""

_ALLOWED = {"": "DELETE, GET, POST", "/result": "GET"}
"""By what follows the name: there the routes about a call are, too (``calls.py``)."""


class Acceptor:
    """The handler of ``/async-function/NAME``.

    It does not look whether the function exists: like OpenFaaS, it promises to
    try. The promise is kept by JetStream: its ack comes before the 202.
    """

    def __init__(
        self,
        provider: ProcessProvider,
        queues: Queues,
        publisher: Publisher,
        events: Events,
        lines: LineWriter,
        config: Config,
    ) -> None:
        self._provider = provider
        self._queues = queues
        self._publisher = publisher
        self._events = events
        self._lines = lines
        self._queue = config.queue
        self._max_body = config.max_body

    async def handle(self, request: Request, name: str, path: str) -> Response:
        """Answer one call; ``path`` is what followed the name."""
        if request.method != "POST":
            return Response(405, [("Allow", _ALLOWED.get(path, "POST"))])
        start_ns = now_ns()
        call_id = call_id_of(request)
        function = short_function_name(name)
        self._events.emit(EventType.CALL_RECEIVED, call_id, function, mode="async", method="POST")
        response = await self._accept(request, name, path, call_id, start_ns)
        if response.status != 202:
            self._events.emit(EventType.CALL_ANSWERED, call_id, function, status=response.status)
        return response

    async def _accept(self, request: Request, name: str, path: str, call_id: str, start_ns: int) -> Response:
        stamps = stamped(call_id, start_ns)
        callback = request.headers.get(CALLBACK_URL)
        if callback and (problem := go_url_error(callback)):
            return Response.text(400, problem + "\n", stamps)
        try:
            body = await request.body(self._max_body)
        except BodyTooLargeError as error:
            return Response.text(413, f"Error queuing request: {error.text}", stamps)
        function = self._provider.find(name)
        queue = function.spec.queue if function else ""
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
        headers = call.nats_headers()
        if len(headers[CALL_HEADER]) > _MAX_METADATA:
            text = f"Error queuing request: headers too large for the queue, maximum: {_MAX_METADATA} bytes\n"
            return Response.text(431, text, stamps)
        queue = queue or self._queue
        try:
            if queue not in self._queues:
                await self._queues.ensure(queue)
            stored = await self._publisher.publish(queue, body, headers)
        except QueueUnavailableError as error:
            return Response.text(500, f"Error queuing request: {error}\n", stamps)
        except HttpError as error:
            return Response.text(500, f"Error queuing request: {error.text}", stamps)
        if stored.duplicate:
            # The client's own id, a second time within the window: accepted once.
            self._lines.write(f"[{call_id}] Already queued for: {name}.")
            return Response(202, [*stamps, (DUPLICATE, "true")])
        self._events.emit(
            EventType.CALL_QUEUED,
            call_id,
            short_function_name(name),
            queue=queue,
            seq=stored.seq,
            bytes=len(body),
        )
        self._lines.write(f"[{call_id}] Queueing ({len(body)}) bytes for: {name}.")
        return Response(202, stamps)
