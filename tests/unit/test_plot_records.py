"""What plots show, before it is drawn: rows, strips, bands, labels, lines of text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from call_events import BEGIN, SECOND, accepted, async_run, attempt, event, measured, sync_run

from labkit.views.measurement import Measurement
from labkit.views.plots.bands import Label, fault_bands, placed, told_faults
from labkit.views.plots.lettering import text_width, wrapped
from labkit.views.plots.rows import Period, RunRows, calls_per_row, merged
from labkit.views.plots.strips import strips_of
from labkit.views.plots.style import Mark
from labkit.views.words import ENGLISH
from labkit_services.call_record.fault_spans import FaultSpan
from labkit_services.call_record.spans import Kind
from labkit_services.contract.events import EventType


def at(seconds: float) -> int:
    return BEGIN + round(seconds * SECOND)


def killed_worker() -> Measurement:
    """Return two calls of one worker; it is killed during the second, and the lease is 3 s long."""
    run = measured(
        "async",
        [
            *accepted("a"),
            *accepted("b", 0.002),
            *attempt("a", 0.02, 1.0),
            *attempt("b", 1.1, 1.0, acked=False)[:5],
            event(1.6, EventType.CALL_ANSWERED, "b", error="the caller disconnected"),
            event(1.61, EventType.PROCESS_EXITED, "b", service="watchdog", pid=101, code=-9),
            *attempt("b", 4.6, 1.0, 2),
        ],
    )
    return replace(run, faults=(FaultSpan("kill", "queue-worker", at(1.6), at(2.2)),))


@pytest.mark.parametrize(
    ("calls", "per_row"),
    [(0, 1), (1, 1), (100, 1), (101, 2), (250, 5), (1000, 10), (1001, 20), (10_000, 100)],
)
def test_a_run_has_at_most_a_hundred_rows(calls: int, per_row: int) -> None:
    assert calls_per_row(calls) == per_row
    assert calls / per_row <= 100


def test_calls_that_share_a_row_have_one_bar_where_they_overlap() -> None:
    first, second, apart = Period(0, 2, 0), Period(1, 3, 0), Period(4, 5, 0)

    assert merged([apart, second, first, Period(1, 2, 1)]) == [Period(0, 3, 0), apart, Period(1, 2, 1)]
    assert merged([Period(0, 9, 0), Period(1, 2, 0, is_open=True)]) == [Period(0, 9, 0, is_open=True)]


def test_a_thousand_calls_at_ten_at_once_are_a_hundred_rows_of_ten() -> None:
    rows = RunRows.of(measured("async", async_run(1000, 10, 0.1)))

    assert (rows.calls, rows.per_row, rows.count) == (1000, 10, 100)
    works = rows.bars[Kind.WORKS]
    assert [bar.row for bar in works] == list(range(100))
    assert works[50].end - works[50].start == pytest.approx(0.108, abs=0.002)
    # The last answer of each row.
    assert [row for _, row in rows.marks[Mark.ANSWERED]] == list(range(100))
    assert rows.marks[Mark.ANSWERED][0][0] == pytest.approx(0.021)


def test_the_lease_fills_the_time_between_a_killed_attempt_and_its_redelivery() -> None:
    rows = RunRows.of(killed_worker())

    (lost,), (lease,) = rows.bars[Kind.LOST], rows.bars[Kind.LEASE]
    assert (lost.end, lease.start, lease.end, lease.row) == (1.6, 1.6, 4.6, 1)
    assert lease.end == pytest.approx(rows.bars[Kind.WORKS][-1].start, abs=0.003)
    assert rows.told_leases(ENGLISH) == "1 lost attempt, 3.00 s until its call was delivered again"


def test_a_lease_that_has_not_run_out_is_told() -> None:
    run = killed_worker()
    events = [each for call in run.calls for each in call.events if each.time_ns < at(3)]

    rows = RunRows.of(measured("async", events, until=3))
    assert rows.told_leases(ENGLISH) == "1 lost attempt, not yet delivered again"
    assert rows.leases[0].end == 3


def test_a_killed_attempt_is_in_flight_until_it_was_lost() -> None:
    queued, flight = strips_of(killed_worker())

    assert (queued.most, flight.most) == (2, 1)
    assert [(round(time, 1), count) for time, count in flight.steps] == [
        *[(0.0, 0), (0.0, 1), (1.0, 0), (1.1, 1), (1.6, 0), (4.6, 1), (5.6, 0), (5.6, 0)]
    ]


@pytest.mark.parametrize(("calls", "limit"), [(20, 1), (100, 10), (100, 100)])
def test_strips_reach_the_limit(calls: int, limit: int) -> None:
    _, flight = strips_of(measured("async", async_run(calls, limit)))

    assert flight.most == limit


def test_faults_are_cut_to_the_axis_and_told_with_name_and_duration() -> None:
    run = measured("async", async_run(10, 1))
    faults = (
        FaultSpan("pause", "nats-server", at(4), at(5.5)),
        FaultSpan("stop", "gateway", at(-2), at(1)),
        FaultSpan("slow", "queue-worker", at(9)),
        FaultSpan("kill", "inspector", at(60), at(61)),
    )
    run = replace(run, faults=faults)

    bands = fault_bands(run, 10)
    assert [(band.start, band.end) for band in bands] == [(0, 1), (4, 5.5), (9, 10)]
    assert [band.text(ENGLISH) for band in bands] == [
        "gateway stopped: 3.00 s",
        "nats-server paused: 1.50 s",
        "queue-worker slowed: goes on",
    ]
    assert told_faults(run, ENGLISH).startswith(
        "gateway stopped: 3.00 s, from before the run on; nats-server paused: 1.50 s, from 4.00 s on"
    )


def test_many_faults_are_counted_in_a_description() -> None:
    faults = tuple(FaultSpan("kill", "queue-worker", at(n), at(n + 0.5)) for n in range(9))
    run = replace(measured("sync", sync_run(10)), faults=faults)

    assert told_faults(run, ENGLISH).count("queue-worker killed") == 5
    assert told_faults(run, ENGLISH).endswith("; 4 more faults")


@pytest.mark.parametrize("apart", [0.0, 0.1, 0.7, 3.0])
def test_no_label_is_written_over_another_or_crossed_by_a_stem(apart: float) -> None:
    labels = [Label(number * apart, f"queue-worker killed: {number}.00 s") for number in range(12)]

    found = placed(labels, 12 * apart or 1.0)
    assert 3 <= len(found) <= 12
    for one in found:
        assert one.left >= 0
        for other in found:
            if one is not other and one.lane == other.lane:
                assert one.right < other.left or other.right < one.left
            if one.lane > other.lane:
                assert not other.left <= one.stem <= other.right


def test_a_prediction_keeps_its_label_among_many_faults() -> None:
    labels = [Label(n / 10, "queue-worker killed: 0.20 s") for n in range(100)]
    prediction = Label(5.03, "you predicted 5.03 s", is_first=True)

    assert prediction in [each.label for each in placed([prediction, *labels], 10)]


def test_lines_break_at_spaces_and_between_chinese_characters() -> None:
    assert wrapped("one two three", 8) == ["one two", "three"]
    assert wrapped("", 8) == []
    assert wrapped("a" * 20, 8) == ["aaaaaaaa", "aaaaaaaa", "aaaa"]
    assert wrapped("调用方等待了很久\N{FULLWIDTH COMMA}然后", 16) == [
        "调用方等待了很",
        "久\N{FULLWIDTH COMMA}然后",
    ]
    assert text_width("ab调用") == 6


def test_a_number_stays_with_its_unit() -> None:
    assert wrapped("it took 10.1 s", 12) == ["it took", "10.1 s"]
