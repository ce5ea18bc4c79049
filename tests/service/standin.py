"""A misbehaving service in place of a real one: ``standin.py NAME MANNER``.

It is used only for behaviour that the real services don't have.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from labkit_services.http import HttpServer, Request, Response
from labkit_services.runtime.listening import ListenSettings
from labkit_services.runtime.service import Service, run

MANNER = sys.argv[2] if len(sys.argv) > 2 else "polite"


async def hello(_request: Request) -> Response:
    return Response.text(200, "hello\n")


def leave_a_daemon() -> None:
    """Start a grandchild in its own session, whose parent exits at once."""
    os.system("setsid sleep 60 >/dev/null 2>&1 </dev/null &")


async def main(service: Service) -> None:
    if MANNER == "mute":
        service.log.info("waiting for nothing")
        await asyncio.Event().wait()
    if MANNER == "crash":
        raise RuntimeError("crashed on purpose")
    server = HttpServer(hello)
    host, port = await ListenSettings.read(service, "127.0.0.1", 0).start(server)
    service.ready(url=f"http://{host}:{port}")
    if MANNER == "brief":
        await asyncio.sleep(0.05)
        raise RuntimeError("ended on purpose")
    if MANNER == "stubborn":
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        await asyncio.Event().wait()
    if MANNER == "daemonic":
        leave_a_daemon()
    await service.stopping.wait()
    await server.stop(0.5)


if __name__ == "__main__":
    run(sys.argv[1], main)
