"""Default TCP ports, which are used if they are free."""

from __future__ import annotations

DEFAULT_GATEWAY_PORT = 8080
DEFAULT_INSPECTOR_PORT = 8090
GATEWAY_ALIAS_PORT = 8080
"""Port of ``http://gateway:8080``, by which workers and functions address the
lab's gateway."""
