"""The growth check distinguishes growth from noise."""

from __future__ import annotations

import random

from tests.chaos.growth import MIB, Sample, growths, trend


def samples(slope: float) -> list[Sample]:
    """Return ten minutes of memory that grows by ``slope``, with noise."""
    rng = random.Random(1)
    return [
        Sample(at, "memory", "gateway", 40 * MIB + slope * at + rng.uniform(-MIB, MIB))
        for at in range(0, 600, 5)
    ]


def test_the_trend_of_a_line_is_its_slope() -> None:
    assert trend([(0, 1), (1, 3), (2, 5)]) == 2
    assert trend([(0, 1)]) == trend([]) == trend([(1, 1), (1, 2)]) == 0


def test_a_constant_value_is_bounded() -> None:
    assert [growth.is_bounded for growth in growths(samples(0), 600)] == [True]


def test_steady_growth_is_not_bounded() -> None:
    [growth] = growths(samples(0.2 * MIB), 600)
    assert not growth.is_bounded
    assert 55 * MIB < growth.added < 65 * MIB
    assert str(growth).startswith("gateway: memory ")


def test_only_the_second_half_counts() -> None:
    early = [Sample(at, "files", "", min(at, 300)) for at in range(0, 600, 5)]
    [growth] = growths(early, 600)
    assert growth.added == 0


def test_the_memory_of_a_restarted_service_is_bounded() -> None:
    restarted = [Sample(at, "memory", "inspector", min(100, 1 + at % 110) * MIB) for at in range(0, 600, 5)]
    assert [growth.is_bounded for growth in growths(restarted, 600)] == [True]


def bursts(leak: float) -> list[Sample]:
    """Return ten minutes of open files with bursts, and a leak a second."""
    rng = random.Random(2)
    return [
        Sample(
            at,
            "open files",
            "queue-worker",
            28 + leak * at + (rng.random() < 0.1) * rng.randint(0, 130) * at / 600,
        )
        for at in range(0, 600, 5)
    ]


def test_a_burst_of_connections_is_bounded_and_a_leak_is_not() -> None:
    assert [growth.is_bounded for growth in growths(bursts(0), 600)] == [True]
    assert [growth.is_bounded for growth in growths(bursts(0.5), 600)] == [False]
