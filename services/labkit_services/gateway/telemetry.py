"""Where the gateway reports each call."""

from __future__ import annotations

from dataclasses import dataclass

from labkit_services.gateway.metrics import Metrics
from labkit_services.jetstream.connection import Events
from labkit_services.runtime.log import LineWriter


@dataclass(frozen=True)
class Telemetry:
    """The event log, the gateway's own log, and the metrics."""

    events: Events
    lines: LineWriter
    metrics: Metrics
