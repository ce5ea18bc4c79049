"""The NATS side of a service: one connection, lean publishing, events."""

# nats-py imports aiohttp for websocket transports when it is installed, which
# costs 0.4 s and 15 MB that no service uses. Saying it is not there avoids both.
# ruff: noqa: E402
from __future__ import annotations

import sys

sys.modules.setdefault("aiohttp", None)  # type: ignore[arg-type]

import asyncio
import time

from nats.aio.client import Client
from nats.errors import Error as NatsError

from services.contract.errors import LabError
from services.runtime import Service

CONNECT_SECONDS = 10.0
_FLUSH_SECONDS = 0.01
_BATCH = 500


class NatsUnavailableError(LabError, ConnectionError):
    """nats-server can't be reached."""


class PublishError(LabError):
    """JetStream did not take a message."""


async def connect(service: Service) -> Client:
    """Connect by the settings ``nats_url`` and ``nats_token``; reconnect for ever after that.

    Raises:
        NatsUnavailableError: No server answered within ``CONNECT_SECONDS``.
    """
    url = service.setting("nats_url", "nats://127.0.0.1:4222")
    client = Client()

    async def on_error(error: Exception) -> None:
        service.log.warning("nats", error=repr(error))

    async def on_disconnect() -> None:
        service.log.warning("nats connection lost")

    async def on_reconnect() -> None:
        service.log.info("nats connection restored")

    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            await client.connect(
                servers=url.split(","),
                token=service.setting("nats_token") or None,
                name=service.instance,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.1,
                connect_timeout=2,
                ping_interval=20,
                error_cb=on_error,
                disconnected_cb=on_disconnect,
                reconnected_cb=on_reconnect,
            )
            return client
        except (OSError, NatsError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise NatsUnavailableError(
                    expected=f"nats-server answering at {url} within {CONNECT_SECONDS:g} s", seen=repr(error)
                ) from error
            await asyncio.sleep(0.05)
