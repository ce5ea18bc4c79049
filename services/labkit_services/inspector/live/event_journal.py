"""The latest changes, so that a client that was away can catch up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import dropwhile
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import ChangeKind, StoreChange, StoredBin

KEPT = 10_000
"""Changes that are kept; a client that missed more reads the lists again."""


@dataclass(frozen=True)
class LiveEvent:
    """A change as clients get it.

    Attributes:
        number: The cursor: all changes of the store are numbered.
        data: A JSON object.
    """

    number: int
    name: str
    data: dict[str, Any]

    @cached_property
    def encoded(self) -> bytes:
        """It in the format of server-sent events, for all its readers.

        JSON contains no line break, which would end the data.
        """
        return f"id: {self.number}\nevent: {self.name}\ndata: {encode(self.data)}\n\n".encode()

    def to_json(self) -> dict[str, Any]:
        """Return it for a client that polls."""
        return {"id": self.number, "event": self.name, "data": self.data}


_Entry = tuple[int, ChangeKind, str, str]
"""Number, kind, bin, and the record's id or ""."""


class EventJournal:
    """The numbers and subjects of the latest changes.

    It holds no request: one that a client missed is read from the store, as
    it is now.
    """

    def __init__(
        self, store: BinStore, bin_to_json: Callable[[StoredBin], dict[str, Any]], kept: int = KEPT
    ) -> None:
        self._store = store
        self._bin_to_json = bin_to_json
        self._entries: deque[_Entry] = deque(maxlen=kept)
        self._begin = store.change_number
        store.listeners.add(self._on_change)

    @property
    def number(self) -> int:
        """The number of the latest change."""
        return self._store.change_number

    def covers(self, number: int) -> bool:
        """Tell whether all changes after ``number`` are known."""
        dropped_to = self._entries[0][0] - 1 if self._entries else self._begin
        return dropped_to <= number <= self.number

    def since(self, number: int, bin_name: str = "") -> Iterator[LiveEvent]:
        """Yield the changes after ``number``, of one bin or of all."""
        for entry in dropwhile(lambda each: each[0] <= number, list(self._entries)):
            if bin_name in ("", entry[2]) and (event := self._read(entry)) is not None:
                yield event

    def event_of(self, change: StoreChange) -> LiveEvent:
        """Return a change as clients get it."""
        data: dict[str, Any] = {"bin": self._bin_to_json(change.bin)}
        if change.record is not None:
            data["request"] = change.record.summary()
        return LiveEvent(change.number, change.kind.value, data)

    def _on_change(self, change: StoreChange) -> None:
        record_id = change.record.id if change.record is not None else ""
        self._entries.append((change.number, change.kind, change.bin.name, record_id))

    def _read(self, entry: _Entry) -> LiveEvent | None:
        """Return a past change; None for one of a request that is gone."""
        number, kind, bin_name, record_id = entry
        stored = self._store.bins.get(bin_name)
        data: dict[str, Any] = {"bin": self._bin_to_json(stored) if stored else {"name": bin_name}}
        if kind is ChangeKind.REQUEST_DELETED:
            data["request"] = {"id": record_id, "bin": bin_name}
        elif record_id:
            record = self._store.record(bin_name, record_id) if stored else None
            if record is None:
                return None
            data["request"] = record.summary()
        elif stored is None and kind is not ChangeKind.BIN_DELETED:
            return None
        return LiveEvent(number, kind.value, data)
