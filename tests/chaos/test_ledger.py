"""The reckoning sees what it is there to see: each invariant is broken once, and found broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.ledger import (
    FAILING_ATTEMPTS,
    Arrival,
    Callback,
    Ledger,
    Manner,
    Promise,
    counts,
    open_promises,
    verdicts,
)

ANSWER = b"quick body\n"


def kept() -> Ledger:
    """Return a ledger in which everything was as promised."""
    promises = [
        Promise("quick", Manner.QUICK, Callback.TARGET, ANSWER),
        Promise("silent", Manner.SLOW, Callback.NONE, b"slow body\n"),
        Promise("flaky", Manner.FLAKY, Callback.NOWHERE, b"flaky body\n"),
        Promise("failing", Manner.FAILING, Callback.TARGET, b"failing body\n"),
    ]
    return Ledger(
        promises={promise.call_id: promise for promise in promises},
        runs={
            "quick": [1],
            "silent": [1],
            "flaky": [1, 2, 3],
            "failing": list(range(1, FAILING_ATTEMPTS + 1)),
        },
        arrivals={"quick": [Arrival(200, ANSWER)], "failing": [Arrival(500, b"exit status 1")]},
        dead={"flaky": ["callback"], "failing": ["invocation"]},
    )


def broken(ledger: Ledger, *, faults: bool = True) -> dict[str, tuple[str, ...]]:
    return {verdict.name: verdict.broken for verdict in verdicts(ledger, faults=faults) if verdict.broken}


def test_promises_that_were_kept_break_nothing() -> None:
    assert broken(kept(), faults=False) == {}
    assert open_promises(kept()) == 0


Spoil = Callable[[Ledger], object]


@pytest.mark.parametrize(
    ("spoil", "name", "call_id"),
    [
        (lambda ledger: ledger.runs.pop("quick"), "ran at least once", "quick"),
        (lambda ledger: ledger.runs.pop("silent"), "succeeded, or is a dead letter", "silent"),
        (lambda ledger: ledger.runs["flaky"].pop(), "succeeded, or is a dead letter", "flaky"),
        (lambda ledger: ledger.dead.pop("failing"), "failing is a dead letter", "failing"),
        (lambda ledger: ledger.arrivals.pop("quick"), "callback arrived, or is a dead letter", "quick"),
        (lambda ledger: ledger.dead.pop("flaky"), "callback to nowhere is a dead letter", "flaky"),
    ],
)
def test_a_loss_is_seen_and_waited_for(spoil: Spoil, name: str, call_id: str) -> None:
    ledger = kept()
    spoil(ledger)
    assert call_id in broken(ledger)[name]
    assert open_promises(ledger) == 1


@pytest.mark.parametrize(
    "arrivals",
    [
        [Arrival(200, b"another call's body\n")],
        [Arrival(200, ANSWER), Arrival(200, b"")],
        [Arrival(500, b"the function failed, it says; it did not")],
    ],
)
def test_a_callback_that_tells_something_else_is_seen(arrivals: list[Arrival]) -> None:
    ledger = kept()
    ledger.arrivals["quick"] = arrivals
    assert broken(ledger) == {"callback tells what happened": ("quick",)}


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda ledger: ledger.runs["quick"].append(1), "each attempt ran exactly once"),
        (
            lambda ledger: ledger.arrivals["quick"].append(Arrival(200, ANSWER)),
            "callback arrived exactly once",
        ),
        (lambda ledger: ledger.dead.update(quick=["invocation"]), "only failing is a dead letter"),
    ],
)
def test_once_too_often_is_seen_only_where_there_were_no_faults(spoil: Spoil, name: str) -> None:
    ledger = kept()
    spoil(ledger)
    assert broken(ledger, faults=False)[name] == ("quick",)
    assert name not in broken(ledger)


def test_what_ran_without_a_promise_is_counted_apart() -> None:
    ledger = kept()
    ledger.runs["unknown"] = [1]
    ledger.runs["quick"].append(1)
    found = counts(ledger)
    assert found["ran, though the caller got no 202"] == 1
    assert found["calls with a run more than needed"] == 1
    assert found["accepted (202)"] == 4
