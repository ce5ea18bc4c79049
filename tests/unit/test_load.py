"""Random traffic, queueing theory, and measured runs drawn over it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from statistics import fmean

import pytest
from call_events import BEGIN, async_run, measured

from labkit.lab.measure import RunSpec
from labkit.views.load import RunLoad, burst_seconds, mean_wait
from labkit.views.measurement import Measurement
from labkit.views.plots import plot_queue_depth, plot_rounds, plot_waiting
from labkit.views.traffic import Traffic
from labkit_services.contract.errors import InvalidValueError


@pytest.fixture(scope="module")
def ten() -> Measurement:
    return measured("async", async_run(10, 1))


def test_the_same_seed_gives_the_same_traffic() -> None:
    traffic = Traffic.poisson(20, 0.05, 80, seed=6)

    assert traffic == Traffic.poisson(20, 0.05, 80, seed=6)
    assert traffic.arrivals != Traffic.poisson(20, 0.05, 80, seed=7).arrivals
    assert list(traffic.arrivals) == sorted(traffic.arrivals)
    assert len(traffic) == 80
    assert float(traffic.body(3)) == pytest.approx(traffic.works[3], abs=1e-4)


def test_traffic_has_its_rate_and_its_work_on_average() -> None:
    traffic = Traffic.poisson(20, 0.05, 10_000, seed=6)

    assert len(traffic) / traffic.arrivals[-1] == pytest.approx(20, rel=0.05)
    assert fmean(traffic.works) == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize(("rate", "work", "calls"), [(0, 1, 1), (1, -1, 1), (1, 1, 0), (math.nan, 1, 1)])
def test_impossible_traffic_is_rejected(rate: float, work: float, calls: int) -> None:
    with pytest.raises(InvalidValueError):
        Traffic.poisson(rate, work, calls, seed=1)


def test_traffic_is_for_asynchronous_runs() -> None:
    traffic = Traffic.poisson(1, 1, 2, seed=1)

    with pytest.raises(InvalidValueError, match="does not wait"):
        RunSpec("f", 2, "sync", b"", wait=True, timeout=1, traffic=traffic)


@pytest.mark.parametrize(
    ("calls", "slots", "seconds"), [(12, 1, 3.6), (12, 4, 0.9), (12, 5, 0.9), (12, 12, 0.3), (100, 5, 6)]
)
def test_a_burst_takes_its_rounds(calls: int, slots: int, seconds: float) -> None:
    assert burst_seconds(calls, slots, 0.3) == pytest.approx(seconds)


def test_the_wait_is_that_of_the_textbooks() -> None:
    # M/M/1: rho / (1 - rho) * s. M/M/2: rho**2 / (1 - rho**2) * s.
    assert mean_wait(0.5, 1, 1) == pytest.approx(1)
    assert mean_wait(0.9, 1, 1) == pytest.approx(9)
    assert mean_wait(0.5, 2, 1) == pytest.approx(1 / 3)
    assert mean_wait(0.0, 3, 1) == 0
    assert mean_wait(1.0, 1, 1) == mean_wait(1.5, 4, 1) == math.inf


def simulated_wait(traffic: Traffic, slots: int) -> float:
    """Return the mean wait of traffic in a queue in order of arrival."""
    free = [0.0] * slots
    waits = []
    for arrival, work in zip(traffic.arrivals, traffic.works, strict=True):
        slot = min(range(slots), key=free.__getitem__)
        begun = max(arrival, free[slot])
        waits.append(begun - arrival)
        free[slot] = begun + work
    return fmean(waits)


def test_the_wait_is_that_of_a_simulated_queue() -> None:
    traffic = Traffic.poisson(30, 0.1, 10_000, seed=2)

    assert simulated_wait(traffic, 4) == pytest.approx(mean_wait(0.75, 4, 0.1), rel=0.15)


def test_twice_the_traffic_waits_more_than_twice_as_long_with_almost_every_seed() -> None:
    factors = []
    for seed in range(1000):
        calm, busy = (Traffic.poisson(rate, 0.04, 60, seed) for rate in (10, 20))
        assert calm.works == busy.works
        assert calm.arrivals == pytest.approx([2 * arrival for arrival in busy.arrivals])
        factors.append(simulated_wait(busy, 1) / simulated_wait(calm, 1))

    assert min(factors) > 1
    assert 975 <= sum(factor > 2 for factor in factors) <= 990
    assert sum(factor > 3.5 for factor in factors) > 500


def test_few_seeds_have_averages_as_close_as_the_one_of_notebook_6() -> None:
    def error(seed: int) -> float:
        traffic = Traffic.poisson(10, 0.04, 60, seed)
        rate = len(traffic) / traffic.arrivals[-1]
        return max(abs(rate / 10 - 1), abs(fmean(traffic.works) / 0.04 - 1))

    assert error(35) < 0.05
    assert sum(error(seed) > error(35) for seed in range(1000)) > 900


def test_the_load_of_a_run(ten: Measurement) -> None:
    load = RunLoad.of(ten, 2)

    assert load.work == pytest.approx(1, abs=0.05)
    assert load.wait == pytest.approx(4.5, abs=0.2)
    assert load.utilisation == pytest.approx(load.rate * load.work / 2)
    assert "no limit" in repr(load)  # all of them came at once
    assert "utilisation" in load._repr_html_()


def test_a_load_speaks_the_notebook_s_language(ten: Measurement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_LANG", "zh")
    said = repr(RunLoad.of(ten, 1))

    assert "没有上限" in said
    assert not re.search(r"[a-z]{2,}", said), said


def test_the_load_of_a_run_without_calls_is_nothing() -> None:
    load = RunLoad.of(Measurement("f", "async", (), BEGIN, BEGIN), 1)

    assert (load.rate, load.work, load.wait, load.expected_wait) == (0, 0, 0, 0)


def test_bursts_are_points_over_the_formula(ten: Measurement) -> None:
    picture = plot_rounds({1: ten})
    theory, points = picture.figure.axes[0].lines

    assert list(points.get_ydata()) == [ten.drained_after]
    assert list(theory.get_ydata()) == [pytest.approx(10 * (ten.per_call or 0))]
    assert "1: 10.2 s" in picture.alt


def test_bursts_of_different_sizes_are_rejected(ten: Measurement) -> None:
    with pytest.raises(InvalidValueError, match="number of calls"):
        plot_rounds({1: ten, 2: measured("async", async_run(4, 1))})


def test_waits_are_points_over_a_curve_for_each_number_of_slots(ten: Measurement, tmp_path: Path) -> None:
    picture = plot_waiting({1: [ten], 2: [ten, ten]})
    keys = [text.get_text() for text in picture.figure.legends[0].get_texts()]

    assert set(keys) == {"M/M/1", "measured, k = 1", "M/M/2", "measured, k = 2"}
    assert picture.alt.count("2 at once") == 2
    picture.save(tmp_path / "waits.png", theme="dark")


@pytest.mark.parametrize("draw", [plot_rounds, plot_waiting])
def test_nothing_to_draw_is_rejected(draw: object) -> None:
    with pytest.raises(InvalidValueError, match="nothing to plot"):
        draw({})  # type: ignore[operator]


def test_little_s_law_is_a_line_over_the_queue(ten: Measurement) -> None:
    picture = plot_queue_depth(ten, 4.5)

    assert [4.5, 4.5] in [list(line.get_ydata()) for line in picture.figure.axes[0].lines]
    assert "4.5 in the queue on average by Little's law" in picture.alt
    assert "Little" not in plot_queue_depth(ten).alt
