"""Notebook 06: how much at once?"""

from __future__ import annotations

from statistics import fmean
from typing import Any

from labkit.clients.gateway import FunctionResponse
from labkit.teaching.exercise import Exercise, Prediction, Question
from labkit.teaching.work import CheckFinding, Work, passed, wrong
from labkit.views.load import RunLoad
from labkit.views.measurement import Measurement
from labkit.views.traffic import Traffic
from labkit_services.call_record.call import Call
from labkit_services.call_record.spans import in_flight

_BURST = 24
_ROUNDS = 5
_RUSH = 60
_SLOTS = 4


def _most_at_once(run: Measurement) -> int:
    return max((count for _, count in in_flight(run.calls)), default=0)


def deadline(work: Work) -> CheckFinding:
    """06.1: the fewest slots that keep a deadline."""
    run = work.value("deadline_run", Measurement, cell="ex-burst")
    work.need(run.mode == "async", "sync")
    work.need(len(run.calls) == _BURST, "count", n=len(run.calls))
    slots = _most_at_once(run)
    rounds = -(-_BURST // max(slots, 1))
    work.need(rounds <= _ROUNDS, "too-few", slots=slots, rounds=rounds)
    work.need(slots <= _ROUNDS, "too-many", slots=slots)
    return passed(slots=slots, rounds=rounds)


def replicas(work: Work) -> CheckFinding:
    """06.2: as many replicas as slots."""
    run = work.value("team", Measurement, cell="ex-replicas")
    work.need(run.function == "solo", "other-function", function=run.function)
    limit = (work.functions().get("solo", {}).get("envVars") or {}).get("max_inflight", "")
    work.need(limit == "1", "limit", limit=limit or "—")
    refused = sum(len(call.attempts) > 1 for call in run.calls)
    work.need(not refused, "refused", n=refused)
    slots = _most_at_once(run)
    work.need(slots >= _SLOTS, "one-by-one", n=slots)
    return passed(n=slots)


def little(work: Work) -> CheckFinding:
    """06.3: calls in the queue, by Little's law."""
    run = work.value("calm", Measurement, cell="calm")
    busy = work.value("busy", Measurement, cell="busy")
    number = work.number("waiting_on_average", cell="ex-little")
    load, other = RunLoad.of(run, 1), RunLoad.of(busy, 1)
    for right, key in (
        (load.rate * load.wait, ""),
        (load.rate * load.work, "in-flight"),
        (load.wait, "seconds"),
        (other.rate * other.wait, "busy"),
    ):
        if abs(number - right) <= 0.06 * right:
            return wrong(key, number=_short(number)) if key else passed(number=_short(number))
    return wrong("other", number=_short(number))


def enough_slots(work: Work) -> CheckFinding:
    """06.4: slots for a utilisation of at most 0.8."""
    run = work.value("staffed", Measurement, cell="ex-slots")
    is_rush = run.function == "work" and len(run.calls) == _RUSH
    work.need(is_rush and _is_like(work, run), "other-traffic", title=run.title)
    slots = _most_at_once(run)
    work.need(slots >= _SLOTS, "too-few", slots=slots, full=_short(3.0 / max(slots, 1)))
    work.need(slots == _SLOTS, "too-many", slots=slots)
    return passed(wait=RunLoad.of(run, slots).wait)


def _is_like(work: Work, run: Measurement) -> bool:
    """Whether a run lasted and worked like the traffic ``rush``."""
    rush = work.value("rush", Traffic, cell="rush")
    last = max(call.asked or 0 for call in run.calls)
    worked = RunLoad.of(run, 1).work
    return run.seconds_at(last) > rush.arrivals[-1] * 0.8 and worked > fmean(rush.works) * 0.7


def own_queue(work: Work) -> CheckFinding:
    """06.5: a queue in which no report is."""
    handle: Any = work.value("alarm_call", cell="ex-queue")
    work.need(not isinstance(handle, FunctionResponse), "sync")
    call = next((call for call in work.calls("alarm") if call.id == getattr(handle, "id", "")), None)
    if call is None:
        return wrong("unknown")
    reports = work.calls("report", mode="async")
    others = {report.queue for report in reports}
    work.need(call.queue not in others, "same-queue", queue=call.queue)
    ahead = sum(_is_open_at(report, call.queued) for report in reports)
    work.need(ahead >= 2, "alone", n=ahead)
    return passed(queue=call.queue, n=ahead)


def _is_open_at(call: Call, time: int | None) -> bool:
    if time is None or call.queued is None or call.queued > time:
        return False
    return call.ended is None or call.ended > time


def _short(number: float) -> str:
    return f"{number:.2f}"


def _burst(work: Work) -> float | None:
    runs = work.names.get("bursts")
    run = runs.get(5) if isinstance(runs, dict) else None
    return run.drained_after if isinstance(run, Measurement) else None


def _times(work: Work) -> float | None:
    calm, busy = work.names.get("calm"), work.names.get("busy")
    if not isinstance(calm, Measurement) or not isinstance(busy, Measurement):
        return None
    before = RunLoad.of(calm, 1).wait
    return round(RunLoad.of(busy, 1).wait / before, 1) if before else None


def _ping(work: Work) -> float | None:
    call = next((call for call in work.calls("ping") if call.queue == "faas-request"), None)
    return None if call is None else call.waited_in_queue


EXERCISES = (
    Exercise("06.1", deadline),
    Exercise("06.2", replicas, cells=("crowd",)),
    Exercise("06.3", little, cells=("calm", "busy")),
    Exercise("06.4", enough_slots, cells=("rush",)),
    Exercise("06.5", own_queue, cells=("one-queue",)),
)
QUESTIONS = (Question("06.q1", right="b"), Question("06.q2", right="a"))
ARRANGEMENTS = ()
PREDICTIONS = (
    Prediction(
        "06.burst",
        "s",
        begun=lambda work: len(work.calls("nap")) > 24 and _burst(work) is not None,
        observed=_burst,
    ),
    Prediction(
        "06.wait",
        "factor",
        begun=lambda work: len(work.calls("work")) > 70 and "busy_traffic" in work.names,
        observed=_times,
    ),
    Prediction("06.ping", "s", begun=lambda work: bool(work.calls("ping")), observed=_ping),
)
