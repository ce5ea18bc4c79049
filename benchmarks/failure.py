"""What can go wrong in a benchmark."""

from __future__ import annotations

from labkit_services.contract.errors import LabError


class BenchmarkError(LabError):
    """A figure could not be measured."""
