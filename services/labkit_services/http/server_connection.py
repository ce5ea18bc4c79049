"""One connection to the server: requests in, responses out, in order."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator

from labkit_services.http.body import Body
from labkit_services.http.connection import Connection
from labkit_services.http.encoding import BODILESS, encode_response, encode_response_head
from labkit_services.http.errors import HangUpError, HttpError
from labkit_services.http.go_server import response_of_server
from labkit_services.http.headers import Headers
from labkit_services.http.parser import RequestParser
from labkit_services.http.peer import peer_is_open
from labkit_services.http.request import Request
from labkit_services.http.response import Response
from labkit_services.http.server_state import STOPPED, ServerState

_LINGER_SECONDS = 2.0
"""How long a rejected client may go on sending, so that it can read the
response."""

_PEER_SECONDS = (0.02, 1.0)
"""First and longest wait between two looks at a client that sends no more."""

_UNPARSED = Request("", "", Headers(), Body())
"""Stands for a request that can't be parsed, when its rejection is encoded."""


class ServerConnection(Connection):
    """Runs one handler at a time; pipelined requests wait for their turn.

    Attributes:
        task: Runs the handler, while there is a request.
        deadline: When the server calls ``expire``, in the loop's time.
    """

    def __init__(
        self, server: ServerState, connections: set[ServerConnection], loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(loop)
        self.task: asyncio.Task[None] | None = None
        self.deadline = loop.time() + server.limits.read_seconds
        self._server = server
        self._connections = connections
        self._parser: RequestParser = None  # type: ignore[assignment]  # set by connection_made
        self._peer = ("", 0)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._rejection: HttpError | None = None
        self._closing = False
        self._reading_paused = False
        self._half_closed = False
        self._unsent = 0
        self._received = 0  # since the deadline was set

    # -- called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._peer = (peer[0], peer[1]) if isinstance(peer, tuple) else ("", 0)
        self._parser = RequestParser(self._server.limits, self, self._on_request)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._waiting.clear()
        self._parser.body.fail(ConnectionResetError("the client disconnected within its request"))
        if self.task is not None:
            self.task.cancel(STOPPED if self._server.stopping else None)
        self.resume_writing()
        self._connections.discard(self)
        if not self._connections:
            self._server.drained.set()

    def eof_received(self) -> bool:
        """Keep the connection for the response if the client can read it."""
        if self.task is None or self._parser.partial or self._closing:
            return False
        self._half_closed = True
        return self._watch_peer(_PEER_SECONDS[0])

    def _watch_peer(self, delay: float) -> bool:
        """Cancel the handler once the client is gone; return if it is not.

        If that can't be known the client is given a second.
        """
        if self._closing or self.transport.is_closing():
            return False
        is_open = peer_is_open(self.transport.get_extra_info("socket"))
        first, longest = _PEER_SECONDS
        if is_open is False or (is_open is None and delay > first):
            self.transport.abort()
            return False
        next_delay = min(2 * delay, longest)
        self.loop.call_later(longest if is_open is None else delay, self._watch_peer, next_delay)
        return True

    def data_received(self, data: bytes) -> None:
        if self._closing or self._rejection is not None:
            return  # from a rejected client that has not noticed yet
        had_begun = self._parser.partial
        self._received += len(data)
        try:
            self._parser.feed(data)
        except HttpError as error:
            self._reject(error)
            return
        if not had_begun and self._parser.partial:
            # From here on the whole head has its time, however it drips in.
            self._watch_request()
        if self.task is None:
            self._next()
        elif self._waiting and not self._reading_paused:
            # Pipelined requests wait in the socket, not in memory.
            self._reading_paused = True
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_unsent()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.task is not None and not self._closing:
            self._watch_request()

    # -- called by the parser and the bodies

    def _on_request(self, request: Request, keep_alive: bool) -> None:
        request.peer = self._peer
        if request.http_version == "1.1" and request.headers.get("Expect").lower() == "100-continue":
            # Only once the handler reads the body: a handler may reject the
            # request without it.
            request.incoming.on_wait = self._send_continue
        self._waiting.append((request, keep_alive))

    def _send_continue(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def pause_reading(self) -> None:
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._reading_paused:
            self.transport.resume_reading()

    # -- one request after the other

    def _next(self, *, after_response: bool = False) -> None:
        if self._waiting:
            request, keep_alive = self._waiting.popleft()
            if self._reading_paused and not self._waiting:
                self._reading_paused = False
                self.transport.resume_reading()
            self.task = self.loop.create_task(self._handle(request, keep_alive), name="http request")
            self._watch_request()
        elif self._rejection is not None:
            error = self._rejection
            response = Response.text(error.status, error.text, error.headers)
            self.transport.write(encode_response(_UNPARSED, response, keep_alive=False))
            self._close(linger=True)
        elif not after_response:
            return  # the request's time is running, or there is none yet
        elif self._parser.partial:
            self._watch_request()
        elif self._half_closed:
            self._close(linger=False)
        else:
            self.deadline = self.loop.time() + self._server.limits.idle_seconds

    async def _handle(self, request: Request, keep_alive: bool) -> None:
        try:
            try:
                refusal = response_of_server(request)
                response = refusal or await self._server.handler(request)
                keep_alive = keep_alive and (refusal is None or refusal.status < 400)
            except Exception as error:
                response = self._error_response(request, error)
            request.incoming.on_wait = None  # too late for 100 Continue
            if self._server.stopping or not request.incoming.complete:
                keep_alive = False
            if isinstance(response.body, bytes):
                self._write_whole(request, response, keep_alive)
            else:
                keep_alive = await self._write_stream(request, response, response.body, keep_alive)
            if keep_alive and self.writable is not None:
                # A client that sends requests without reading responses must
                # not fill our memory.
                await self.writable
        except asyncio.CancelledError:
            self.abort()
            raise
        except Exception as error:
            # Part of the response may be out: only a cut shows the client that
            # it is incomplete.
            if not isinstance(error, HangUpError):
                self._server.on_error(request, error)
            self.abort()
            return
        self.task = None
        if keep_alive and not self._server.stopping:  # which may have begun during a stream
            self._next(after_response=True)
        else:
            self._close(linger=not request.incoming.complete)

    def _error_response(self, request: Request, error: Exception) -> Response:
        """Return the response to a request whose handler failed."""
        if isinstance(error, HangUpError):
            raise error
        if isinstance(error, HttpError):
            return error.response()
        if isinstance(error, ConnectionResetError):
            # The body that the handler read, or another connection of the
            # handler's, broke. If it was this client's, nobody reads the
            # response, and writing it does no harm.
            return Response.error(502, "connection lost\n")
        self._server.on_error(request, error)
        return Response.error(500, "Internal Server Error\n")

    # -- writing responses

    def _write_whole(self, request: Request, response: Response, keep_alive: bool) -> None:
        try:
            data = encode_response(request, response, keep_alive=keep_alive)
        except ValueError as error:
            data = encode_response(request, self._error_response(request, error), keep_alive=keep_alive)
        if not self.transport.is_closing():
            self.transport.write(data)

    async def _write_stream(
        self, request: Request, response: Response, parts: AsyncIterator[bytes], keep_alive: bool
    ) -> bool:
        """Write a streamed response; return whether to keep the connection."""
        try:
            has_body = response.status not in BODILESS
            length = response.headers.get("Content-Length")
            chunked = has_body and not length and request.http_version == "1.1"
            if request.method == "HEAD":
                has_body = False
            keep_alive = keep_alive and bool(chunked or length or not has_body)
            framing = "Transfer-Encoding: chunked\r\n" if chunked else ""
            try:
                size = int(length) if length else None
                head = encode_response_head(request, response, framing, keep_alive=keep_alive)
            except ValueError as error:
                self._write_whole(request, self._error_response(request, error), keep_alive=False)
                return False
            if self.transport.is_closing():
                return False
            self.transport.write(head)
            if has_body:
                await self.write_parts(parts, size, chunked=chunked)
            return keep_alive and not self.transport.is_closing()
        finally:
            if close := getattr(parts, "aclose", None):
                await close()

    # -- rejecting and closing

    def _reject(self, error: HttpError) -> None:
        """Answer a request that can't be parsed, after those before it."""
        self._rejection = error
        self._parser.body.fail(error)
        if self.task is None:
            self._next()

    def _close(self, *, linger: bool) -> None:
        """Close the connection; to ``linger``, only the sending side first.

        If a client is still sending, closing both would reset the connection,
        and the client would lose the response.
        """
        self._closing = True
        if self.transport.is_closing():
            return
        self._watch_unsent()
        if linger and self.transport.can_write_eof():
            self.transport.resume_reading()
            self.transport.write_eof()
        else:
            self.transport.close()

    def close_when_idle(self) -> None:
        """Close now, or after the current response."""
        if self.task is None and not self._closing:
            self.transport.close()

    # -- deadlines

    def _watch_request(self) -> None:
        """Limit the time for the rest of the request, not the handler's."""
        self._received = 0
        if self._parser.partial:
            self.deadline = self.loop.time() + self._server.limits.read_seconds
        else:
            self.deadline = math.inf

    def _watch_unsent(self) -> None:
        """Limit how long the client may read nothing of the response."""
        self._unsent = self.transport.get_write_buffer_size()
        seconds = self._server.limits.read_seconds if self._unsent else _LINGER_SECONDS
        self.deadline = self.loop.time() + seconds

    def expire(self) -> None:
        """Reject a request that is too slow, or close an idle connection."""
        limits = self._server.limits
        if self.writable is not None or self._closing:
            if 0 < self.transport.get_write_buffer_size() < self._unsent:
                self._watch_unsent()  # a slow reader, but it reads
            else:
                self.abort()
        elif self._parser.partial:
            body = self._parser.body
            if self._reading_paused or body.full or body.on_wait is not None:
                self._watch_request()  # the client waits for our handler
            elif self.task is not None and self._received >= limits.read_seconds * limits.body_rate:
                self._watch_request()  # a large body, but it arrives
            elif self.task is None:
                self._reject(HttpError(408, "408 Request Timeout\n"))
            else:
                body.fail(HttpError(408, "408 Request Timeout\n"))
                self.deadline = math.inf
        elif self.task is None:
            self.transport.close()
