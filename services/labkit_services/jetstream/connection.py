"""A service's connection to nats-server.

Services import nats-py's ``Client`` and ``NatsError`` from here: without
aiohttp, which costs 0.1 to 0.4 s and 15 MB, and which no service needs.
"""

# ruff: noqa: E402
from __future__ import annotations

from labkit_services.runtime.import_on_use import import_nats

import_nats()

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

from labkit_services.contract.errors import LabError
from labkit_services.contract.ports import NATS_PORT
from labkit_services.jetstream.client_options import client_options
from labkit_services.runtime.nats_login import NatsLogin
from labkit_services.runtime.service import Service

__all__ = ["Client", "NatsError", "NatsUnavailableError", "close", "connect", "reach_server", "server_url"]

_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 2.0


class NatsUnavailableError(LabError, ConnectionError):
    """nats-server can't be reached."""


async def connect(service: Service, on_restored: Callable[[], None] = lambda: None) -> Client:
    """Connect, or raise NatsUnavailableError; then reconnect without limit.

    The settings are those of ``server_url``, and the others of ``NatsLogin``.
    ``on_restored`` is called after each reconnect: the server has forgotten
    pending requests.
    """
    login = replace(NatsLogin.of_settings(service.settings), url=server_url(service.settings))
    options = client_options(login)
    client = Client()
    last_error: list[str] = []

    async def on_error(error: Exception) -> None:
        # nats-py reports every attempt to reconnect: log only changes.
        if last_error != [repr(error)]:
            last_error[:] = [repr(error)]
            service.log.warning("nats", error=repr(error))

    async def on_disconnect() -> None:
        last_error.clear()
        if service.stopping.is_set():
            service.log.info("nats connection closed")
        else:
            service.log.warning("nats connection lost")

    async def on_reconnect() -> None:
        service.log.info("nats connection restored")
        on_restored()

    async def on_close() -> None:
        # A server that refuses the login, for example because it has expired,
        # ends the connection for good.
        if is_connected and not service.stopping.is_set():
            service.fail("nats connection", ConnectionError(", ".join(last_error) or "closed"))

    is_connected = False
    # nats-py declares whole seconds here, but takes any number.
    reconnect_seconds: Any = 0.1
    try:
        # With unlimited reconnects the first connect has no limit either.
        async with asyncio.timeout(_CONNECT_SECONDS):
            await client.connect(
                **options,
                name=service.instance,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=reconnect_seconds,
                connect_timeout=2,
                ping_interval=5,  # a server that is cut off is given up after three
                error_cb=on_error,
                disconnected_cb=on_disconnect,
                reconnected_cb=on_reconnect,
                closed_cb=on_close,
            )
    except (OSError, NatsError, TimeoutError) as error:
        raise NatsUnavailableError(
            expected=f"nats-server answering at {login.url} within {_CONNECT_SECONDS:g} s",
            seen=", ".join(last_error) or repr(error),
            next_step="see that nats-server runs, and that nats_url and nats_token are its own",
        ) from error
    is_connected = True
    return client


def server_url(settings: Mapping[str, str]) -> str:
    """Return ``nats_url``, which may list several, or a URL of host and port.

    These are ``faas_nats_address`` and ``faas_nats_port`` as in OpenFaaS's
    gateway, or ``nats_host`` and ``nats_port`` as in its JetStream
    queue-worker.
    """
    if url := settings.get("nats_url"):
        return url
    host = settings.get("faas_nats_address") or settings.get("nats_host") or "127.0.0.1"
    port = settings.get("faas_nats_port") or settings.get("nats_port") or NATS_PORT
    return f"nats://{host}:{port}"


async def reach_server(client: Client) -> None:
    """Return once the server has read what was sent, subscriptions too.

    nats-py's ``flush`` writes its PING before what is still buffered, so only
    the PONG to a second one tells that all of it has arrived.
    """
    await client.flush()
    await client.flush()


async def close(client: Client) -> None:
    """Send what is buffered and close, within two seconds."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            if client.is_connected:
                await client.flush(1)
            await client.close()
    except (OSError, NatsError, TimeoutError):
        return  # no server, no connection to close
    except asyncio.CancelledError:
        # nats-py cancels its own task, and with it what `close` waits for,
        # when the server ends.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
