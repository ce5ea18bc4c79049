"""Default TCP ports, as in OpenFaaS and NATS where these have one."""

from __future__ import annotations

from labkit_services.contract.names import GATEWAY_ALIASES

LOOPBACK = "127.0.0.1"
"""Where everything listens unless a setting says otherwise."""

DEFAULT_GATEWAY_PORT = 8080
DEFAULT_INSPECTOR_PORT = 8090
GATEWAY_METRICS_PORT = 8082
WORKER_METRICS_PORT = 8081
WATCHDOG_PORT = 8080
WATCHDOG_METRICS_PORT = 8081
NATS_PORT = 4222

GATEWAY_ALIAS_PORT = 8080
"""Port of ``http://gateway:8080``, by which workers and functions address the
lab's gateway."""


def is_gateway_alias(host: str, port: int | None) -> bool:
    """Tell whether this is the gateway's address in an OpenFaaS cluster."""
    return host.lower().removesuffix(".") in GATEWAY_ALIASES and port == GATEWAY_ALIAS_PORT
