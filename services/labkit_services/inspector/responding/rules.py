"""Rules: which response a bin gives to which request. Pure.

A bin has a list of rules; the first that matches a request and is not used up
answers it. A rule is one step, or several: a sequence such as 503, 503, 200.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from labkit_services.http.headers import Pair
from labkit_services.inspector.queries.matching import match
from labkit_services.inspector.records.request_record import RequestRecord


@dataclass(frozen=True, slots=True)
class RuleStep:
    """One response of a rule.

    Attributes:
        body: None means the bin's usual body, which names the request's id.
        template: Body and header values contain placeholders.
        delay: Seconds before the response; a random part of ``jitter`` seconds
            is added.
        times: How many requests it answers; None means all that follow.
    """

    status: int = 200
    headers: tuple[Pair, ...] = ()
    body: bytes | None = None
    template: bool = False
    delay: float = 0.0
    jitter: float = 0.0
    times: int | None = None


@dataclass(frozen=True, slots=True)
class ResponseRule:
    """A rule; ``method`` "" matches any, ``when`` are more conditions."""

    name: str
    method: str
    when: dict[str, Any]
    steps: tuple[RuleStep, ...]

    def matches(self, record: RequestRecord) -> bool:
        """Tell whether the rule is for this request."""
        if self.method and self.method != record.request.method.upper():
            return False
        return not match(record, self.when)

    def step(self, used: int) -> tuple[RuleStep, str] | None:
        """Return the step of the next use, with text about it.

        ``used`` is how many requests the rule has answered. The result is None
        if the rule is used up.
        """
        before = 0
        for number, step in enumerate(self.steps, 1):
            if step.times is None or used < before + step.times:
                where = f", step {number} of {len(self.steps)}" if len(self.steps) > 1 else ""
                count = f", use {used - before + 1} of {step.times}" if step.times is not None else ""
                return step, self._title() + where + count
            before += step.times
        return None

    def _title(self) -> str:
        return f"{self.name} ({self.method})" if self.method else self.name


@dataclass(slots=True)
class RuleCounts:
    """A bin's rules, and how many requests each has answered.

    The counts are in memory: they begin again when the rules change, and when
    the inspector is restarted.
    """

    rules: tuple[ResponseRule, ...]
    used: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.used = [0] * len(self.rules)

    def choose(self, record: RequestRecord) -> tuple[RuleStep, str] | None:
        """Return the step that answers the request, and count its use.

        It does not wait for anything, so two requests never get the same use.
        """
        if (found := self.next(record)) is None:
            return None
        index, step, title = found
        self.used[index] += 1
        return step, title

    def next(self, record: RequestRecord) -> tuple[int, RuleStep, str] | None:
        """Return the index, step and text of the rule that would answer."""
        for index, rule in enumerate(self.rules):
            if rule.matches(record) and (chosen := rule.step(self.used[index])) is not None:
                return index, *chosen
        return None
