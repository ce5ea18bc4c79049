"""The control channel: clients send commands to the supervisor over TCP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from labkit.errors import error_to_json
from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.json_input import InvalidJsonError, read_json

CommandHandler = Callable[[Mapping[str, Any]], Awaitable[Any]]

_IDLE_SECONDS = 10.0
"""A client that sends nothing for this long is disconnected."""
_FLUSH_SECONDS = 0.5


class ControlServer:
    """Serves commands on a loopback port to clients that know the token.

    A connection carries one request, the line ``{"token": …, "command": NAME,
    …}``, and its response, the line ``{"ok": VALUE}`` or ``{"error": {…}}``
    with the fields of a ``LabError``. It is a TCP port because the path of a
    Unix socket is limited to about a hundred bytes.
    """

    def __init__(self, token: str, commands: Mapping[str, CommandHandler]) -> None:
        self._token = token
        self._commands = commands
        self._server: asyncio.Server | None = None
        self._responding: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen; return ``127.0.0.1:PORT``."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def stop(self) -> None:
        """Stop listening, and finish the responses in progress."""
        if self._server is not None:
            self._server.close()
        if self._responding:
            await asyncio.wait(self._responding, timeout=_FLUSH_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                line = await reader.readline()
            if line:
                self._responding.add(task)
                writer.write(json.dumps(await self._respond(line)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            return  # disconnected, idle (a timeout is an OSError), or a line that is too long
        finally:
            self._responding.discard(task)
            writer.close()

    async def _respond(self, line: bytes) -> dict[str, Any]:
        try:
            return {"ok": await self._execute(line)}
        except LabError as error:
            return {"error": error_to_json(error)}
        except Exception as error:
            logging.exception("a command failed")  # the client gets the error, the log its traceback
            return {"error": error_to_json(LabError("The supervisor has a bug.", seen=repr(error)))}

    async def _execute(self, line: bytes) -> Any:
        # Not imported at start: hmac loads OpenSSL, which takes 10 ms.
        import hmac

        try:
            request = read_json(line)
            token, name = str(request["token"]), str(request["command"])
        except (InvalidJsonError, KeyError, TypeError):
            raise InvalidValueError(
                "not a command", expected='{"token": …, "command": …}', seen=f"{len(line)} bytes"
            ) from None
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise InvalidValueError("wrong control token")
        command = self._commands.get(name)
        if command is None:
            raise InvalidValueError(f"unknown command {name!r}", expected=", ".join(sorted(self._commands)))
        return await command(request)
