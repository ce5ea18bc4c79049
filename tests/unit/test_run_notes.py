"""What a measured run says of the lab that it found: every note, and where it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from call_events import BEGIN, SECOND, async_run, measured, sync_run

from labkit.views.measurement import Mode
from labkit.views.plots import plot_queue_depth, plot_timelines
from labkit.views.queue_status import QueueStatus, WorkerStatus
from labkit.views.run_notes import Note, fault_notes, notes_at_end, notes_at_start
from labkit_services.call_record.fault_spans import FaultSpan

WORKER = WorkerStatus("queue-worker-1", 1, 0, 0, 0)
QUIET = QueueStatus("q", 0, 0, 0, 0, 0.0, 10, 0, 1, (WORKER,))


def at_start(
    queue: QueueStatus | None, mode: Mode = "async", ready: int | None = 1, **more: object
) -> list[str]:
    return [note.fact for note in notes_at_start(mode, queue, ready, **more)]  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_lab_in_which_nothing_else_happens_needs_no_note(mode: Mode) -> None:
    assert at_start(QUIET, mode) == []
    assert list(notes_at_end(QUIET, replace(QUIET, submitted=13), 3)) == []


@pytest.mark.parametrize(
    ("queue", "mode", "fact"),
    [
        (
            replace(QUIET, pending=11, in_flight=1),
            "async",
            "queue q held 12 earlier calls (11 waiting, 1 running): they ran first",
        ),
        (replace(QUIET, in_flight=1), "sync", "queue q held 1 earlier call (1 running): they ran beside it"),
        (
            replace(QUIET, waiting_for_retry=2),
            "async",
            "queue q held 2 earlier calls (2 to be retried): their retries came in between",
        ),
        (replace(QUIET, workers=()), "async", "no queue-worker answered for queue q"),
        (
            replace(QUIET, workers=(WORKER, replace(WORKER, max_inflight=4))),
            "async",
            "2 queue-workers served the queue, with max_inflight 1 + 4",
        ),
        (None, "async", "its queue could not be looked at: it is not known whether other calls were in it"),
    ],
)
def test_what_a_run_finds_at_its_beginning_is_noted(queue: QueueStatus | None, mode: Mode, fact: str) -> None:
    assert at_start(queue, mode) == [fact]


def test_earlier_calls_come_with_the_two_ways_to_cancel_them() -> None:
    (note,) = notes_at_start("async", replace(QUIET, pending=1), 1)

    assert "measure(…, purge=True)" in note.remedy
    assert "lab.queue('q').cancel_calls()" in note.remedy


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_cold_start_is_noted(mode: Mode) -> None:
    assert at_start(QUIET, mode, ready=0) == [
        "the function had no ready replica: its start is in the time of the first call"
    ]


def test_a_queue_that_does_not_exist_yet_needs_no_note() -> None:
    assert at_start(None, is_new=True) == []


def test_cancelled_earlier_calls_are_noted() -> None:
    assert at_start(QUIET, cancelled=2) == ["cancelled before the run: 2 earlier calls"]


def test_what_changes_during_a_run_is_noted() -> None:
    after = replace(QUIET, submitted=15, max_inflight=5, workers=(WORKER, WORKER))

    assert [note.fact for note in notes_at_end(QUIET, after, 3)] == [
        "max_inflight changed from 1 to 5 during the run",
        "the number of queue-workers changed from 1 to 2 during the run",
        "2 other calls came into queue q during the run",
    ]
    assert list(notes_at_end(QUIET, None, 3)) == []


def test_faults_that_overlap_with_a_run_are_noted() -> None:
    end = BEGIN + 10 * SECOND
    faults = [
        FaultSpan("kill", "queue-worker", BEGIN - 2 * SECOND, BEGIN - SECOND),
        FaultSpan("pause", "nats-server", BEGIN - SECOND, BEGIN + SECOND),
        FaultSpan("stop", "gateway", BEGIN + SECOND, BEGIN + 2 * SECOND),
        FaultSpan("slow", "queue-worker", BEGIN + 3 * SECOND),
        FaultSpan("kill", "inspector", end + SECOND),
    ]

    assert [note.fact for note in fault_notes(faults, BEGIN, end)] == [
        "fault injected: nats-server pause, from before the run to 1.00 s",
        "fault injected: gateway stop, from 1.00 s to 2.00 s",
        "fault injected: queue-worker slow, from 3.00 s to after its end",
    ]


def test_notes_stand_wherever_a_measurement_is_shown() -> None:
    """In the saved notebook, too: as text, as a table, under the headings of both plots."""
    run = replace(
        measured("async", async_run(3, 1)), notes=(Note("queue q held 2 earlier calls", "cancel them"),)
    )

    assert repr(run).endswith(". Note: queue q held 2 earlier calls; cancel them>")
    assert "\n\n**Note:** queue q held 2 earlier calls; cancel them." in run._repr_markdown_()
    for picture in (plot_timelines(run), plot_queue_depth(run)):
        assert "queue q held 2 earlier calls" in picture.alt
        shown = [text.get_text() for axes in picture.figure.axes for text in axes.texts]
        assert any("queue q held 2 earlier calls" in text.replace("\n", " ") for text in shown)


def test_a_run_without_notes_looks_as_before() -> None:
    run = measured("sync", sync_run(2))

    assert "Note" not in repr(run)
    assert "Note" not in run._repr_markdown_()
