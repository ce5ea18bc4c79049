"""Notebook 09: beyond one machine."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import partial
from numbers import Real

from labkit.teaching.exercise import Exercise, Prediction, Question
from labkit.teaching.work import CheckFinding, Work, near, passed, wrong
from labkit.views.measurement import Measurement

_CALLS = 12
_near = partial(near, ratio=0.1)
_ARRIVALS, _SECONDS, _MAX_INFLIGHT = 30, 0.7, 2
"""The load of 09.2: calls a second, seconds a call, calls of a worker."""
_COMES_ALONG = frozenset({"invoke", "measure", "bin", "deploy", "plot"})
_ONLY_IN_THE_LAB = frozenset({"fault", "queue", "set_max_inflight"})


def throughput(work: Work) -> CheckFinding:
    """09.1: calls a second of three workers."""
    run = work.value("three", Measurement, cell="measure-three")
    rate = work.number("per_second", cell="ex-rate")
    drained, accepted, ran = run.drained_after or 1.0, run.accepted_after or 1.0, run.per_call or 1.0
    right = len(run.calls) / drained
    if _near(rate, right):
        return passed(rate=round(right, 1))
    for key, other in (("accepted", len(run.calls) / accepted), ("one", 1 / ran), ("upside-down", 1 / right)):
        if _near(rate, other):
            return wrong(key, rate=round(rate, 2))
    return wrong("other", rate=round(rate, 2))


def capacity(work: Work) -> CheckFinding:
    """09.2: workers for a load, by Little's law."""
    workers = round(work.number("workers_needed", cell="ex-capacity"), 6)
    in_flight = round(_ARRIVALS * _SECONDS, 6)
    exact = in_flight / _MAX_INFLIGHT
    if workers == math.ceil(exact):
        return passed(n=int(workers))
    if workers == in_flight:
        return wrong("in-flight", n=workers)
    if workers == _ARRIVALS / _MAX_INFLIGHT:
        return wrong("calls", n=workers)
    if math.floor(exact) <= workers < math.ceil(exact):
        return wrong("rounded", n=workers)
    return wrong("other", n=workers)


def majority(work: Work) -> CheckFinding:
    """09.3: how many servers of a cluster may be away."""
    answer: Mapping[object, object] = work.value("may_be_away", dict, cell="ex-away")
    sizes = (1, 3, 5)
    work.need(set(answer) == set(sizes), "other")
    away = {size: answer[size] for size in sizes}
    work.need(all(isinstance(each, Real) for each in away.values()), "other")
    if away == {size: (size - 1) // 2 for size in sizes}:
        return passed()
    if away == {size: size - 1 for size in sizes}:
        return wrong("copies")
    if away == {size: size // 2 + 1 for size in sizes}:
        return wrong("needed")
    return wrong("other")


def left_behind(work: Work) -> CheckFinding:
    """09.4: what an OpenFaaS elsewhere does not have."""
    kinds: tuple[type[Collection[object]], ...] = (set, frozenset, list, tuple)
    found: Collection[object] = work.value("only_in_the_lab", kinds, cell="ex-only")
    names = {str(each) for each in found}
    unknown = sorted(names - _COMES_ALONG - _ONLY_IN_THE_LAB)
    work.need(not unknown, "unknown", name=", ".join(unknown)[:60])
    too_many = sorted(names & _COMES_ALONG)
    work.need(not too_many, "comes-along", name=", ".join(too_many))
    missing = len(_ONLY_IN_THE_LAB - names)
    work.need(not missing, "missing", n=missing)
    return passed()


def _drained(work: Work) -> float | None:
    run = work.found("three", Measurement)
    return run.drained_after if run else None


EXERCISES = (
    Exercise("09.1", throughput, cells=("measure-three",)),
    Exercise("09.2", capacity),
    Exercise("09.3", majority),
    Exercise("09.4", left_behind),
)
QUESTIONS = (Question("09.q1", right="d"),)
PREDICTIONS = (
    Prediction(
        "09.three",
        "s",
        begun=lambda work: len(work.calls("job", mode="async")) > _CALLS,
        observed=_drained,
    ),
)
