"""The lab's TCP ports, which stay its own while a service restarts."""

from __future__ import annotations

import errno
from collections import defaultdict
from contextlib import ExitStack

from labkit_services.runtime.held_port import HeldPort, reserve_port


class HeldPorts:
    """Ports of services; each is taken when it is first asked for.

    No other program gets one between two processes of its service: another
    lab that starts then has another port.
    """

    def __init__(self) -> None:
        self._held: defaultdict[str, dict[str, HeldPort]] = defaultdict(dict)
        self._reserved: dict[str, int] = {}
        self._open = ExitStack()

    def held(self, service: str, setting: str, host: str, preferred: int) -> tuple[dict[str, str], list[int]]:
        """Return settings for a service's port, and what it inherits.

        Nothing where ports can't be held. Any other port is taken if the
        preferred one is not available; 0 is any.
        """
        ports = self._held[service]
        if setting not in ports:
            if (held := _take(host, preferred)) is None:
                return {}, []
            ports[setting] = held
            self._open.callback(held.close)
        held = ports[setting]
        descriptor = held.descriptor
        return {setting: str(held.number), f"{setting}_descriptor": str(descriptor)}, [descriptor]

    def reserved(self, service: str) -> int:
        """Return the port of a service that binds it itself."""
        if service not in self._reserved:
            self._reserved[service], holder = reserve_port()
            if holder:
                self._open.enter_context(holder)
        return self._reserved[service]

    def shut(self, service: str) -> None:
        """Refuse connections: the service has ended."""
        for held in self._held[service].values():
            held.shut()

    def close(self) -> None:
        """Give all of them up."""
        self._open.close()


def _take(host: str, preferred: int) -> HeldPort | None:
    try:
        return HeldPort.take(host, preferred)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        return HeldPort.take(host, 0)
