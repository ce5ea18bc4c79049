"""Asking the fork server for a process: the messages, and the asker's side of them.

The fork server is a Python that has imported every service, and waits. Whoever may
ask it holds one end of a Unix socket whose other end is the fork server's. Messages are JSON and keep their
bounds (``SOCK_SEQPACKET``). One request is one message:

    asker   {"module", "environment", "folder", "numbers"}, and as SCM_RIGHTS a reply socket
            of this request's own and the descriptors that the process is to have
    server  {"pid": 4711}, or {"error": [errno, text]}
    server  {"code": 0} when the process has ended; a negative code is the signal that ended it
    asker   closes its reply socket: now the server reaps the process

Until that last step the pid is the process's own, ended or not, as it is for a parent that has not
waited yet. So no signal can reach a stranger.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

PATIENCE_SECONDS = 5.0
"""A lab's first requests wait for the fork server's own imports; later an answer takes milliseconds."""

_REPORT_SECONDS = 1.0
"""How long the fork server may take to tell the exit code of a process that has ended."""
_ANSWER_BYTES = 4096


class ForkRequest(NamedTuple):
    """The process that is asked for: what ``python -P -m MODULE`` would be, leader of a process group.

    Attributes:
        module: Such as ``labkit_services.gateway``; its ``__main__`` has a function ``start``.
        environment: All of it: nothing of the fork server's own is added.
        folder: Working directory.
        numbers: What numbers its descriptors have, in the order in which they are sent.
    """

    module: str
    environment: Mapping[str, str]
    folder: str
    numbers: Sequence[int]

    def encode(self) -> bytes:
        """Return the message. Bytes that are not UTF-8, as Python keeps them in a ``str``, survive."""
        return json.dumps(self._asdict()).encode()

    @classmethod
    def decode(cls, message: bytes) -> ForkRequest:
        """Rebuild what ``encode`` wrote."""
        return cls(**json.loads(message))


class Forked:
    """A process that the fork server started.

    Attributes:
        pid: Its id, and its process group's; ours to signal until ``release``.
    """

    def __init__(self, pid: int, reply: socket.socket) -> None:
        """Watch ``pid``.

        Raises:
            OSError: It is not there any more, nor is the fork server, which would have kept it.
        """
        self.pid = pid
        self._reply = reply
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        # Its end is the system's to tell: the fork server may be killed or stopped, this goes on.
        self._watch = os.pidfd_open(pid)
        self._loop.add_reader(self._watch, self._on_end)

    async def wait(self) -> int | None:
        """Wait for its end and return its exit code; call it once.

        Returns:
            None if the fork server has gone by then, or does not answer: nobody else knows the code.
        """
        await self._ended.wait()
        try:
            async with asyncio.timeout(_REPORT_SECONDS):
                message = await _receive(self._reply)
        except TimeoutError:
            return None
        code: int | None = message.get("code")
        return code

    def _on_end(self) -> None:
        self._stop_watching()
        self._ended.set()

    def _stop_watching(self) -> None:
        if self._watch >= 0:
            self._loop.remove_reader(self._watch)
            os.close(self._watch)
            self._watch = -1

    def release(self) -> None:
        """Let it be reaped when it has ended: from now on its pid is nobody's. Idempotent."""
        self._stop_watching()
        self._reply.close()


async def fork(server: socket.socket, request: ForkRequest, descriptors: Sequence[int]) -> Forked | None:
    """Have the fork server start a process. The ``descriptors`` stay the caller's to close.

    Returns:
        The process, or None if there is no fork server or it doesn't answer: spawn it instead.
        Should that request be served after all, the process finds its lifeline cut.

    Raises:
        OSError: It can't be started: no such folder, say, or too many processes.
    """
    reply, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reply.setblocking(False)
    try:
        with theirs:
            socket.send_fds(server, [request.encode()], [theirs.fileno(), *descriptors], socket.MSG_DONTWAIT)
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await _receive(reply)
    except OSError:  # gone, or too busy to take a request, or it was too long; TimeoutError is one, too
        answer = {}
    except BaseException:
        reply.close()
        raise
    if "pid" in answer:
        with suppress(OSError):
            return Forked(answer["pid"], reply)
    reply.close()
    if "error" in answer:
        raise OSError(*answer["error"])
    return None


async def _receive(reply: socket.socket) -> dict[str, Any]:
    """Return the next message; an empty one if the other end was closed."""
    try:
        message = await asyncio.get_running_loop().sock_recv(reply, _ANSWER_BYTES)
    except OSError:
        message = b""
    answer: dict[str, Any] = json.loads(message) if message else {}
    return answer
