"""The fork server's loop: takes requests, forks, tells of exits, reaps.

No event loop, no thread, no signal handler, no lock: a fork would copy them as they are at that moment.
"""

from __future__ import annotations

import json
import os
import select
import socket
from typing import Any, NamedTuple

from labkit_services.fork_server.client import ForkRequest

_REQUEST_BYTES = 256 * 1024
"""More than the system lets a request have."""
_MOST_DESCRIPTORS = 16


class Birth(NamedTuple):
    """What a child finds when it begins.

    Attributes:
        request: What it is to become.
        descriptors: What it is to have under the request's numbers.
        reply: Where it says that it runs.
    """

    request: ForkRequest
    descriptors: list[int]
    reply: socket.socket


class _Child(NamedTuple):
    pid: int
    reply: socket.socket


class ForkServer:
    """Serves everyone who has an end of ``control``, until ``lifeline`` ends."""

    def __init__(self, control: socket.socket, lifeline: int) -> None:
        self._control = control
        self._lifeline = lifeline
        self._running: dict[int, _Child] = {}
        """By the descriptor that becomes readable when the child ends."""
        self._ended: dict[int, _Child] = {}
        """Not reaped yet, by the reply socket's descriptor: the pid is still the asker's to signal."""
        self._poll = select.poll()
        self._poll.register(lifeline, select.POLLIN)
        self._poll.register(control, select.POLLIN)

    def serve(self) -> Birth | None:
        """Return once in each child, with what it is to be; in the server itself at its end, with None."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == self._lifeline:
                    return None
                if descriptor == self._control.fileno():
                    if birth := self._fork():
                        return birth
                elif descriptor in self._running:
                    self._report(descriptor)
                else:
                    self._reap(descriptor)

    def _fork(self) -> Birth | None:
        """Take one request; return only in the child with something."""
        message, descriptors, _, _ = socket.recv_fds(self._control, _REQUEST_BYTES, _MOST_DESCRIPTORS)
        if not message:
            self._poll.unregister(self._control)  # nobody is left who could ask
            return None
        reply = socket.socket(fileno=descriptors.pop(0))
        try:
            pid = os.fork()
        except OSError as error:
            answer(reply, {"error": [error.errno, error.strerror]})
            reply.close()
            pid = -1
        if pid == 0:
            self._let_go()
            return Birth(ForkRequest.decode(message), descriptors, reply)
        for descriptor in descriptors:
            os.close(descriptor)
        if pid > 0:
            ends = os.pidfd_open(pid)
            self._running[ends] = _Child(pid, reply)
            self._poll.register(ends, select.POLLIN)
        return None

    def _report(self, ends: int) -> None:
        """Tell the asker of an exit."""
        child = self._running.pop(ends)
        self._poll.unregister(ends)
        os.close(ends)
        # Looked at, not reaped: killed at this point, we leave the exit code to who inherits our children.
        end = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert end is not None
        answer(child.reply, {"code": end.si_status if end.si_code == os.CLD_EXITED else -end.si_status})
        self._ended[child.reply.fileno()] = child
        self._poll.register(child.reply, 0)  # of the other end's closing, poll always tells

    def _reap(self, reply: int) -> None:
        child = self._ended.pop(reply)
        self._poll.unregister(reply)
        child.reply.close()
        os.waitpid(child.pid, 0)

    def _let_go(self) -> None:
        """In a child: close what is the server's, or another child's."""
        self._control.close()
        for ends, child in self._running.items():
            os.close(ends)
            child.reply.close()
        for child in self._ended.values():
            child.reply.close()


def answer(reply: socket.socket, message: dict[str, Any]) -> bool:
    """Send one message to who asked; tell whether that one is still there."""
    try:
        reply.send(json.dumps(message).encode())
    except OSError:
        return False
    return True
