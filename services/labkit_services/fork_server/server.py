"""The fork server's loop: receives requests, forks, reports exits, reaps.

No event loop, no thread, no signal handler, no lock: a fork would copy their
momentary state.
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple

from labkit_services.fork_server.client import ForkRequest

_REQUEST_BYTES = 256 * 1024
"""More than the system allows for a request."""
_MAX_DESCRIPTORS = 16


class ChildSetup(NamedTuple):
    """What a new child gets: the process to become, and its descriptors."""

    request: ForkRequest
    descriptors: list[int]
    reply: socket.socket
    """Takes the message that the process runs."""


class ForkServer:
    """Serves the clients of ``control``, until ``lifeline`` ends."""

    def __init__(self, control: socket.socket, lifeline: int) -> None:
        self._control = control
        self._lifeline = lifeline
        self._running: dict[int, tuple[int, socket.socket]] = {}
        """Pid and reply socket, by the descriptor that becomes readable when
        the child exits."""
        self._exited: dict[int, tuple[int, socket.socket]] = {}
        """Not reaped yet, by the reply socket's descriptor: the requester may
        still signal the pid."""
        self._poll = select.poll()
        self._poll.register(lifeline, select.POLLIN)
        self._poll.register(control, select.POLLIN)

    def serve(self, modules: Iterable[str] = ()) -> ChildSetup | None:
        """Return in each child its setup; in the server, at its end, None.

        A service's module is imported when it is first requested, or before,
        while no request waits, if it is one of ``modules``.
        """
        imports = iter(modules)
        module = next(imports, "")
        while True:
            if not (ready := self._poll.poll(0 if module else None)):
                import_service(module)
                module = next(imports, "")
            for descriptor, _ in ready:
                if descriptor == self._lifeline:
                    return None
                if descriptor == self._control.fileno():
                    if setup := self._fork():
                        return setup
                elif descriptor in self._running:
                    self._report_exit(descriptor)
                else:
                    self._reap(descriptor)

    def _fork(self) -> ChildSetup | None:
        """Serve one request; return a setup only in the child."""
        message, descriptors, _, _ = socket.recv_fds(self._control, _REQUEST_BYTES, _MAX_DESCRIPTORS)
        if not message:
            self._poll.unregister(self._control)  # no client is left
            return None
        reply = socket.socket(fileno=descriptors.pop(0))
        request = ForkRequest(**json.loads(message))
        import_service(request.module)
        # In a child the collector would write to each object that it examines,
        # and so copy the pages that are shared: a watchdog would have 14 MB of
        # its own instead of 6.
        gc.freeze()
        try:
            pid = os.fork()
        except OSError as error:
            send_reply(reply, {"error": [error.errno, error.strerror]})
            reply.close()
            pid = -1
        if pid == 0:
            self._close_in_child()
            return ChildSetup(request, descriptors, reply)
        for descriptor in descriptors:
            os.close(descriptor)
        if pid > 0:
            pidfd = os.pidfd_open(pid)
            self._running[pidfd] = (pid, reply)
            self._poll.register(pidfd, select.POLLIN)
        return None

    def _report_exit(self, pidfd: int) -> None:
        """Send the exit code to the requester."""
        pid, reply = self._running.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        # WNOWAIT: if we are killed now, the process that inherits our children
        # can still read the exit code.
        result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert result is not None
        code = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
        send_reply(reply, {"code": code})
        self._exited[reply.fileno()] = (pid, reply)
        self._poll.register(reply, 0)  # poll always reports that the other end was closed

    def _reap(self, descriptor: int) -> None:
        pid, reply = self._exited.pop(descriptor)
        self._poll.unregister(reply)
        reply.close()
        os.waitpid(pid, 0)

    def _close_in_child(self) -> None:
        """In a child: close what belongs to the server or to another child."""
        self._control.close()
        for pidfd, (_, reply) in self._running.items():
            os.close(pidfd)
            reply.close()
        for _, reply in self._exited.values():
            reply.close()


def import_service(module: str) -> None:
    """Import a service's program, so that its processes have it at once."""
    # A child imports it again, and so reports an error to its requester.
    with suppress(Exception):
        import_module(f"{module}.__main__")


def send_reply(reply: socket.socket, message: dict[str, Any]) -> bool:
    """Send one message to the requester; return whether it is still there."""
    try:
        return reply.send(json.dumps(message).encode()) > 0
    except OSError:
        return False
