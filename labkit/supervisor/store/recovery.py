"""What happens to a damaged store when nats-server starts."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from labkit.supervisor.store import inventory
from labkit.supervisor.store.aside import SetAside
from labkit.supervisor.store.nats_connection import NatsConnection, connected
from labkit_services.contract.compact_json import encode
from labkit_services.contract.queues import DEAD_SUFFIX, STREAM_PREFIX

_SECONDS = 5.0


class StoreRecovery:
    """Sets damaged parts of the store aside, and says what is lost.

    nats-server leaves out what it can't read, and only its log says so. A
    damaged consumer even keeps others from using its stream.

    Attributes:
        damage: What was found since the lab was started, as sentences.
    """

    def __init__(self, store: Path, token: str) -> None:
        self._store = store
        self._record = store / "inventory.json"
        self._token = token
        self._aside = SetAside(store)
        self.damage: list[str] = []

    def before_start(self) -> None:
        """Examine the files; nats-server does not run."""
        self._aside = SetAside(self._store)
        try:
            self._aside.examine()
        finally:
            self._report(self._aside.findings)

    async def after_start(self, url: str) -> None:
        """Compare what nats-server has loaded with the files and the record.

        Parts that it has not loaded it does not use either, so they can be
        moved while it runs.
        """
        with suppress(OSError):  # it has ended again, which its supervisor reports
            async with connected(url, self._token, _SECONDS) as nats:
                loaded = await inventory.take(nats)
                self._aside.findings.clear()
                for stream in self._folders(self._aside.streams):
                    if stream.name not in loaded:
                        await self._recreate(nats, stream, loaded)
                    consumers = loaded[stream.name].consumers if stream.name in loaded else ()
                    for consumer in self._folders(stream / "obs"):
                        if consumer.name not in consumers:
                            await self._recreate_consumer(nats, consumer, loaded)
                self._report(self._aside.findings)
                await self._report_losses(nats)

    async def _report_losses(self, nats: NatsConnection) -> None:
        if before := inventory.read(self._record):
            now = await inventory.take(nats)
            # Who creates a missing stream again gets what is in its blocks.
            known = {name: one for name, one in before.items() if name in now or not self._has_blocks(name)}
            self._report(inventory.losses(known, now))

    def _has_blocks(self, stream: str) -> bool:
        return any((self._aside.streams / stream / "msgs").glob("*.blk"))

    async def record(self, url: str, *, at_rest: bool) -> None:
        """Write down what the store holds.

        ``at_rest`` means that nobody uses the store any more; else only the
        newest message of each stream is recorded.
        """
        with suppress(OSError):
            async with connected(url, self._token) as nats:
                held = await inventory.take(nats)
            if not at_rest:
                held = {name: inventory.StreamContent(0, content.last) for name, content in held.items()}
            if held != inventory.read(self._record):
                inventory.write(self._record, held)

    def clear(self) -> None:
        """Forget what was found: the store is going to be empty."""
        self.damage.clear()

    def _report(self, findings: list[str]) -> None:
        for finding in findings:
            logging.error("damaged store: %s", finding)
        self.damage += findings

    @staticmethod
    def _folders(folder: Path) -> list[Path]:
        return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []

    async def _recreate_consumer(
        self, nats: NatsConnection, consumer: Path, loaded: inventory.Inventory
    ) -> None:
        """Create a consumer again, from the first message that is left.

        No call is lost by that; one that waited for an acknowledgement runs
        again.
        """
        stream = consumer.parent.parent.name
        config = _config(consumer / "meta.inf") or await _consumer_like(nats, stream, consumer.name, loaded)
        self._aside.move(consumer, "could not be loaded; no call is lost, but some may run again")
        if config:
            body = encode({"stream_name": stream, "config": config}).encode()
            await nats.request(f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{consumer.name}", body)

    async def _recreate(self, nats: NatsConnection, stream: Path, loaded: inventory.Inventory) -> None:
        """Create a stream again, with the blocks that are still there."""
        meta = stream / "meta.inf"
        config = _config(meta) or await _like(nats, stream.name, loaded)
        for path in (meta, stream / "meta.sum"):
            if path.exists():
                self._aside.move(path, "could not be loaded")
        if config:
            await nats.request(f"$JS.API.STREAM.CREATE.{stream.name}", encode(config).encode())
        elif not self._has_blocks(stream.name):
            self._aside.move(stream, "holds no stream")


def _config(meta: Path) -> dict[str, Any]:
    """Return a configuration from its file; {} if unreadable.

    The file also holds what is no setting, under capitalized names.
    """
    try:
        config = json.loads(meta.read_bytes())
        settings = {name: value for name, value in config.items() if name.islower()}
        return settings if config["name"] == meta.parent.name else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _is_queue(stream: str) -> bool:
    return stream.startswith(STREAM_PREFIX) and not stream.endswith(DEAD_SUFFIX)


async def _consumer_like(
    nats: NatsConnection, stream: str, name: str, loaded: inventory.Inventory
) -> dict[str, Any]:
    """Return a consumer's configuration after that of another queue's."""
    other = next((one for one in loaded if name in loaded[one].consumers), None)
    if other is None or not _is_queue(stream):
        return {}
    info: Mapping[str, Any] = json.loads(await nats.request(f"$JS.API.CONSUMER.INFO.{other}.{name}"))
    return dict(info["config"])


async def _like(nats: NatsConnection, name: str, loaded: inventory.Inventory) -> dict[str, Any]:
    """Return a queue's configuration after that of another queue."""
    other = next(filter(_is_queue, loaded), None)
    if other is None or not _is_queue(name):
        return {}
    info: Mapping[str, Any] = json.loads(await nats.request(f"$JS.API.STREAM.INFO.{other}"))
    return {**info["config"], "name": name, "subjects": [name.removeprefix(STREAM_PREFIX)]}
