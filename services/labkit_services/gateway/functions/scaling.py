"""How many replicas a function gets: rules without side effects."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError

DEFAULT_MAX = 5
DEFAULT_FACTOR = 10
MAX_REPLICAS = 20
"""More of one function would not help on one machine."""

LOAD_CALLS_PER_SECOND = 5.0
LOAD_WINDOW_SECONDS = 10.0
LOAD_FOR_SECONDS = 5.0
REPEAT_SECONDS = 10.0
"""OpenFaaS's alert rule: more than 5 good calls/s over 10 s, for 5 s
(faas-netes chart, Prometheus rules)."""


@dataclass(frozen=True)
class ScaleLimits:
    """A function's bounds, from its labels (gateway/plugin/external.go).

    A new deployment starts with ``minimum`` replicas, as in faas-netes.
    """

    minimum: int = 1
    maximum: int = DEFAULT_MAX
    factor: int = DEFAULT_FACTOR

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> ScaleLimits:
        """Read the labels; an invalid value means the default."""
        minimum = min(_number(labels, "com.openfaas.scale.min", 1), MAX_REPLICAS)
        maximum = min(_number(labels, "com.openfaas.scale.max", DEFAULT_MAX), MAX_REPLICAS)
        factor = _number(labels, "com.openfaas.scale.factor", DEFAULT_FACTOR)
        return cls(minimum, max(maximum, minimum), factor if 1 <= factor <= 100 else DEFAULT_FACTOR)

    @property
    def is_fixed(self) -> bool:
        """Whether the labels allow one number only."""
        return self.minimum == self.maximum

    def up(self, current: int) -> int:
        """Return the replicas after an alert: more by ``factor`` percent."""
        return min(self.maximum, current + math.ceil(self.maximum / 100 * self.factor))

    def down(self) -> int:
        """Return the replicas after the alert is resolved."""
        return max(self.minimum, 1)

    def clamp(self, asked: int) -> int:
        """Return the replicas for a request to scale; 0 as in OpenFaaS Pro."""
        return max(0, min(asked, max(self.maximum, MAX_REPLICAS)))


def idle_seconds(labels: Mapping[str, str]) -> float | None:
    """Return the idle seconds before scaling to zero; None means never."""
    if labels.get("com.openfaas.scale.zero") != "true":
        return None
    try:
        return parse_duration(labels.get("com.openfaas.scale.zero-duration", "5m"))
    except InvalidValueError:
        return 300.0


@dataclass
class Load:
    """The alert on one function's rate of good calls.

    It fires like OpenFaaS's Prometheus rule: when the rate over a window stays
    above the threshold. It repeats while that lasts and is resolved when the
    rate falls.
    """

    samples: deque[tuple[float, int]] = field(default_factory=deque)
    above_since: float | None = None
    fired_at: float | None = None

    def observe(self, now: float, good_calls: int) -> str:
        """Add the count at ``now``; return "firing", "resolved" or ""."""
        self.samples.append((now, good_calls))
        while self.samples[0][0] < now - LOAD_WINDOW_SECONDS:
            self.samples.popleft()
        rate = (good_calls - self.samples[0][1]) / LOAD_WINDOW_SECONDS
        if rate <= LOAD_CALLS_PER_SECOND:
            self.above_since = None
            if self.fired_at is not None:
                self.fired_at = None
                return "resolved"
            return ""
        if self.above_since is None:
            self.above_since = now
        long_enough = now - self.above_since >= LOAD_FOR_SECONDS
        due = self.fired_at is None or now - self.fired_at >= REPEAT_SECONDS
        if long_enough and due:
            self.fired_at = now
            return "firing"
        return ""


def _number(labels: Mapping[str, str], name: str, default: int) -> int:
    text = labels.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 9 else default
