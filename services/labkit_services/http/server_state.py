"""What a server and its connections share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from labkit_services.http.limits import Limits
from labkit_services.http.request import Request
from labkit_services.http.response import Response

Handler = Callable[[Request], Awaitable[Response]]
ErrorHook = Callable[[Request, BaseException], None]


@dataclass(eq=False, slots=True)
class ServerState:
    """A server's settings, and the state of its stop.

    Attributes:
        on_error: Called with the exception of a failed handler.
        drained: Set when the last connection has closed.
    """

    handler: Handler
    limits: Limits
    on_error: ErrorHook | None
    stopping: bool = False
    drained: asyncio.Event = field(default_factory=asyncio.Event)
