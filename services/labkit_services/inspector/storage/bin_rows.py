"""Bins as rows of the database."""

from __future__ import annotations

from typing import Any

from labkit_services.inspector.records.bin_settings import BinSettings
from labkit_services.inspector.storage.changes import StoredBin

_BIN = "key, name, settings, explicit, created_ns, last_use, received, dropped, last_received_ns"
SAVE_BIN = (
    f"INSERT INTO bins ({_BIN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
    " settings = excluded.settings, explicit = excluded.explicit, last_use = excluded.last_use,"
    " received = excluded.received, dropped = excluded.dropped, last_received_ns = excluded.last_received_ns"
)
"""Takes a row of ``to_bin_row``. The name of a bin never changes."""

SELECT_BINS = f"SELECT {_BIN} FROM bins ORDER BY created_ns, key"
"""Returns what ``from_bin_row`` takes, in the order of their creation."""


def to_bin_row(stored: StoredBin) -> tuple[Any, ...]:
    """Return the row of a bin."""
    return (
        stored.key,
        stored.name,
        stored.settings_text(),
        stored.explicit,
        stored.created_ns,
        stored.last_use,
        stored.received,
        stored.dropped,
        stored.last_received_ns,
    )


def from_bin_row(row: tuple[Any, ...], counts: tuple[int, int]) -> StoredBin:
    """Return a bin; ``counts`` are its requests, and the pinned ones."""
    key, name, settings, explicit, created_ns, last_use, received, dropped, last_received_ns = row
    return StoredBin(
        name,
        BinSettings.decode(settings),
        bool(explicit),
        created_ns,
        key=key,
        last_use=last_use,
        received=received,
        kept=counts[0],
        pinned=counts[1],
        dropped=dropped,
        last_received_ns=last_received_ns,
    )
