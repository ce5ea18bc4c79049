"""The watchdog's modes: one module a mode, and what several of them share."""

from __future__ import annotations

from labkit_services.watchdog.config import Mode
from labkit_services.watchdog.modes.backend import Backend
from labkit_services.watchdog.modes.classic import ClassicBackend
from labkit_services.watchdog.modes.http import HttpBackend
from labkit_services.watchdog.modes.serializing import SerializingBackend
from labkit_services.watchdog.modes.streaming import StreamingBackend
from labkit_services.watchdog.program import FunctionProgram

_BACKENDS: dict[Mode, type[Backend]] = {
    Mode.CLASSIC: ClassicBackend,
    Mode.HTTP: HttpBackend,
    Mode.STREAMING: StreamingBackend,
    Mode.SERIALIZING: SerializingBackend,
}


def create_backend(program: FunctionProgram) -> Backend:
    """Return the backend for the program's mode."""
    mode = program.config.mode
    if mode is Mode.STATIC:
        # Not at the top: few functions are files, and it imports what no other
        # mode needs.
        from labkit_services.watchdog.modes.static import StaticBackend

        return StaticBackend(program)
    return _BACKENDS[mode](program)
