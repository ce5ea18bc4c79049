"""The fork server's protocol, and its client.

A client holds one end of a Unix socket whose other end is the fork server's.
Messages are JSON and keep their boundaries (``SOCK_SEQPACKET``). One request
is one message:

    client  {"module", "environment", "folder", "numbers", "arguments"}, and
            as SCM_RIGHTS a reply socket for this request and the descriptors
            that the process inherits
    server  {"pid": 4711}, or {"error": [errno, text]}
    server  {"code": 0} when the process has exited; a negative code is the
            signal that ended it
    client  closes its reply socket: now the server reaps the process

Until that last step the pid belongs to the process, exited or not, as it does
for a parent that has not waited yet. So no signal can reach another process.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

REPLY_TIMEOUT_SECONDS = 5.0
"""A lab's first requests wait for the fork server's own imports; later a reply
takes milliseconds."""

_EXIT_CODE_SECONDS = 1.0
"""How long the fork server may take to report the exit code of a process that
has ended."""
_REPLY_BYTES = 4096


class ForkRequest(NamedTuple):
    """A process to start: ``python -P -m MODULE``, leader of a process group.

    Attributes:
        module: Such as ``labkit_services.gateway``; its ``__main__`` has a
            function ``start``.
        environment: All of it: nothing of the fork server's own is added.
        folder: Working directory.
        numbers: The numbers of its descriptors, in the order in which they are
            sent.
    """

    module: str
    environment: Mapping[str, str]
    folder: str
    numbers: Sequence[int]
    arguments: Sequence[str] = ()


class Forked:
    """A process that the fork server started, leader of its process group.

    Until ``release`` its ``pid`` is safe to signal. The constructor raises
    OSError if there is no such process any more, nor the fork server, which
    would have kept it.
    """

    def __init__(self, pid: int, reply: socket.socket) -> None:
        self.pid = pid
        self._reply = reply
        self._loop = asyncio.get_running_loop()
        self._exited = asyncio.Event()
        # The system reports the exit, even if the fork server is killed or
        # stopped.
        self._pidfd = os.pidfd_open(pid)
        self._loop.add_reader(self._pidfd, self._on_exit)

    async def wait(self) -> int | None:
        """Wait for its end and return its exit code; call this once.

        None if the fork server has ended by then, or does not reply: nobody
        else knows the code.
        """
        await self._exited.wait()
        try:
            async with asyncio.timeout(_EXIT_CODE_SECONDS):
                message = await _receive(self._reply)
        except TimeoutError:
            return None
        code: int | None = message.get("code")
        return code

    def _on_exit(self) -> None:
        self._stop_watching()
        self._exited.set()

    def _stop_watching(self) -> None:
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def release(self) -> None:
        """Let it be reaped when it has exited. Idempotent."""
        self._stop_watching()
        self._reply.close()


async def fork(server: socket.socket, request: ForkRequest, descriptors: Sequence[int]) -> Forked | None:
    """Request a process from the fork server.

    The caller still has to close its ``descriptors``. The result is None if
    there is no fork server or it does not reply: spawn the process instead. If
    the request is served after all, that process finds that its lifeline has
    ended.

    Raises:
        OSError: It can't be started: for example, there is no such folder, or
            there are too many processes.
    """
    reply, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reply.setblocking(False)
    message = json.dumps(request._asdict()).encode()  # which preserves surrogate escapes
    try:
        with theirs:
            socket.send_fds(server, [message], [theirs.fileno(), *descriptors], socket.MSG_DONTWAIT)
        async with asyncio.timeout(REPLY_TIMEOUT_SECONDS):
            answer = await _receive(reply)
    except OSError:  # it has ended, is too busy, or the request is too long; TimeoutError is one, too
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
        data = await asyncio.get_running_loop().sock_recv(reply, _REPLY_BYTES)
    except OSError:
        data = b""
    message: dict[str, Any] = json.loads(data) if data else {}
    return message
