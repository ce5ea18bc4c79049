"""The supervisor's ear: one JSON request a line, one JSON answer a line."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from labkit.errors import error_to_json
from labkit_services.contract.errors import InvalidValueError, LabError

Command = Callable[[Mapping[str, Any]], Awaitable[Any]]

_READ_SECONDS = 10.0
"""How long a client may be silent before it is hung up on."""
_LAST_WORDS_SECONDS = 0.5


class Control:
    """Serves commands on a loopback port, to those who know the token.

    ``{"token": …, "command": NAME, …}`` is answered by ``{"ok": VALUE}`` or
    ``{"error": {…}}``, the fields of a ``LabError``. A port, not a Unix socket, whose
    path may have no more than about a hundred bytes.
    """

    def __init__(self, token: str, commands: Mapping[str, Command]) -> None:
        self._token = token
        self._commands = commands
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._answering: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen; return ``127.0.0.1:PORT``."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def stop(self) -> None:
        """Let the answers under way go out, then hang up."""
        if self._server is not None:
            self._server.close()
        if self._answering:
            await asyncio.wait(self._answering, timeout=_LAST_WORDS_SECONDS)
        for writer in self._clients:
            writer.close()
        await asyncio.sleep(0)  # one turn of the loop, in which the connections notice

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(writer)
        try:
            while True:
                async with asyncio.timeout(_READ_SECONDS):
                    line = await reader.readline()
                if not line:
                    return
                self._answering.add(task)
                answer = await self._answer(line)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
                self._answering.discard(task)
        except (OSError, ValueError):
            return  # gone, silent (a timeout is an OSError), or a line beyond all bounds
        finally:
            self._answering.discard(task)
            self._clients.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            return {"ok": await self._execute(line)}
        except LabError as error:
            return {"error": error_to_json(error)}
        except Exception as error:
            logging.exception("a command failed")  # the client gets the name, the log the place
            return {"error": error_to_json(LabError("The supervisor has a bug.", seen=repr(error)))}

    async def _execute(self, line: bytes) -> Any:
        # hmac brings OpenSSL with it, 10 ms that a start can do without.
        import hmac

        try:
            request = json.loads(line)
            token, name = str(request["token"]), str(request["command"])
        except (ValueError, KeyError, TypeError):
            raise InvalidValueError(
                "not a command", expected='{"token": …, "command": …}', seen=repr(line[:80])
            ) from None
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise InvalidValueError("wrong control token")
        command = self._commands.get(name)
        if command is None:
            raise InvalidValueError(
                f"there is no command {name!r}", expected=", ".join(sorted(self._commands))
            )
        return await command(request)
