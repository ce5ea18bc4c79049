"""What was promised against what was witnessed: sets and counts, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

FLAKY_FAILURES = 2
"""In so many first attempts ``flaky`` fails."""
FAILING_ATTEMPTS = 8
"""So often ``failing`` is tried, by its annotation; faults use up attempts, too, and one must be left."""


class Manner(StrEnum):
    """The functions of the suite, by how they behave."""

    QUICK = "quick"
    ECHO = "echo"  # answers with its large body
    SLOW = "slow"
    FLAKY = "flaky"
    FAILING = "failing"


class Callback(StrEnum):
    """Where a call's callback goes."""

    NONE = "none"
    TARGET = "target"
    NOWHERE = "nowhere"  # nobody ever listens there


@dataclass(frozen=True, slots=True)
class Promise:
    """A call that was answered with 202."""

    call_id: str
    manner: Manner
    callback: Callback
    answer: bytes
    """What the function answers to its body, when it succeeds."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A callback that arrived."""

    status: int
    """The function's, from ``X-Function-Status``."""
    body: bytes


@dataclass(slots=True)
class Ledger:
    """All that is known of a run.

    Attributes:
        promises: By call id.
        runs: The attempts that ran to their end, by call id.
        arrivals: Callbacks, by call id.
        dead: Kinds of its dead letters, by call id.
    """

    promises: dict[str, Promise] = field(default_factory=dict)
    runs: dict[str, list[int]] = field(default_factory=dict)
    arrivals: dict[str, list[Arrival]] = field(default_factory=dict)
    dead: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant: how many calls it was held against, and which broke it."""

    name: str
    held_against: int
    broken: tuple[str, ...]


Rule = tuple[str, Callable[[Ledger, Promise], bool], Callable[[Ledger, Promise], bool]]
"""Name; which promises it is about; whether one of them keeps it."""


def _attempts(ledger: Ledger, promise: Promise) -> list[int]:
    return ledger.runs.get(promise.call_id, [])


def _dead(ledger: Ledger, promise: Promise, kind: str) -> bool:
    return kind in ledger.dead.get(promise.call_id, ())


def _always(_: Ledger, __: Promise) -> bool:
    return True


def _ran(ledger: Ledger, promise: Promise) -> bool:
    return bool(_attempts(ledger, promise))


def _concluded(ledger: Ledger, promise: Promise) -> bool:
    """Succeeded, or was given up and kept."""
    if _dead(ledger, promise, "invocation"):
        return True
    attempts = _attempts(ledger, promise)
    match promise.manner:
        case Manner.FAILING:
            return False
        case Manner.FLAKY:
            return any(attempt > FLAKY_FAILURES for attempt in attempts)
        case _:
            return bool(attempts)


def _called_back(ledger: Ledger, promise: Promise) -> bool:
    return promise.call_id in ledger.arrivals or _dead(ledger, promise, "callback")


def _told_truth(ledger: Ledger, promise: Promise) -> bool:
    """A callback that says 200 brings exactly what the function answers to this call's body."""
    arrivals = ledger.arrivals[promise.call_id]
    true = all(arrival.body == promise.answer for arrival in arrivals if arrival.status == 200)
    succeeded = any(arrival.status == 200 for arrival in arrivals)
    return true and succeeded is not _dead(ledger, promise, "invocation")


_EVER: tuple[Rule, ...] = (
    ("ran at least once", _always, _ran),
    ("succeeded, or is a dead letter", _always, _concluded),
    (
        "failing is a dead letter",
        lambda _, promise: promise.manner is Manner.FAILING,
        lambda ledger, promise: _dead(ledger, promise, "invocation"),
    ),
    (
        "callback arrived, or is a dead letter",
        lambda _, promise: promise.callback is not Callback.NONE,
        _called_back,
    ),
    (
        "callback to nowhere is a dead letter",
        lambda _, promise: promise.callback is Callback.NOWHERE,
        lambda ledger, promise: _dead(ledger, promise, "callback"),
    ),
)

_AT_THE_END: tuple[Rule, ...] = (
    (
        "callback tells what happened",
        lambda ledger, promise: promise.call_id in ledger.arrivals,
        _told_truth,
    ),
)


def _attempts_without_faults(manner: Manner) -> list[int]:
    match manner:
        case Manner.FLAKY:
            return list(range(1, FLAKY_FAILURES + 2))
        case Manner.FAILING:
            return list(range(1, FAILING_ATTEMPTS + 1))
        case _:
            return [1]


_WITHOUT_FAULTS: tuple[Rule, ...] = (
    (
        "each attempt ran exactly once",
        _always,
        lambda ledger, promise: (
            sorted(_attempts(ledger, promise)) == _attempts_without_faults(promise.manner)
        ),
    ),
    (
        "callback arrived exactly once",
        lambda _, promise: promise.callback is Callback.TARGET,
        lambda ledger, promise: len(ledger.arrivals.get(promise.call_id, ())) == 1,
    ),
    (
        "only failing is a dead letter",
        _always,
        lambda ledger, promise: _dead(ledger, promise, "invocation") is (promise.manner is Manner.FAILING),
    ),
)


def open_promises(ledger: Ledger) -> int:
    """Return how many promises are not kept yet."""
    return sum(
        any(about(ledger, promise) and not kept(ledger, promise) for _, about, kept in _EVER)
        for promise in ledger.promises.values()
    )


def verdicts(ledger: Ledger, *, faults: bool) -> list[Verdict]:
    """Hold every promise against every invariant; without faults more is promised."""
    rules = _EVER + _AT_THE_END + (() if faults else _WITHOUT_FAULTS)
    return [_verdict(ledger, rule) for rule in rules]


def _verdict(ledger: Ledger, rule: Rule) -> Verdict:
    name, about, kept = rule
    concerned = [promise for promise in ledger.promises.values() if about(ledger, promise)]
    broken = tuple(promise.call_id for promise in concerned if not kept(ledger, promise))
    return Verdict(name, len(concerned), broken)


def counts(ledger: Ledger) -> dict[str, int]:
    """Return what is worth knowing besides the invariants."""
    promised = ledger.promises
    needed = {i: len(_attempts_without_faults(promise.manner)) for i, promise in promised.items()}
    known = {call_id: runs for call_id, runs in ledger.runs.items() if call_id in promised}
    died = ledger.dead.items()
    return {
        "accepted (202)": len(promised),
        "runs": sum(map(len, known.values())),
        "calls with a run more than needed": sum(len(runs) > needed[i] for i, runs in known.items()),
        "ran, though the caller got no 202": sum(i not in promised for i in ledger.runs),
        "callbacks arrived": sum(map(len, ledger.arrivals.values())),
        "calls with more than one callback": sum(len(one) > 1 for one in ledger.arrivals.values()),
        "dead letters: invocation": sum("invocation" in kinds for _, kinds in died),
        "dead letters: invocation, not of failing": sum(
            "invocation" in kinds and i in promised and promised[i].manner is not Manner.FAILING
            for i, kinds in died
        ),
        "dead letters: callback": sum("callback" in kinds for _, kinds in died),
        "dead letters: callback, not to nowhere": sum(
            "callback" in kinds and i in promised and promised[i].callback is not Callback.NOWHERE
            for i, kinds in died
        ),
    }


def table(rows: Iterable[tuple[str, object]]) -> str:
    """Return two aligned columns."""
    lines = [(name, f"{value:,}" if isinstance(value, int) else str(value)) for name, value in rows]
    left = max((len(name) for name, _ in lines), default=0)
    right = max((len(value) for _, value in lines), default=0)
    return "\n".join(f"  {name:<{left}}  {value:>{right}}" for name, value in lines)
