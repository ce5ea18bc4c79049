"""The fork server's protocol, and its client.

A client holds one end of a Unix socket whose other end is the fork server's. Messages are JSON and keep their
boundaries (``SOCK_SEQPACKET``). One request is one message:

    client  {"module", "environment", "folder", "numbers", "arguments"}, and as SCM_RIGHTS a reply
            socket for this request and the descriptors that the process inherits
    server  {"pid": 4711}, or {"error": [errno, text]}
    server  {"code": 0} when the process has exited; a negative code is the signal that ended it
    client  closes its reply socket: now the server reaps the process

Until that last step the pid belongs to the process, exited or not, as it does for a parent that has not
waited yet. So no signal can reach another process.
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
"""A lab's first requests wait for the fork server's own imports; later a reply takes milliseconds."""

_EXIT_CODE_SECONDS = 1.0
"""How long the fork server may take to report the exit code of a process that has ended."""
_REPLY_BYTES = 4096


class ForkRequest(NamedTuple):
    """A process to start: what ``python -P -m MODULE`` would be, leader of a process group.

    Attributes:
        module: Such as ``labkit_services.gateway``; its ``__main__`` has a function ``start``.
        environment: All of it: nothing of the fork server's own is added.
        folder: Working directory.
        numbers: The numbers of its descriptors, in the order in which they are sent.
        arguments: Command-line arguments.
    """

    module: str
    environment: Mapping[str, str]
    folder: str
    numbers: Sequence[int]
    arguments: Sequence[str] = ()

    def encode(self) -> bytes:
        """Return the message. Bytes that are not UTF-8, as Python keeps them in a ``str``, survive."""
        return json.dumps(self._asdict()).encode()

    @classmethod
    def decode(cls, message: bytes) -> ForkRequest:
        """Return the request of a message."""
        return cls(**json.loads(message))


class Forked:
    """A process that the fork server started.

    Attributes:
        pid: Its id, and its process group's; safe to signal until ``release``.
    """

    def __init__(self, pid: int, reply: socket.socket) -> None:
        """Watch ``pid``.

        Raises:
            OSError: It does not exist any more, nor does the fork server, which would have kept it.
        """
        self.pid = pid
        self._reply = reply
        self._loop = asyncio.get_running_loop()
        self._exited = asyncio.Event()
        # The system reports the exit, even if the fork server is killed or stopped.
        self._pidfd = os.pidfd_open(pid)
        self._loop.add_reader(self._pidfd, self._on_exit)

    async def wait(self) -> int | None:
        """Wait for its end and return its exit code; call this once.

        Returns:
            None if the fork server has ended by then, or does not reply: nobody else knows the code.
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
        """Let it be reaped when it has exited: from now on its pid may be reused. Idempotent."""
        self._stop_watching()
        self._reply.close()


async def fork(server: socket.socket, request: ForkRequest, descriptors: Sequence[int]) -> Forked | None:
    """Request a process from the fork server. The ``descriptors`` stay the caller's to close.

    Returns:
        The process, or None if there is no fork server or it does not reply: spawn it instead.
        If that request is served after all, the process finds that its lifeline has ended.

    Raises:
        OSError: It can't be started: for example, there is no such folder, or there are too many processes.
    """
    reply, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reply.setblocking(False)
    try:
        with theirs:
            socket.send_fds(server, [request.encode()], [theirs.fileno(), *descriptors], socket.MSG_DONTWAIT)
        async with asyncio.timeout(REPLY_TIMEOUT_SECONDS):
            message = await _receive(reply)
    except OSError:  # it has ended, is too busy, or the request is too long; TimeoutError is one, too
        message = {}
    except BaseException:
        reply.close()
        raise
    if "pid" in message:
        with suppress(OSError):
            return Forked(message["pid"], reply)
    reply.close()
    if "error" in message:
        raise OSError(*message["error"])
    return None


async def _receive(reply: socket.socket) -> dict[str, Any]:
    """Return the next message; an empty one if the other end was closed."""
    try:
        data = await asyncio.get_running_loop().sock_recv(reply, _REPLY_BYTES)
    except OSError:
        data = b""
    message: dict[str, Any] = json.loads(data) if data else {}
    return message
