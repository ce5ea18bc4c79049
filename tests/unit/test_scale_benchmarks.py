"""The pure parts of the benchmarks of many labs and of long queues."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from benchmarks import backlog, hub
from benchmarks.__main__ import cli
from benchmarks.backlog import MAX_INFLIGHT, Backlog, Drain
from benchmarks.drain_model import DrainModel
from benchmarks.hub import Hub, Jupyter


def test_a_drain_that_only_waits_is_bound_by_its_slots() -> None:
    model = DrainModel(cpu=0.0, wait=0.5, cores=2)

    assert model.seconds(40, slots=2) == pytest.approx(10.0)
    assert model.seconds(40, slots=8) == pytest.approx(2.5)
    assert model.seconds(41, slots=8) == pytest.approx(3.0)


def test_a_drain_that_only_computes_is_bound_by_its_cores() -> None:
    model = DrainModel(cpu=0.01, wait=0.0, cores=2)

    assert model.seconds(1000, slots=1) == pytest.approx(10.0)
    assert model.seconds(1000, slots=2) == pytest.approx(5.0)
    assert model.seconds(1000, slots=64) == pytest.approx(5.0)


@pytest.mark.parametrize("slots", [1, 7, 20, 160])
def test_a_long_queue_drains_at_the_smaller_of_the_two_bounds(slots: int) -> None:
    model = DrainModel(cpu=0.002, wait=0.1, cores=2)

    assert 100_000 / model.seconds(100_000, slots) == pytest.approx(model.rate(slots), rel=0.01)


def test_one_worker_gives_the_model_its_numbers_and_the_others_are_predicted() -> None:
    # 0.1 s in the slot, 2 ms of them computing; no other programs, then one that uses a core.
    one = Drain(1, MAX_INFLIGHT / 0.1, cpu=0.002, others=0.0)
    many, beside = Drain(16, 900.0, cpu=0.002, others=0.0), Drain(16, 500.0, cpu=0.002, others=1.0)

    found = backlog.simulated([one, many, beside], 1_000_000, cores=2)

    assert [drain.simulated for drain in found] == pytest.approx([100.0, 1000.0, 500.0], rel=0.02)
    assert [drain.whole_hours for drain in found] == pytest.approx([2.78, 0.278, 0.278], rel=0.02)
    assert found[1].per_second == 900.0  # what was measured stays


def test_more_learners_are_extrapolated_in_proportion() -> None:
    ten = Hub(10, 0.4, 2.7, 95.0, 0.1, 10.2, 0.2)

    thirty = hub.extrapolated(ten)

    assert thirty.labs == 30
    assert thirty.start_seconds == pytest.approx(2.7 * 29 / 9)
    assert (thirty.idle_cores, thirty.exercise_cores) == pytest.approx((0.3, 0.6))
    assert (thirty.megabytes, thirty.exercise_seconds) == (95.0, 10.2)


def test_the_tables_say_what_is_extrapolated_and_what_is_simulated() -> None:
    text = hub.table([Hub(10, 0.4, 2.7, 100.0, 0.1, 10.2, 0.2)], Jupyter(150.0, 5.8, 3.0)).replace("\n", " ")
    assert "| 30, extrapolated | 0.40 s |" in text
    assert "30 learners: 7.5 GB, and 90 s of a core" in text
    measured = hub.table([Hub(30, 0.4, 9.0, 100.0, 0.3, 10.2, 0.6)], Jupyter(150.0, 5.8, 3.0))
    assert "extrapolated" not in measured

    queue = Backlog(1_000_000, 9000.0, 8000.0, 10.0, 310.0, 616.0, 355.0)
    drains = [
        Drain(1, 97.0, 0.002, 0.1, 96.0, 2.9, 1_000, 10.4, 10.2),
        Drain(16, 900.0, 0.002, 0.0, 990.0, 0.28, 10_000, 11.0, 10.1),
    ]
    lines = backlog.table(queue, drains).splitlines()
    assert lines[0] == "| 1,000,000 queued calls | |"
    assert "| that is, per call | 300 bytes |" in lines
    assert "| 1 | 97 | 96 | 2.00 ms | 0.1 | 2.9 h |" in lines
    assert "| 16 | 900 | 990 | 2.00 ms | 0.0 | 16.8 min |" in lines
    assert lines[-2:] == ["| 1 | 1,000 | 10.4 s | 10.2 s | 0.0 |", "| 16 | 10,000 | 11.0 s | 10.1 s | 0.0 |"]


@pytest.mark.parametrize("numbers", ["1", "5,", "five", "-3"])
def test_a_number_of_labs_that_is_none_is_refused(numbers: str) -> None:
    result = CliRunner().invoke(cli, ["--hub", numbers])

    assert result.exit_code == 2
    assert "such as 5,10" in result.output
