"""The changes of the store, which its listeners are called with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from labkit_services.inspector.records.bin_settings import BinSettings
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.value_class import value_class


@dataclass(slots=True, eq=False)
class StoredBin:
    """What is known of a bin without reading its requests.

    Attributes:
        key: Its number in the database; a new one when it is cleared.
        explicit: It was created through the API, so it is never evicted for
            another bin.
        last_use: Grows with each use of any bin: the lowest value is the least
            recently used.
        received: Requests that it has received, and the newest one's ``seq``.
        kept: Requests that it holds, with the pinned ones.
        dropped: Requests that were dropped for newer ones.
        last_received_ns: When the newest request came, or None.
        encoded: Settings with their JSON text, so that a change of the counts
            does not encode them again.
    """

    name: str
    settings: BinSettings
    explicit: bool
    created_ns: int
    key: int = 0
    last_use: int = 0
    received: int = 0
    kept: int = 0
    pinned: int = 0
    dropped: int = 0
    last_received_ns: int | None = None
    encoded: tuple[BinSettings, str] | None = None

    def settings_text(self) -> str:
        """Return the settings as they are stored."""
        if self.encoded is None or self.encoded[0] is not self.settings:
            self.encoded = self.settings, self.settings.encode()
        return self.encoded[1]


class ChangeKind(StrEnum):
    """The changes of the store; the names of the live events."""

    BIN_CREATED = "bin.created"
    BIN_CHANGED = "bin.changed"
    BIN_CLEARED = "bin.cleared"
    BIN_DELETED = "bin.deleted"
    REQUEST_RECEIVED = "request.received"
    REQUEST_ANSWERED = "request.answered"
    REQUEST_CHANGED = "request.changed"
    REQUEST_DELETED = "request.deleted"
    RULE_CHANGED = "rule.changed"


@value_class
class StoreChange:
    """A change of the store.

    Attributes:
        number: Grows by one with each change, also over a restart.
        bin: The bin after the change.
        record: The request that was received, changed or deleted, or None.
        previous: The settings before a change of them, or None.
    """

    number: int
    kind: ChangeKind
    bin: StoredBin
    record: RequestRecord | None = None
    previous: BinSettings | None = None


Listener = Callable[[StoreChange], None]


class ChangeListeners:
    """Who is called with which changes.

    Listeners are called after the change. They must not change the store.

    Attributes:
        by_kind: The listeners for each kind of change.
    """

    def __init__(self) -> None:
        self.by_kind: dict[ChangeKind, list[Listener]] = {kind: [] for kind in ChangeKind}

    def add(self, listener: Listener, *kinds: ChangeKind) -> None:
        """Call a listener with the changes of these kinds; default: all."""
        for kind in kinds or ChangeKind:
            self.by_kind[kind].append(listener)
