"""What notebooks import and terminals run; ``from labkit import Lab``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from labkit.errors import LabError as LabError
    from labkit.lab.lab import Lab as Lab
    from labkit.live.recorded_run import RecordedRun as RecordedRun

# Loaded on first use (PEP 562): the supervisor and the command line import
# this package too, and must not pay for what only a notebook needs.
_MODULES = {
    "Lab": "labkit.lab.lab",
    "LabError": "labkit.errors",
    "RecordedRun": "labkit.live.recorded_run",
    # For %load_ext labkit; Lab.start() in a notebook loads it, too.
    "load_ipython_extension": "labkit.ipython.extension",
    "unload_ipython_extension": "labkit.ipython.extension",
}

__all__ = ["Lab", "LabError", "RecordedRun"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'labkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
