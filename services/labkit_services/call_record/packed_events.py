"""A call's events in little memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from sys import getsizeof
from typing import overload

from labkit_services.contract.compact_json import decode, encode_bytes
from labkit_services.contract.events import Event

_MAX_SHARED = 2_000
_TIME_BYTES = 8

_Origin = tuple[str, str, int, str, str]
"""Type, function, attempt, service, instance of an event."""
_origins: dict[_Origin, _Origin] = {}
_sequences: dict[tuple[_Origin, ...], tuple[_Origin, ...]] = {}
"""What many calls have in common, once for all of them; what no call has any
more goes when there is too much."""


class PackedEvents(Sequence[Event]):
    """The events of one call id as bytes, decoded each time they are read.

    One event of a usual call takes 35 bytes; as an ``Event`` it takes 400.
    Reading one again takes a microsecond.
    """

    __slots__ = ("_bytes", "_call_id", "_origins")

    def __init__(self, events: Sequence[Event]) -> None:
        """Pack at least one event.

        Raises:
            TypeError: Data are no JSON.
            struct.error: A time is no 64-bit integer.
        """
        for shared in (_origins, _sequences):
            if len(shared) > _MAX_SHARED:
                shared.clear()
        self._call_id = events[0].call_id
        origins = [(e.type, e.function, e.attempt, e.service, e.instance) for e in events]
        sequence = tuple([_origins.setdefault(origin, origin) for origin in origins])
        self._origins = _sequences.setdefault(sequence, sequence)
        times = struct.pack(f"{len(events)}q", *[event.time_ns for event in events])
        self._bytes = times + encode_bytes([event.data for event in events])

    def _unpack(self) -> list[Event]:
        origins, packed, call_id = self._origins, self._bytes, self._call_id
        data = decode(packed[_TIME_BYTES * len(origins) :])
        times = struct.unpack_from(f"{len(origins)}q", packed)
        return [
            Event(time_ns, type_, call_id, function, attempt, service, instance, each)
            for time_ns, (type_, function, attempt, service, instance), each in zip(
                times, origins, data, strict=True
            )
        ]

    @property
    def size(self) -> int:
        """Bytes of memory, without what others share."""
        return getsizeof(self._bytes) + getsizeof(self)

    def __len__(self) -> int:
        return len(self._origins)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._unpack())

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        return self._unpack()[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PackedEvents | tuple):
            return NotImplemented
        return tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # nor has an event one

    def __repr__(self) -> str:
        return repr(tuple(self))


def pack(events: Sequence[Event]) -> Sequence[Event]:
    """Return events in as little memory as possible; they don't change.

    A tuple if they can't be packed, as those of another version.
    """
    if not events or isinstance(events, PackedEvents):
        return events
    try:
        return PackedEvents(events)
    except (TypeError, struct.error):
        return tuple(events)
