"""Where a service listens: on a port that it was given, or one of its own."""

from __future__ import annotations

from dataclasses import dataclass

from labkit_services.http import HttpServer
from labkit_services.runtime.held_port import HeldPort
from labkit_services.runtime.service import Service


@dataclass(frozen=True, slots=True)
class ListenSettings:
    """Where to listen.

    Attributes:
        host: An IP address.
        port: 0 is any.
        fallback: Listen on any port if that one is not available.
        descriptor: Of the port that a lab's supervisor holds, in place of the
            settings above; -1 is none.
    """

    host: str
    port: int
    fallback: bool
    descriptor: int = -1

    @classmethod
    def read(cls, service: Service, host: str, port: int, *, setting: str = "port") -> ListenSettings:
        """Read them from the environment, where the port is ``setting``."""
        return cls(
            host,
            service.number(setting, port),
            service.flag(f"{setting}_fallback", default=True),
            service.number(f"{setting}_descriptor", -1),
        )

    async def start(self, server: HttpServer) -> tuple[str, int]:
        """Start a server; return the address, or raise OSError."""
        if held := HeldPort.inherited(self.descriptor):
            return await server.start_on(held.listen(), on_close=held.shut)
        return await server.start(self.host, self.port, fallback=self.fallback)
