"""Settings of a lab that environment variables give a default."""

from __future__ import annotations

import os

from labkit_services.contract.function_providers import PROCESS

FUNCTIONS_VARIABLE = "LABKIT_FUNCTIONS"


def default_functions() -> str:
    """Return what functions run in if no argument says so."""
    return os.environ.get(FUNCTIONS_VARIABLE) or PROCESS
