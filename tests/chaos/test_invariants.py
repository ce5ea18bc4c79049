"""The invariant checker detects a violation of each invariant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.invariants import (
    FAILING_ATTEMPTS,
    Behaviour,
    CallbackChoice,
    Observations,
    PromisedCall,
    ReceivedCallback,
    check_invariants,
    counts,
    unkept_promises,
)

ANSWER = b"quick body\n"


def kept() -> Observations:
    """Return the observations of a run in which every promise was kept."""
    promises = [
        PromisedCall("quick", Behaviour.QUICK, CallbackChoice.TARGET, ANSWER),
        PromisedCall("silent", Behaviour.SLOW, CallbackChoice.NONE, b"slow body\n"),
        PromisedCall("flaky", Behaviour.FLAKY, CallbackChoice.NOWHERE, b"flaky body\n"),
        PromisedCall("failing", Behaviour.FAILING, CallbackChoice.TARGET, b"failing body\n"),
    ]
    return Observations(
        promises={promise.call_id: promise for promise in promises},
        runs={
            "quick": [1],
            "silent": [1],
            "flaky": [1, 2, 3],
            "failing": list(range(1, FAILING_ATTEMPTS + 1)),
        },
        callbacks={
            "quick": [ReceivedCallback(200, ANSWER)],
            "failing": [ReceivedCallback(500, b"exit status 1")],
        },
        dead={"flaky": ["callback"], "failing": ["invocation"]},
    )


def broken(observed: Observations, *, faults: bool = True) -> dict[str, tuple[str, ...]]:
    return {
        result.name: result.broken for result in check_invariants(observed, faults=faults) if result.broken
    }


def test_kept_promises_violate_no_invariant() -> None:
    assert broken(kept(), faults=False) == {}
    assert unkept_promises(kept()) == 0


Violate = Callable[[Observations], object]


@pytest.mark.parametrize(
    ("violate", "name", "call_id"),
    [
        (lambda observed: observed.runs.pop("quick"), "ran at least once", "quick"),
        (lambda observed: observed.runs.pop("silent"), "succeeded, or is a dead letter", "silent"),
        (lambda observed: observed.runs["flaky"].pop(), "succeeded, or is a dead letter", "flaky"),
        (lambda observed: observed.dead.pop("failing"), "failing is a dead letter", "failing"),
        (lambda observed: observed.callbacks.pop("quick"), "callback arrived, or is a dead letter", "quick"),
        (lambda observed: observed.dead.pop("flaky"), "callback to nowhere is a dead letter", "flaky"),
    ],
)
def test_a_loss_is_detected_and_counts_as_unkept(violate: Violate, name: str, call_id: str) -> None:
    observed = kept()
    violate(observed)
    assert call_id in broken(observed)[name]
    assert unkept_promises(observed) == 1


@pytest.mark.parametrize(
    "callbacks",
    [
        [ReceivedCallback(200, b"another call's body\n")],
        [ReceivedCallback(200, ANSWER), ReceivedCallback(200, b"")],
        [ReceivedCallback(500, b"reports a failure of a call that succeeded")],
    ],
)
def test_a_callback_that_contradicts_the_outcome_is_detected(callbacks: list[ReceivedCallback]) -> None:
    observed = kept()
    observed.callbacks["quick"] = callbacks
    assert broken(observed) == {"callback matches the outcome": ("quick",)}


@pytest.mark.parametrize(
    ("violate", "name"),
    [
        (lambda observed: observed.runs["quick"].append(1), "each attempt ran exactly once"),
        (
            lambda observed: observed.callbacks["quick"].append(ReceivedCallback(200, ANSWER)),
            "callback arrived exactly once",
        ),
        (lambda observed: observed.dead.update(quick=["invocation"]), "only failing is a dead letter"),
    ],
)
def test_a_repetition_violates_only_the_invariants_without_faults(violate: Violate, name: str) -> None:
    observed = kept()
    violate(observed)
    assert broken(observed, faults=False)[name] == ("quick",)
    assert name not in broken(observed)


def test_runs_of_calls_that_were_not_accepted_are_counted_apart() -> None:
    observed = kept()
    observed.runs["unknown"] = [1]
    observed.runs["quick"].append(1)
    found = counts(observed)
    assert found["ran, though the caller got no 202"] == 1
    assert found["calls with more runs than needed"] == 1
    assert found["accepted (202)"] == 4
