"""The function's environment, kept out of the watchdog's Python."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

_NOT_FOR_FUNCTIONS = frozenset(
    {"lifeline", "limits_memory", "limits_cpu", "listen_address", "metrics_port", "secrets_by"}
)
"""Settings from the gateway to the watchdog that mean nothing to a
function."""


def read_settings(arguments: Sequence[str]) -> dict[str, str]:
    """Return the function's environment, with the watchdog's settings.

    A variable such as PYTHONPATH, PYTHONASYNCIODEBUG or LD_PRELOAD is meant
    for the function and would break or slow the watchdog. So the gateway
    starts the watchdog with a different environment, and passes the function's
    as a JSON object in an inherited file, whose descriptor is the only
    argument. Without an argument it is the process's own environment.
    """
    if not arguments:
        return dict(os.environ)
    descriptor = int(arguments[0])
    # Not by the file's position, which another process that inherited the file
    # may have moved.
    settings: dict[str, str] = json.loads(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    os.close(descriptor)
    return settings


def function_environment(settings: Mapping[str, str]) -> dict[bytes, bytes]:
    """Return the environment of processes, without the request's variables."""
    return {
        os.fsencode(name): os.fsencode(value)
        for name, value in settings.items()
        if name not in _NOT_FOR_FUNCTIONS
    }
