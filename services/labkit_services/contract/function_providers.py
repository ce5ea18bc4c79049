"""What functions can run in."""

from __future__ import annotations

PROCESS, DOCKER = "process", "docker"
FUNCTION_PROVIDERS = (PROCESS, DOCKER)
