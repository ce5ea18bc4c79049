"""The NATS side of a service: one connection, lean publishing, events."""

# nats-py imports aiohttp for websocket transports when it is installed, which
# costs 0.4 s and 15 MB that no service uses. Saying it is not there avoids both.
# ruff: noqa: E402
from __future__ import annotations

import sys

sys.modules.setdefault("aiohttp", None)  # type: ignore[arg-type]

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

from labkit_services.contract.errors import LabError, said
from labkit_services.contract.events import Row, encode_batch
from labkit_services.contract.names import event_subject
from labkit_services.jetstream.publisher import Publisher
from labkit_services.runtime.service import Service

CONNECT_SECONDS = 10.0
_FLUSH_SECONDS = 0.01
_BATCH = 500


class NatsUnavailableError(LabError, ConnectionError):
    """nats-server can't be reached."""


async def connect(service: Service, on_restored: Callable[[], None] = lambda: None) -> Client:
    """Connect by the settings of ``server_url`` and ``nats_token``; reconnect for ever after that.

    ``on_restored`` is called after each reconnect: what was asked of the
    server that went away must be asked again.

    Raises:
        NatsUnavailableError: No server answered within ``CONNECT_SECONDS``.
    """
    url = server_url(service.settings)
    client = Client()

    last_error: list[str] = []

    async def on_error(error: Exception) -> None:
        # While the server is away nats-py reports every attempt: say each thing once.
        if last_error != [repr(error)]:
            last_error[:] = [repr(error)]
            service.log.warning("nats", error=repr(error))

    async def on_disconnect() -> None:
        last_error.clear()
        service.log.warning("nats connection lost")

    async def on_reconnect() -> None:
        service.log.info("nats connection restored")
        on_restored()

    # nats-py declares whole seconds here, and sleeps whatever number it gets.
    patience: Any = 0.1
    try:
        # It goes on trying inside connect, for ever, as it is to do later on.
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.connect(
                servers=url.split(","),
                token=service.setting("nats_token") or None,
                name=service.instance,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=patience,
                connect_timeout=2,
                ping_interval=20,
                error_cb=on_error,
                disconnected_cb=on_disconnect,
                reconnected_cb=on_reconnect,
            )
    except (OSError, NatsError, TimeoutError) as error:
        raise NatsUnavailableError(
            expected=f"nats-server answering at {url} within {CONNECT_SECONDS:g} s",
            seen=", ".join(last_error) or repr(error),
            next_step="see that nats-server runs, and that nats_url and nats_token are its own",
        ) from error
    return client


def server_url(settings: Mapping[str, str]) -> str:
    """Return where nats-server is: ``nats_url``, which may name several, or host and port as in OpenFaaS.

    These are ``faas_nats_address`` and ``faas_nats_port`` of its gateway, ``nats_host`` and ``nats_port`` of
    its JetStream queue-worker.
    """
    if url := settings.get("nats_url"):
        return url
    host = settings.get("faas_nats_address") or settings.get("nats_host") or "127.0.0.1"
    port = settings.get("faas_nats_port") or settings.get("nats_port") or "4222"
    return f"nats://{host}:{port}"


class Events:
    """Publishes what happened, in batches, without ever holding up or failing a call.

    ``emit`` only appends. A batch goes out ten milliseconds after its first
    event, or when it is full; while nats-server is away nats-py buffers it.
    """

    def __init__(self, client: Client, service: Service, *, name: str = "") -> None:
        """Publish as ``service``, or on behalf of ``name``, which has no connection of its own."""
        self._client = client
        self._service = service
        self._name = name or service.name
        self._subject = event_subject(self._name)
        self._rows: list[Row] = []
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self.lost = 0

    def emit(self, type_: str, call_id: str, function: str, attempt: int = 1, **data: Any) -> None:
        """Note that ``type_`` happened now; ``contract/events.py`` has the keys of ``data``."""
        self.append([time.time_ns(), type_, call_id, function, attempt, data])

    def append(self, row: Row) -> None:
        """Take an event that was timed elsewhere."""
        self._rows.append(row)
        if len(self._rows) >= _BATCH:
            self._start_sending()
        elif self._timer is None:
            self._timer = self._loop.call_later(_FLUSH_SECONDS, self._start_sending)

    def _start_sending(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        task = self._loop.create_task(self.flush())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def flush(self) -> None:
        """Send what has gathered."""
        await self._send(self._client.publish)

    async def store(self, publisher: Publisher) -> None:
        """Send what has gathered, and return once it is in the record.

        For the answer to a client that will look into the record next.
        """
        await self._send(partial(publisher.publish, headers={}))

    async def _send(self, publish: Callable[[str, bytes], Awaitable[object]]) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        body = encode_batch(self._name, self._service.instance, rows)
        try:
            await publish(self._subject, body)
        except (OSError, NatsError) as error:
            # The record has a gap; the calls have not.
            self.lost += len(rows)
            self._service.log.warning("events lost", count=len(rows), error=said(error))


async def close(client: Client) -> None:
    """Send what is still buffered and close; an unreachable server delays it by 2 s at most."""
    try:
        async with asyncio.timeout(2):
            if client.is_connected:
                await client.flush(1)
            await client.close()
    except (OSError, NatsError, TimeoutError):
        return  # nothing is left to be told
