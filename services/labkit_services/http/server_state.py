"""What a server and its connections share: limits, handler, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from labkit_services.http.request import Request
from labkit_services.http.response import Response

Handler = Callable[[Request], Awaitable[Response]]
ErrorHook = Callable[[Request, BaseException], None]
STOPPED = "the server is stopping"
"""Message of a handler's cancellation, if its client has not disconnected."""


@dataclass(frozen=True)
class Limits:
    """Sizes and waiting times of one connection.

    Attributes:
        header_bytes: All header names and values together; above it 431.
        header_count: Number of headers; above it 431.
        target_bytes: Length of the request line's target; above it 414.
        idle_seconds: How long an unused connection is kept.
        read_seconds: How long a request's head may take from its first byte
            to its last; above it 408. In each such span of time a body must
            bring ``body_rate`` bytes a second on average, while its reader
            waits for it. Also how long a client may read nothing of a
            response; above it the connection is cut.
        body_rate: Far below every network, and far above a client that keeps
            a connection open with a byte now and then.
    """

    header_bytes: int = 64 * 1024
    header_count: int = 1000
    target_bytes: int = 16 * 1024
    idle_seconds: float = 75.0
    read_seconds: float = 60.0
    body_rate: int = 256


@dataclass(eq=False, slots=True)
class ServerState:
    """A server's settings, and the state of its stop.

    Attributes:
        on_error: Called with the exception of a failed handler.
        drained: Set when the last connection has closed.
    """

    handler: Handler
    limits: Limits
    on_error: ErrorHook
    stopping: bool = False
    drained: asyncio.Event = field(default_factory=asyncio.Event)
