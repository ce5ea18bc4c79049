"""What happens to a damaged store when nats-server starts."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from labkit.supervisor.store import inventory, seal
from labkit.supervisor.store.aside import RECORD, SEAL, SetAside
from labkit.supervisor.store.nats_connection import NatsConnection, connected
from labkit_services.contract.compact_json import encode
from labkit_services.contract.queues import DEAD_SUFFIX, STREAM_PREFIX

_SECONDS = 5.0
_NOTHING = inventory.StreamContent(0, 0)
_DELIVERY = (
    "durable_name",
    "filter_subject",
    "filter_subjects",
    "deliver_policy",
    "ack_policy",
    "max_deliver",
)
"""The settings of a consumer that decide which messages it delivers."""
Config = Mapping[str, Any]


class StoreRecovery:
    """Sets damaged parts of the store aside, and says what is lost.

    nats-server leaves out what it can't read, and only its log says so. A
    damaged consumer even keeps others from using its stream.

    Attributes:
        damage: What was found since the lab was started, as sentences.
    """

    def __init__(self, store: Path, token: str) -> None:
        self._store = store
        self._record = store / RECORD
        self._token = token
        self._aside = SetAside(store)
        self.damage: list[str] = []

    def before_start(self) -> None:
        """Examine the files; nats-server does not run."""
        self._aside = SetAside(self._store)
        try:
            self._aside.examine()
            self._move_changed_consumers()
        finally:
            self._report(self._aside.findings)

    def seal(self) -> None:
        """Write down what the consumers' files hold; nats-server has ended."""
        with suppress(OSError):
            seal.write(self._store / SEAL, seal.take(self._aside.streams))

    def _move_changed_consumers(self) -> None:
        if sealed := seal.use(self._store / SEAL):
            for name, files in seal.take(self._aside.streams).items():
                if name in sealed and files != sealed[name]:
                    why = "was changed; no call is lost, but some may run again"
                    self._aside.move(self._aside.streams / name, why)

    async def after_start(self, url: str) -> None:
        """Compare what nats-server has loaded with the files and the record.

        Parts that it has not loaded it does not use either, so they can be
        moved while it runs.
        """
        with suppress(OSError):  # it has ended again, which its supervisor reports
            async with connected(url, self._token, _SECONDS) as nats:
                loaded = await inventory.take(nats)
                before = inventory.read(self._record)
                self._aside.findings.clear()
                for stream in self._folders(self._aside.streams):
                    if stream.name not in loaded:
                        await self._recreate(nats, stream, before, loaded)
                    known = before.get(stream.name, _NOTHING).consumers
                    consumers = loaded.get(stream.name, _NOTHING).consumers
                    for name in [name for name in consumers if known and name not in known]:
                        await nats.request(f"$JS.API.CONSUMER.DELETE.{stream.name}.{name}")
                    for consumer in self._folders(stream / "obs"):
                        config = known.get(consumer.name)
                        if consumer.name not in consumers or _differ(config, consumers[consumer.name]):
                            await self._recreate_consumer(nats, consumer, config, loaded)
                self._report(self._aside.findings)
                self._report(inventory.losses(before, await inventory.take(nats)))

    async def record(self, url: str, *, at_rest: bool) -> None:
        """Write down what the store holds.

        ``at_rest`` means that nobody uses the store any more; else only the
        newest message of each stream is recorded.
        """
        with suppress(OSError):
            async with connected(url, self._token) as nats:
                held = await inventory.take(nats)
            if not at_rest:
                held = {name: replace(content, kept=0) for name, content in held.items()}
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
        self,
        nats: NatsConnection,
        consumer: Path,
        recorded: Config | None,
        loaded: inventory.Inventory,
    ) -> None:
        """Create a consumer again, from the first message that is left.

        No call is lost by that; one that waited for an acknowledgement runs
        again.
        """
        stream = consumer.parent.parent.name
        config = recorded or _config(consumer / "meta.inf") or _consumer_like(stream, consumer.name, loaded)
        self._aside.move(consumer, "could not be loaded; no call is lost, but some may run again")
        if consumer.name in loaded.get(stream, _NOTHING).consumers:
            await nats.request(f"$JS.API.CONSUMER.DELETE.{stream}.{consumer.name}")
        if config and _is_name(consumer.name):
            body = encode({"stream_name": stream, "config": config}).encode()
            await nats.request(f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{consumer.name}", body)

    async def _recreate(
        self,
        nats: NatsConnection,
        stream: Path,
        before: inventory.Inventory,
        loaded: inventory.Inventory,
    ) -> None:
        """Create a stream again, with the blocks that are still there."""
        meta = stream / "meta.inf"
        config = before.get(stream.name, _NOTHING).config or _config(meta)
        if not config and not before:  # there is no record: it may be a queue
            config = _like(stream.name, loaded)
        # A service may create it again, which gets what is in its blocks.
        is_unknown = not before and any((stream / "msgs").glob("*.blk"))
        if not _is_name(stream.name) or not (config or is_unknown):
            self._aside.move(stream, "holds no stream")
            return
        for path in (meta, stream / "meta.sum"):
            if path.exists():
                self._aside.move(path, "could not be loaded")
        if not config:
            return
        await nats.request(f"$JS.API.STREAM.CREATE.{stream.name}", encode(config).encode())


def _config(meta: Path) -> dict[str, Any]:
    """Return a configuration from its file; {} if unreadable.

    The file also holds what is no setting, under capitalized names.
    """
    try:
        config = json.loads(meta.read_bytes())
        settings = {name: value for name, value in config.items() if name.islower()}
        return settings if config["name"] == meta.parent.name else {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _is_name(name: str) -> bool:
    """Return whether a folder has the name of a stream or a consumer."""
    return re.fullmatch("[A-Za-z0-9_-]+", name) is not None


def _differ(recorded: Config | None, config: Config) -> bool:
    return recorded is not None and any(recorded.get(name) != config.get(name) for name in _DELIVERY)


def _is_queue(stream: str) -> bool:
    return stream.startswith(STREAM_PREFIX) and not stream.endswith(DEAD_SUFFIX)


def _consumer_like(stream: str, name: str, loaded: inventory.Inventory) -> Config:
    """Return a consumer's configuration after that of another queue's."""
    others = [loaded[one].consumers[name] for one in loaded if name in loaded[one].consumers]
    return others[0] if others and _is_queue(stream) else {}


def _like(name: str, loaded: inventory.Inventory) -> Config:
    """Return a queue's configuration after that of another queue."""
    other = next(filter(_is_queue, loaded), None)
    if other is None or not _is_queue(name):
        return {}
    return {**loaded[other].config, "name": name, "subjects": [name.removeprefix(STREAM_PREFIX)]}
