"""Takes the calls of functions in debug mode, from their relays."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import secrets
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from importlib.resources import files
from typing import Any

from labkit.handlers.breakpoints import BreakpointHook, unattended
from labkit.handlers.debug_handler import DebugHandler
from labkit.handlers.spec import HandlerSpec
from labkit.handlers.waiting_thread import WAITING_THREAD
from labkit_services.contract.durations import format_duration, parse_duration
from labkit_services.contract.errors import InvalidValueError

_MOST_BYTES = 256 * 1024 * 1024
_RELAY = "relay_handler.py"
_ATTEND_SECONDS, _POLL_SECONDS = 0.3, 0.01
"""How long a call waits for a cell that waits for it: the cell is perhaps
between ``lab.invoke_async`` and ``call.wait``."""
_EXEC_TIMEOUT = "30s"
"""The watchdog's, unless the function sets another."""


class DebugServer:
    """Listens on this machine while there are functions in debug mode.

    Its methods run on one event loop. A relay has to know the token.
    """

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(24)
        self._handlers: dict[str, DebugHandler] = {}
        self._server: asyncio.Server | None = None
        self._hook = BreakpointHook()

    def __contains__(self, name: str) -> bool:
        return name in self._handlers

    async def add(self, handler: DebugHandler, spec: HandlerSpec, where: str) -> HandlerSpec:
        """Take the calls of a function; replaces an earlier handler.

        Args:
            handler: Runs them.
            spec: The function.
            where: What this kernel is called in a relay's error.

        Returns:
            The function to deploy, which passes its calls on.
        """
        self._handlers[handler.name] = handler
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self._hook.install()
            WAITING_THREAD.users += 1
        port = self._server.sockets[0].getsockname()[1]
        text = (files(__package__) / _RELAY).read_text("utf-8")
        settings = {"port": port, "token": self._token, "function": spec.name, "where": where}
        source = text.replace('"RELAY_SETTINGS"', repr(json.dumps(settings)), 1)
        return replace(spec, source=source, first_line=1)

    async def discard(self, name: str) -> None:
        """Take no more calls of a function; with none left, stop listening."""
        if (handler := self._handlers.pop(name, None)) is not None:
            handler.close()
        if not self._handlers:
            await self.close()

    async def close(self) -> None:
        """Take no more calls; idempotent."""
        for handler in self._handlers.values():
            handler.close()
        self._handlers.clear()
        if self._server is not None:
            self._server.close()
            self._server = None
            self._hook.remove()
            WAITING_THREAD.users -= 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            size = int.from_bytes(await reader.readexactly(8), "big")
            if size <= _MOST_BYTES:
                call = json.loads(await reader.readexactly(size))
                if hmac.compare_digest(str(call.get("token")).encode(), self._token.encode()):
                    answer = json.dumps(await self._answer(call)).encode()
                    writer.write(len(answer).to_bytes(8, "big") + answer)
                    await writer.drain()
        except (OSError, EOFError, ValueError):
            pass  # the relay is gone, or it is none: closing the connection is the answer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        handler = self._handlers.get(call["function"])
        if handler is None:
            raise ValueError("no such function in debug mode")
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[dict[str, Any]] = loop.create_future()

        def finish(answer: dict[str, Any]) -> None:
            if not answered.done():
                answered.set_result(answer)

        def run(attended: contextlib.AbstractContextManager[None]) -> None:
            began = time.monotonic()
            self._hook.choose()
            with attended:
                answer = handler.respond(call)
                _warn_if_late(call, time.monotonic() - began)
            with contextlib.suppress(RuntimeError):  # the loop has ended with its process
                loop.call_soon_threadsafe(finish, answer)
            if answer.get("interrupted") and threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt

        deadline = loop.time() + _ATTEND_SECONDS
        while not WAITING_THREAD.offer(partial(run, contextlib.nullcontext())):
            if loop.time() > deadline:
                alone = partial(run, unattended(handler.name))
                threading.Thread(target=alone, name="labkit-handler", daemon=True).start()
                break
            await asyncio.sleep(_POLL_SECONDS)
        return await answered


def _warn_if_late(call: dict[str, Any], seconds: float) -> None:
    """Say so if the watchdog has ended the call: nobody gets the response."""
    try:
        limit = parse_duration(call["exec_timeout"] or _EXEC_TIMEOUT)
    except InvalidValueError:
        return
    if limit and seconds > limit:
        text = format_duration(limit)
        sys.stdout.write(
            f"{call['function']}: the handler took {seconds:.1f} s, and the call was answered with 504 after"
            f" {text} (exec_timeout); for more time: --env exec_timeout=5m\n"
        )
        sys.stdout.flush()
