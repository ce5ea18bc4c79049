"""The invariant checker: what a 202 promises, and what was observed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

FLAKY_FAILURES = 2
"""Number of first attempts in which ``flaky`` fails."""
FAILING_ATTEMPTS = 8
"""Attempts of ``failing``: faults use up some, and one must remain."""


class Behaviour(StrEnum):
    """The functions of the suite, named by how they behave."""

    QUICK = "quick"
    ECHO = "echo"  # returns its large request body
    SLOW = "slow"
    FLAKY = "flaky"
    FAILING = "failing"


class CallbackChoice(StrEnum):
    """Where the callback of a call goes."""

    NONE = "none"
    TARGET = "target"
    NOWHERE = "nowhere"  # nothing ever listens there


@dataclass(frozen=True, slots=True)
class PromisedCall:
    """A call that the gateway accepted with a 202."""

    call_id: str
    behaviour: Behaviour
    callback: CallbackChoice
    answer: bytes
    """The response of the function to this call's body, when it succeeds."""


@dataclass(frozen=True, slots=True)
class ReceivedCallback:
    """A callback that the target received."""

    status: int
    """Status of the function, from ``X-Function-Status``."""
    body: bytes


@dataclass(slots=True)
class Observations:
    """Everything observed in a run, by call id.

    Attributes:
        promises: Accepted calls.
        runs: Numbers of the attempts that ran to their end.
        callbacks: Received callbacks.
        dead: Kinds of the dead letters.
    """

    promises: dict[str, PromisedCall] = field(default_factory=dict)
    runs: dict[str, list[int]] = field(default_factory=dict)
    callbacks: dict[str, list[ReceivedCallback]] = field(default_factory=dict)
    dead: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InvariantResult:
    """One invariant: number of calls checked, and calls that violate it."""

    name: str
    checked: int
    broken: tuple[str, ...]


Rule = tuple[str, Callable[[Observations, PromisedCall], bool], Callable[[Observations, PromisedCall], bool]]
"""Name; whether the rule applies to a call; whether the call satisfies it."""


def _attempts(observed: Observations, promise: PromisedCall) -> list[int]:
    return observed.runs.get(promise.call_id, [])


def _dead(observed: Observations, promise: PromisedCall, kind: str) -> bool:
    return kind in observed.dead.get(promise.call_id, ())


def _always(_: Observations, __: PromisedCall) -> bool:
    return True


def _ran(observed: Observations, promise: PromisedCall) -> bool:
    return bool(_attempts(observed, promise))


def _concluded(observed: Observations, promise: PromisedCall) -> bool:
    """Whether the call succeeded or is a dead letter."""
    if _dead(observed, promise, "invocation"):
        return True
    attempts = _attempts(observed, promise)
    match promise.behaviour:
        case Behaviour.FAILING:
            return False
        case Behaviour.FLAKY:
            return any(attempt > FLAKY_FAILURES for attempt in attempts)
        case _:
            return bool(attempts)


def _called_back(observed: Observations, promise: PromisedCall) -> bool:
    return promise.call_id in observed.callbacks or _dead(observed, promise, "callback")


def _callbacks_match(observed: Observations, promise: PromisedCall) -> bool:
    """Whether callbacks with status 200 carry the response to this body."""
    callbacks = observed.callbacks[promise.call_id]
    match = all(callback.body == promise.answer for callback in callbacks if callback.status == 200)
    succeeded = any(callback.status == 200 for callback in callbacks)
    return match and succeeded is not _dead(observed, promise, "invocation")


_EVENTUALLY: tuple[Rule, ...] = (
    ("ran at least once", _always, _ran),
    ("succeeded, or is a dead letter", _always, _concluded),
    (
        "failing is a dead letter",
        lambda _, promise: promise.behaviour is Behaviour.FAILING,
        lambda observed, promise: _dead(observed, promise, "invocation"),
    ),
    (
        "callback arrived, or is a dead letter",
        lambda _, promise: promise.callback is not CallbackChoice.NONE,
        _called_back,
    ),
    (
        "callback to nowhere is a dead letter",
        lambda _, promise: promise.callback is CallbackChoice.NOWHERE,
        lambda observed, promise: _dead(observed, promise, "callback"),
    ),
)

_AT_THE_END: tuple[Rule, ...] = (
    (
        "callback matches the outcome",
        lambda observed, promise: promise.call_id in observed.callbacks,
        _callbacks_match,
    ),
)


def _attempts_without_faults(behaviour: Behaviour) -> list[int]:
    match behaviour:
        case Behaviour.FLAKY:
            return list(range(1, FLAKY_FAILURES + 2))
        case Behaviour.FAILING:
            return list(range(1, FAILING_ATTEMPTS + 1))
        case _:
            return [1]


_WITHOUT_FAULTS: tuple[Rule, ...] = (
    (
        "each attempt ran exactly once",
        _always,
        lambda observed, promise: (
            sorted(_attempts(observed, promise)) == _attempts_without_faults(promise.behaviour)
        ),
    ),
    (
        "callback arrived exactly once",
        lambda _, promise: promise.callback is CallbackChoice.TARGET,
        lambda observed, promise: len(observed.callbacks.get(promise.call_id, ())) == 1,
    ),
    (
        "only failing is a dead letter",
        _always,
        lambda observed, promise: (
            _dead(observed, promise, "invocation") is (promise.behaviour is Behaviour.FAILING)
        ),
    ),
)


def unkept_promises(observed: Observations) -> int:
    """Return the number of calls that do not satisfy every rule yet."""
    return sum(
        any(applies(observed, promise) and not holds(observed, promise) for _, applies, holds in _EVENTUALLY)
        for promise in observed.promises.values()
    )


def check_invariants(observed: Observations, *, faults: bool) -> list[InvariantResult]:
    """Check every call against all invariants, and more without faults."""
    rules = _EVENTUALLY + _AT_THE_END + (() if faults else _WITHOUT_FAULTS)
    return [_check(observed, rule) for rule in rules]


def _check(observed: Observations, rule: Rule) -> InvariantResult:
    name, applies, holds = rule
    applicable = [promise for promise in observed.promises.values() if applies(observed, promise)]
    broken = tuple(promise.call_id for promise in applicable if not holds(observed, promise))
    return InvariantResult(name, len(applicable), broken)


def counts(observed: Observations) -> dict[str, int]:
    """Return figures for the report, besides the invariants."""
    promised = observed.promises
    needed = {i: len(_attempts_without_faults(promise.behaviour)) for i, promise in promised.items()}
    known = {call_id: runs for call_id, runs in observed.runs.items() if call_id in promised}
    died = observed.dead.items()
    return {
        "accepted (202)": len(promised),
        "runs": sum(map(len, known.values())),
        "calls with more runs than needed": sum(len(runs) > needed[i] for i, runs in known.items()),
        "ran, though the caller got no 202": sum(i not in promised for i in observed.runs),
        "callbacks arrived": sum(map(len, observed.callbacks.values())),
        "calls with more than one callback": sum(len(one) > 1 for one in observed.callbacks.values()),
        "dead letters: invocation": sum("invocation" in kinds for _, kinds in died),
        "dead letters: invocation, not of failing": sum(
            "invocation" in kinds and i in promised and promised[i].behaviour is not Behaviour.FAILING
            for i, kinds in died
        ),
        "dead letters: callback": sum("callback" in kinds for _, kinds in died),
        "dead letters: callback, not to nowhere": sum(
            "callback" in kinds and i in promised and promised[i].callback is not CallbackChoice.NOWHERE
            for i, kinds in died
        ),
    }


def table(rows: Iterable[tuple[str, object]]) -> str:
    """Return two aligned columns."""
    lines = [(name, f"{value:,}" if isinstance(value, int) else str(value)) for name, value in rows]
    left = max((len(name) for name, _ in lines), default=0)
    right = max((len(value) for _, value in lines), default=0)
    return "\n".join(f"  {name:<{left}}  {value:>{right}}" for name, value in lines)
