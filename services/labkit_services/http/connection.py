"""One client's connection to the server: requests in, answers out, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import cast

from labkit_services.http.message import HangUpError, HttpError, Request, Response
from labkit_services.http.parsing import RequestParser
from labkit_services.http.server import HttpServer
from labkit_services.http.wire import STATUS_LINES, date_header, encode_head

_LINGER_SECONDS = 2.0
"""How long a refused sender may go on sending, so that it gets to read the answer."""

_NEVER = float("inf")
_BODILESS = (204, 304)


class Connection(asyncio.Protocol):
    """Runs one handler at a time; pipelined requests wait their turn."""

    def __init__(self, server: HttpServer, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.loop = loop
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self.task: asyncio.Task[None] | None = None
        self.deadline = loop.time() + server.limits.read_seconds
        self._parser: RequestParser = None  # type: ignore[assignment]  # set by connection_made
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._refusal: HttpError | None = None
        self._deaf = False  # reads no more
        self._ended = False  # has nothing more to say
        self._held_back = False
        self._writable: asyncio.Future[None] | None = None
        self._unsent = 0

    # -- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport: don't check, believe.
        self.transport = cast("asyncio.Transport", transport)
        peer = self.transport.get_extra_info("peername")
        address = (peer[0], peer[1]) if isinstance(peer, tuple) else ("", 0)
        self._parser = RequestParser(self.server.limits, self, address, self._deliver)
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deaf = self._ended = True
        self._waiting.clear()
        if self._parser.body is not None:
            self._parser.body.fail(ConnectionResetError("the client went away in the middle of its request"))
        if self.task is not None:
            self.task.cancel()
        self.resume_writing()
        self.server.forget(self)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return  # a refused sender that has not yet noticed
        self.deadline = self.loop.time() + self.server.limits.read_seconds
        try:
            self._parser.feed(data)
        except HttpError as refusal:
            self._refuse(refusal)
            return
        if self.task is None:
            self._next()
        elif self._waiting and not self._held_back:
            # Pipelined requests wait in the socket, not in memory.
            self._held_back = True
            self.transport.pause_reading()

    def eof_received(self) -> None:
        return None  # close: nobody is left to read the answer

    def pause_writing(self) -> None:
        self._writable = self.loop.create_future()
        self._watch_unsent()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None
        if self.task is not None and not self._ended:
            self._watch_request()

    # -- the parser's and its bodies' calls

    def _deliver(self, request: Request, keep_alive: bool) -> None:
        if request.http_version == "1.1" and request.headers.get("Expect").lower() == "100-continue":
            # Said only to a handler that wants the body: others refuse without it.
            request.incoming.on_wait = self._say_continue
        self._waiting.append((request, keep_alive))

    def _say_continue(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def pause_reading(self) -> None:
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._held_back:
            self.transport.resume_reading()

    # -- one request after the other

    def _next(self) -> None:
        if self._waiting:
            request, keep_alive = self._waiting.popleft()
            if self._held_back and not self._waiting:
                self._held_back = False
                self.transport.resume_reading()
            self.task = self.loop.create_task(self._run(request, keep_alive))
            self._watch_request()
        elif self._refusal is not None:
            self._write_refusal(self._refusal)
        elif self._parser.partial:
            self._watch_request()
        else:
            self.deadline = self.loop.time() + self.server.limits.idle_seconds

    async def _run(self, request: Request, keep_alive: bool) -> None:
        try:
            try:
                response = await self.server.handler(request)
            except HangUpError:
                raise
            except Exception as error:
                response = self._excuse(request, error)
            request.incoming.on_wait = None  # too late to say 100 Continue
            if self.server.stopping or not request.incoming.complete:
                keep_alive = False
            if isinstance(response.body, bytes):
                self._write_whole(request, response, keep_alive)
            else:
                keep_alive = await self._write_stream(request, response, response.body, keep_alive)
            if keep_alive and self._writable is not None:
                # A client that asks on and on without reading must not fill our memory.
                await self._writable
        except asyncio.CancelledError:
            self.abort()
            raise
        except Exception as error:
            # Part of the answer may be out: only a cut tells the client that it is not whole.
            if not isinstance(error, HangUpError):
                self._report(request, error)
            self.abort()
            return
        self.task = None
        if keep_alive and not self.server.stopping:  # told so while a stream was going on
            self._next()
        else:
            self._end(linger=not request.incoming.complete)

    def _excuse(self, request: Request, error: Exception) -> Response:
        """Return the answer to a request whose handler failed, or returned what can't be sent."""
        if isinstance(error, HttpError):
            return error.response()
        if isinstance(error, ConnectionResetError):
            # Our reader of the body, or a peer of ours, was cut off: if it was
            # this client, nobody reads the answer, and writing it does no harm.
            return Response.text(502, "connection lost\n")
        self._report(request, error)
        return Response.text(500, "Internal Server Error\n")

    def _report(self, request: Request, error: Exception) -> None:
        if self.server.on_error is not None:
            self.server.on_error(request, error)

    # -- writing answers

    def _write_whole(self, request: Request, response: Response, keep_alive: bool) -> None:
        try:
            data = self._whole(request, response, keep_alive)
        except ValueError as error:
            data = self._whole(request, self._excuse(request, error), keep_alive)
        if not self.transport.is_closing():
            self.transport.write(data)

    def _whole(self, request: Request, response: Response, keep_alive: bool) -> bytes:
        body = response.body
        assert isinstance(body, bytes)
        framing = ""
        if response.status in _BODILESS:
            body = b""
        elif request.method != "HEAD" or "Content-Length" not in response.headers:
            # A HEAD answer announces what GET would have sent, if the handler says so.
            framing = f"Content-Length: {len(body)}\r\n"
            response.headers.remove("Content-Length")
        head = self._head(request, response, keep_alive, framing)
        return head if request.method == "HEAD" else head + body

    def _head(self, request: Request, response: Response, keep_alive: bool, framing: str) -> bytes:
        if not keep_alive:
            framing += "Connection: close\r\n"
        elif request.http_version == "1.0":
            framing += "Connection: keep-alive\r\n"
        line = STATUS_LINES.get(response.status)
        if line is None:
            raise ValueError(f"{response.status} is not the status of a final answer")
        return encode_head(line, response.headers, date_header() + framing)

    async def _write_stream(
        self, request: Request, response: Response, parts: AsyncIterator[bytes], keep_alive: bool
    ) -> bool:
        try:
            bodiless = request.method == "HEAD" or response.status in _BODILESS
            length = response.headers.get("Content-Length")
            chunked = not length and response.status not in _BODILESS and request.http_version == "1.1"
            keep_alive = keep_alive and bool(chunked or bodiless or length)
            framing = "Transfer-Encoding: chunked\r\n" if chunked else ""
            try:
                missing = int(length) if length else None
                head = self._head(request, response, keep_alive, framing)
            except ValueError as error:
                self._write_whole(request, self._excuse(request, error), keep_alive=False)
                return False
            if self.transport.is_closing():
                return False
            self.transport.write(head)
            if bodiless:
                return keep_alive
            async for part in parts:
                if not part:
                    continue  # as a chunk it would mean the end
                if missing is not None:
                    missing -= len(part)
                    if missing < 0:
                        raise ValueError(f"the body is longer than the Content-Length of {length}")
                self.transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                if self._writable is not None:
                    await self._writable
            if missing:
                raise ValueError(f"the body is {missing} bytes shorter than the Content-Length of {length}")
            if chunked:
                self.transport.write(b"0\r\n\r\n")
        finally:
            if close := getattr(parts, "aclose", None):
                await close()
        return keep_alive

    # -- the end

    def _refuse(self, refusal: HttpError) -> None:
        """Answer what can't be parsed, after what came before it."""
        self._deaf = True
        self._refusal = refusal
        if self._parser.body is not None:
            self._parser.body.fail(refusal)
        if self.task is None:
            self._next()

    def _write_refusal(self, refusal: HttpError) -> None:
        response = refusal.response()
        assert isinstance(response.body, bytes)
        framing = f"{date_header()}Content-Length: {len(response.body)}\r\nConnection: close\r\n"
        head = encode_head(STATUS_LINES[refusal.status], response.headers, framing)
        self.transport.write(head + response.body)
        self._end(linger=True)

    def _end(self, *, linger: bool) -> None:
        """Close; a client that is still sending would lose the answer to a reset, so wait for it a little."""
        self._deaf = self._ended = True
        if self.transport.is_closing():
            return
        self._watch_unsent()
        if linger and self.transport.can_write_eof():
            self.transport.resume_reading()
            self.transport.write_eof()
        else:
            self.transport.close()

    def finish_up(self) -> None:
        """Close now if idle, else after the answer under way."""
        if self.task is None and not self._ended:
            self.transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self.transport.abort()

    # -- deadlines: the server calls ``expire`` when one has passed

    def _watch_request(self) -> None:
        """Wait for the rest of the request as long as the client may take, for the handler for ever."""
        if self._parser.partial:
            self.deadline = self.loop.time() + self.server.limits.read_seconds
        else:
            self.deadline = _NEVER

    def _watch_unsent(self) -> None:
        """Wait as long as the client may take to read some of the answer."""
        self._unsent = self.transport.get_write_buffer_size()
        patience = self.server.limits.read_seconds if self._unsent else _LINGER_SECONDS
        self.deadline = self.loop.time() + patience

    def expire(self) -> None:
        """Act on a passed deadline: refuse a request that stalls, close what is idle."""
        if self._writable is not None or self._ended:
            if 0 < self.transport.get_write_buffer_size() < self._unsent:
                self._watch_unsent()  # a slow reader, but it reads
            else:
                self.abort()
        elif self._parser.partial:
            body = self._parser.body
            if self._held_back or (body is not None and (body.full or body.on_wait is not None)):
                self._watch_request()  # it is the client who waits, for our handler
            elif self.task is None:
                self._refuse(HttpError(408, "408 Request Timeout\n"))
            elif body is not None:
                body.fail(HttpError(408, "408 Request Timeout\n"))
                self.deadline = _NEVER
        elif self.task is None:
            self.transport.close()
