"""Server-sent events: what happens in the store, told to every page that is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.inspector.errors import TooManyError
from labkit_services.inspector.record import Record
from labkit_services.inspector.store import Bin, Change, Store

HEARTBEAT_SECONDS = 10.0
"""A page that hears nothing for much longer knows that its connection is dead."""

MAX_LISTENERS = 100
_MAX_PENDING = 1000

Tell = Callable[[Bin], dict[str, Any]]


class _Listener:
    """One open page."""

    __slots__ = ("bin", "lost", "pending", "woken")

    def __init__(self, bin_name: str) -> None:
        self.bin = bin_name
        self.pending: list[bytes] = []
        self.woken = asyncio.Event()
        self.lost = False

    def put(self, message: bytes) -> None:
        if len(self.pending) < _MAX_PENDING:
            self.pending.append(message)
        else:
            self.lost = True
        self.woken.set()


class Live:
    """Everyone who listens.

    A listener that reads too slowly is cut off: it comes back by itself and
    reads the lists anew, which is shorter than all it has missed.
    """

    def __init__(self, store: Store, tell_bin: Tell, *, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self._tell_bin = tell_bin
        self._heartbeat = heartbeat
        self._listeners: set[_Listener] = set()
        self._closed = False
        store.listeners.append(self._on_change)

    def listen(self, bin_name: str = "") -> AsyncIterator[bytes]:
        """Return the stream of one bin's events, or of all.

        Raises:
            TooManyError: Enough listen already.
        """
        if len(self._listeners) >= MAX_LISTENERS:
            raise TooManyError("too many pages listen", expected=f"at most {MAX_LISTENERS}")
        return self._stream(_Listener(bin_name))

    async def _stream(self, listener: _Listener) -> AsyncIterator[bytes]:
        self._listeners.add(listener)
        try:
            # After this the listener reads the lists: what comes between is told twice, not lost.
            yield b"retry: 1000\n\n" + message("hello", {})
            while not (self._closed or listener.lost):
                if listener.pending:
                    waiting, listener.pending = listener.pending, []
                    yield b"".join(waiting)
                    continue
                listener.woken.clear()
                try:
                    async with asyncio.timeout(self._heartbeat):
                        await listener.woken.wait()
                except TimeoutError:
                    yield message("heartbeat", {})
        finally:
            self._listeners.discard(listener)

    def _on_change(self, change: Change) -> None:
        wanting = [listener for listener in self._listeners if listener.bin in ("", change.bin.name)]
        if not wanting:
            return
        data = {"bin": self._tell_bin(change.bin)}
        if isinstance(change.record, Record):
            data["request"] = change.record.summary()
        told = message(change.kind, data)
        for listener in wanting:
            listener.put(told)

    def close(self) -> None:
        """End every stream: the inspector stops."""
        self._closed = True
        for listener in self._listeners:
            listener.woken.set()


def message(event: str, data: dict[str, Any]) -> bytes:
    """Return one event as it goes over the wire; JSON has no line break in it."""
    return f"event: {event}\ndata: {encode(data)}\n\n".encode()
