"""Where the inspector listens."""

from __future__ import annotations

from labkit_services.http import HttpServer
from labkit_services.inspector.config import InspectorConfig, PortTakenError


async def listen(server: HttpServer, config: InspectorConfig) -> tuple[str, int]:
    """Start a server on the port of the settings; return host and port.

    Raises:
        PortTakenError: Another program listens there.
    """
    where = config.listening
    try:
        return await where.start(server)
    except OSError as error:
        raise PortTakenError(
            f"the inspector can't listen on port {where.port}",
            expected=f"{where.host}:{where.port} to be free",
            seen=str(error),
            next_step="stop the program that listens there, or set another port; port=0 takes any",
        ) from error
