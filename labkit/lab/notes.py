"""Notes that are shown where a cell goes on without what it asked for."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TypeVar

from labkit.clients.caller import show_in_cell
from labkit.remote.not_here import not_here
from labkit.views.not_available import NotAvailable

T = TypeVar("T")


class NotAvailableWarning(UserWarning):
    """A setting of an experiment was not applied: it is not available."""


def settings_not_here(names: Sequence[str]) -> NotAvailable:
    """Return a note about settings that an OpenFaaS elsewhere has itself."""
    seen = "an OpenFaaS: whoever runs it sets them"
    return NotAvailable(not_here(", ".join(names), "the lab's own services", seen))


def announced(result: T) -> T:
    """Return a result; show it at once if it is a note.

    In a notebook it is shown below the cell, elsewhere it is a warning.
    """
    if isinstance(result, NotAvailable) and not show_in_cell(result):
        warnings.warn(repr(result), NotAvailableWarning, stacklevel=3)
    return result
