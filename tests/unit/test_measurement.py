"""A measured run as numbers, as a sentence and as a table."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from call_events import BEGIN, SECOND, async_run, attempt, measured, retry, sync_run
from call_events import accepted as accepted_events

from labkit.views.formatting import format_seconds
from labkit.views.measurement import Measurement


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0004, "0.000 s"), (0.0031, "0.003 s"), (0.021, "0.02 s"), (1.018, "1.02 s"), (10.13, "10.1 s")],
)
def test_durations_have_their_significant_digits(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_caller_waits_for_the_sum_of_ten_synchronous_calls() -> None:
    run = measured("sync", sync_run(10))

    assert run.accepted_after == pytest.approx(10.098)
    assert run.drained_after == pytest.approx(10.0965)
    assert run.per_call == pytest.approx(1.004)
    assert run.total == pytest.approx(10.098)
    assert run.waited_in_queue is None
    assert run.sentence == "the caller waited 10.1 s"


@pytest.mark.parametrize(("max_inflight", "drained"), [(1, 10.24), (10, 1.038)])
def test_caller_is_free_at_once_after_ten_asynchronous_calls(max_inflight: int, drained: float) -> None:
    run = measured("async", async_run(10, max_inflight))

    assert run.accepted_after == pytest.approx(0.021)
    assert run.drained_after == pytest.approx(drained)
    assert run.per_call == pytest.approx(1.006)
    assert run.sentence == (
        f"the caller was free after 0.02 s, the last call was done after {format_seconds(drained)}"
    )


def test_unfinished_run_reports_its_progress() -> None:
    run = measured("async", async_run(10, 1), until=4.5)

    assert run.drained_after is None
    assert run.sentence == "the caller was free after 0.02 s, 4 of 10 calls were over"
    assert "| the last call was over after | not yet |" in run._repr_markdown_()


def test_run_cut_off_before_its_responses_does_not_count_them() -> None:
    run = measured("sync", sync_run(10), until=4.5)

    assert (run.accepted_after, run.drained_after) == (None, None)
    assert run.sentence == "the caller had 4 of 5 answers, 4 of 5 calls were over"


def test_empty_run_reports_no_calls() -> None:
    run = Measurement("long-task", "async", (), BEGIN, BEGIN + SECOND)

    assert (run.total, run.accepted_after, run.drained_after, run.per_call) == (1.0, None, None, None)
    assert run.sentence == "no calls were made"
    assert "| calls that succeeded | 0 of 0 |" in run._repr_markdown_()


def test_outcome_reports_failures_and_retries() -> None:
    failed = attempt("f", 0.1, 1.0, 1, 500)
    retried = [*attempt("r", 0.1, 1.0, 1, 500, acked=False), retry("r", 1.1005, 1, 1.0)]
    second = attempt("r", 2.2, 1.0, 2)
    run = measured("async", [*accepted_events("f"), *accepted_events("r"), *failed, *retried, *second])

    assert run.outcome == "the last call was over after 3.20 s, 1 failed, 1 took more than one attempt"
    assert "| calls that succeeded | 1 of 2 |" in run._repr_markdown_()


def test_measurement_has_one_line_and_a_table() -> None:
    run = measured("sync", sync_run(1))

    assert repr(run) == "<1 synchronous call of long-task: the caller waited 1.01 s>"
    assert run._repr_markdown_().splitlines()[:2] == ["| 1 synchronous call of long-task | |", "|:--|--:|"]


def test_only_the_numbers_differ_between_two_runs() -> None:
    """One sanitizing pattern then makes the tables comparable (nbval)."""
    tables = [
        re.sub(r"\d+\.\d+ s", "N s", measured("async", async_run(10, 1, seconds))._repr_markdown_())
        for seconds in (0.2, 2.0)
    ]

    assert tables[0] == tables[1]


def test_matplotlib_is_imported_only_to_draw() -> None:
    code = "import sys, labkit.views.measurement, labkit.views.plots; print('matplotlib' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout == "False\n"
