"""A stream of server-sent events, from a Unix socket to a browser.

jupyter-server-proxy's own way does not notice that the browser has left: it
keeps the connection to the lab open for two hours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tornado.httputil import HTTPHeaders, parse_response_start_line
from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

_BLOCK = 64 * 1024
_ENDED_HERE = ("connection", "content-length", "host", "transfer-encoding")


async def relay_events(
    handler: RequestHandler, socket: str, target: str, headers: Iterable[tuple[str, str]]
) -> None:
    """Respond to a request with what the service at ``socket`` responds.

    It ends with the service, or by cancellation. In HTTP/1.0 the body is not
    chunked, and ends with the connection (RFC 9112 §6.3).

    Raises:
        OSError: The service can't be reached, or it ended before its response.
    """
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        head = [f"GET {target} HTTP/1.0", f"Host: {handler.request.host}"]
        head += [f"{name}: {value}" for name, value in headers if name.lower() not in _ENDED_HERE]
        writer.write("\r\n".join([*head, "", ""]).encode("latin-1", "replace"))
        try:
            received = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the service ended before its response") from error
        first, _, lines = received.partition("\r\n")
        start = parse_response_start_line(first)
        handler.set_status(start.code, start.reason)
        response = HTTPHeaders.parse(lines)
        for name in response:  # instead of Jupyter's
            handler.clear_header(name)
        for name, value in response.get_all():
            if name.lower() not in _ENDED_HERE:
                handler.add_header(name, value)
        while block := await reader.read(_BLOCK):
            handler.write(block)
            # jupyter-server-proxy's flush can't be awaited.
            await RequestHandler.flush(handler)
    except StreamClosedError:
        return  # the browser has left
    finally:
        writer.close()
