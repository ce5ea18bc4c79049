"""What functions can run in, and what that means for a lab's life."""

from __future__ import annotations

PROCESS, DOCKER = "process", "docker"
FUNCTION_PROVIDERS = (PROCESS, DOCKER)

_CONTAINERS_SECONDS = 10.0


def end_seconds(functions: str) -> float:
    """Return how much longer than without functions a lab may take to end.

    Processes end at once; an engine removes a few containers a second.
    """
    return _CONTAINERS_SECONDS if functions == DOCKER else 0.0
