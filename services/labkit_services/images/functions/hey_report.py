"""The report of hey: numbers of the work-alike in the original's layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_PERCENTILES = (10, 25, 50, 75, 90, 95, 99)
_BUCKETS = 10
_LONGEST_BAR = 40
_PHASES = ("DNS+dialup", "DNS-lookup", "req write", "resp wait", "resp read")


class Timing(NamedTuple):
    """One response; times in seconds, those of ``phases`` as in _PHASES."""

    status: int
    size: int
    seconds: float
    phases: tuple[float, ...]


def csv(timings: Sequence[Timing]) -> str:
    """Return a line for each response."""
    lines = ["response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read"]
    lines += [",".join(f"{value:.4f}" for value in (each.seconds, *each.phases)) for each in timings]
    return "\n".join(lines) + "\n"


def summary(timings: Sequence[Timing], errors: Mapping[str, int], seconds: float) -> str:
    """Return the report; without any response, only the errors."""
    lines = [""]
    if timings:
        lines += [*_summary(timings, len(timings) + sum(errors.values()), seconds), ""]
        sorted_seconds = sorted(each.seconds for each in timings)
        lines += ["Response time histogram:", *_histogram(sorted_seconds), "", ""]
        lines += ["Latency distribution:", *_percentiles(sorted_seconds), ""]
        lines += ["Details (average, fastest, slowest):", *_details(timings), ""]
        codes = sorted(Counter(each.status for each in timings).items())
        lines += [
            "Status code distribution:",
            *(f"  [{code}]\t{count} responses" for code, count in codes),
            "",
        ]
    if errors:
        lines += ["Error distribution:", *(f"  [{count}]\t{text}" for text, count in errors.items())]
    return "\n".join([*lines, "", ""])


def _summary(timings: Sequence[Timing], count: int, seconds: float) -> list[str]:
    times, size = [each.seconds for each in timings], sum(each.size for each in timings)
    lines = [
        "Summary:",
        f"  Total:\t{seconds:.4f} secs",
        f"  Slowest:\t{max(times):.4f} secs",
        f"  Fastest:\t{min(times):.4f} secs",
        f"  Average:\t{sum(times) / len(times):.4f} secs",
        f"  Requests/sec:\t{count / seconds:.4f}",
        "  ",
    ]
    if size:
        lines += [f"  Total data:\t{size} bytes", f"  Size/request:\t{size // len(timings)} bytes"]
    return lines


def _histogram(times: Sequence[float]) -> list[str]:
    """Return eleven marks from fastest to slowest, with what is up to each."""
    fastest, slowest = times[0], times[-1]
    marks = [fastest + (slowest - fastest) / _BUCKETS * step for step in range(_BUCKETS)] + [slowest]
    counts = [0] * len(marks)
    for each in times:
        counts[next(index for index, mark in enumerate(marks) if each <= mark)] += 1
    most = max(counts)
    return [
        f"  {mark:.3f} [{count}]\t|{'■' * ((count * _LONGEST_BAR + most // 2) // most)}"
        for mark, count in zip(marks, counts, strict=True)
    ]


def _percentiles(times: Sequence[float]) -> list[str]:
    """Return the percentiles; like hey, at most one for each response."""
    lines: list[str] = []
    for index, each in enumerate(times):
        if len(lines) < len(_PERCENTILES) and index * 100 // len(times) >= _PERCENTILES[len(lines)]:
            lines.append(f"  {_PERCENTILES[len(lines)]}% in {each:.4f} secs")
    return lines


def _details(timings: Sequence[Timing]) -> list[str]:
    lines = []
    for index, phase in enumerate(_PHASES):
        times = [each.phases[index] for each in timings]
        average = sum(times) / len(times)
        lines.append(f"  {phase}:\t{average:.4f} secs, {min(times):.4f} secs, {max(times):.4f} secs")
    return lines
