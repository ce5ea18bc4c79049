"""How many replicas: the rules, without the replicas."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

MIN_LABEL = "com.openfaas.scale.min"
MAX_LABEL = "com.openfaas.scale.max"
FACTOR_LABEL = "com.openfaas.scale.factor"
ZERO_LABEL = "com.openfaas.scale.zero"
ZERO_DURATION_LABEL = "com.openfaas.scale.zero-duration"

DEFAULT_MAX = 5
DEFAULT_FACTOR = 10
MOST_REPLICAS = 20
"""What one machine is asked to run of one function."""

LOAD_CALLS_PER_SECOND = 5.0
LOAD_WINDOW_SECONDS = 10.0
LOAD_FOR_SECONDS = 5.0
REPEAT_SECONDS = 10.0
"""OpenFaaS's alert rule: more than 5 good calls/s over 10 s, for 5 s (faas-netes chart, Prometheus rules)."""


@dataclass(frozen=True)
class ScaleLimits:
    """A function's own bounds, by its labels (gateway/plugin/external.go)."""

    minimum: int = 1
    maximum: int = DEFAULT_MAX
    factor: int = DEFAULT_FACTOR

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> ScaleLimits:
        """Read the labels; an unusable value is the default."""
        minimum = _number(labels.get(MIN_LABEL), 1)
        maximum = min(_number(labels.get(MAX_LABEL), DEFAULT_MAX), MOST_REPLICAS)
        factor = _number(labels.get(FACTOR_LABEL), DEFAULT_FACTOR)
        minimum = min(minimum, MOST_REPLICAS)
        return cls(minimum, max(maximum, minimum), factor if 1 <= factor <= 100 else DEFAULT_FACTOR)

    @property
    def is_fixed(self) -> bool:
        """Whether the labels leave nothing to decide."""
        return self.minimum == self.maximum

    @property
    def initial(self) -> int:
        """Replicas of a new deployment (faas-netes uses ``scale.min``)."""
        return self.minimum

    def up(self, current: int) -> int:
        """Return the replicas after an alert fires: more by ``factor`` percent of the maximum."""
        return min(self.maximum, current + math.ceil(self.maximum / 100 * self.factor))

    def down(self) -> int:
        """Return the replicas after the alert is resolved."""
        return max(self.minimum, 1)

    def clamp(self, asked: int) -> int:
        """Return the replicas for a scale request; zero is allowed, as in OpenFaaS Pro."""
        return max(0, min(asked, max(self.maximum, MOST_REPLICAS)))


def idle_seconds(labels: Mapping[str, str]) -> float | None:
    """Return after how many idle seconds a function goes to zero replicas, or None if it never does."""
    from labkit_services.contract.durations import parse_duration
    from labkit_services.contract.errors import InvalidValueError

    if labels.get(ZERO_LABEL) != "true":
        return None
    try:
        return parse_duration(labels.get(ZERO_DURATION_LABEL, "5m"))
    except InvalidValueError:
        return 300.0


@dataclass
class Load:
    """The alert on one function, fed with its count of good calls.

    It fires like OpenFaaS's Prometheus rule: the rate over a window is above
    the threshold for a while; it repeats while that lasts and is resolved when the rate falls.
    """

    samples: deque[tuple[float, int]] = field(default_factory=deque)
    above_since: float | None = None
    fired_at: float | None = None

    def observe(self, now: float, good_calls: int) -> str:
        """Take the count at ``now`` (seconds); return "firing", "resolved" or ""."""
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


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 9 else default
