"""The parts of the benchmarks without I/O: statistics, wrk, table, rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import plot, report
from benchmarks.failure import BenchmarkError
from benchmarks.filling import finished_calls
from benchmarks.groups import GROUPS
from benchmarks.load import LoadReport, parse_wrk
from benchmarks.own_load import answer_end
from benchmarks.past import Grown, table
from benchmarks.rows import ROWS, Floor, Row, select
from benchmarks.statistic import CPU, Figures, Spread, Unit, both, cost, percentile, verdict
from labkit_services.call_record.log import CallLog, CallState
from labkit_services.contract.events import decode_batch, encode_batch

WRK = """Running 2s test @ http://127.0.0.1:8080/function/cat
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.46ms    0.92ms  12.15ms   88.24%
    Req/Sec   412.31     44.92   520.00     80.00%
  Latency Distribution
     50%  632.00us
     75%    2.61ms
     90%    3.27ms
     99%    1.20s
  1234 requests in 2.00s, 159.68KB read
Requests/sec:    617.15
Transfer/sec:     79.86KB
"""

ROW = Row(
    "fork",
    "fork",
    "forking",
    "path",
    (Floor("bare", ("bare",)), Floor("bare + null", ("bare", "null"))),
    Unit.MILLISECONDS,
    also=Unit.PER_SECOND,
    goal=1.5,
    real="1.25 ms",
    real_middle=1.25,
    real_cost=1.29,
)
FACTS = {
    "cores": 2,
    "cpu": "a processor",
    "system": "Linux",
    "python": "3.12",
    "nats_server": "2.12",
    "load_generator": "wrk",
    "commit": "abc",
    "rounds": 3,
    "load_before": 0.1,
    "load_after": 1.5,
}


def measured() -> dict[str, list[Figures]]:
    """Return three rounds; the machine was busy during the second."""
    return {
        "forking/path": [{"ms": ms, "per_second": 1000 / ms} for ms in (1.2, 4.8, 1.4)],
        "forking/bare": [{"ms": 1.0}, {"ms": 4.0}, {"ms": 1.0}],
        "forking/null": [{"ms": 0.5}, {"ms": 0.8}, {"ms": 0.5}],
    }


# -- statistics


def test_a_spread_is_median_smallest_and_largest() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (Unit.MILLISECONDS, 1.061, "1.06 ms"),
        (Unit.MILLISECONDS, 1838.2, "1,838 ms"),
        (Unit.SECONDS, 10.0309, "10.031 s"),
        (Unit.PER_SECOND, 14_987.0, "15,000/s"),
        (Unit.PER_SECOND, 761.4, "761/s"),
        (Unit.MEGABYTES, 13.57, "13.6 MB"),
        (Unit.MEGABYTES, 94.4, "94 MB"),
    ],
)
def test_a_figure_is_shown_with_its_significant_digits(unit: Unit, value: float, text: str) -> None:
    assert unit.say(value) == text


def test_a_spread_is_shown_with_its_unit_once() -> None:
    assert Spread(1.0, 0.9, 1.2).say(Unit.MILLISECONDS) == "1.00 ms (0.90-1.20)"
    assert Spread(1440, 1300, 1500).say(Unit.PER_SECOND) == "1,440/s (1,300-1,500)"


def test_a_cost_is_computed_within_each_round() -> None:
    # The busy second round changes both, but not their ratio.
    assert cost([1.2, 4.8, 1.4], [1.0, 4.0, 1.0], Unit.MILLISECONDS) == Spread(1.2, 1.2, 1.4)


def test_the_cost_of_a_rate_is_that_of_one_call() -> None:
    assert cost([500.0], [1000.0], Unit.PER_SECOND).median == 2.0


def test_two_baselines_in_sequence_add_up() -> None:
    assert both([1.0], [0.5], Unit.MILLISECONDS) == [1.5]
    assert both([1000.0], [1000.0], Unit.PER_SECOND) == [500.0]


@pytest.mark.parametrize(
    ("measured", "goal", "unit", "text"),
    [
        (1.0, 1.0, Unit.MILLISECONDS, "met"),
        (1.25, 1.0, Unit.MILLISECONDS, "25% over"),
        (3.7, 1.0, Unit.MILLISECONDS, "3.7 x the goal"),
        (1800.0, 1500.0, Unit.PER_SECOND, "met"),
        (1350.0, 1500.0, Unit.PER_SECOND, "10% short"),
        (10.053, 10.04, Unit.SECONDS, "13 ms over"),
    ],
)
def test_the_distance_from_a_goal_is_shown(measured: float, goal: float, unit: Unit, text: str) -> None:
    assert verdict(measured, goal, unit) == text


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([3.0, 1.0, 2.0], 0.0) == 1.0


# -- load


def test_the_report_of_wrk_is_parsed() -> None:
    assert parse_wrk(WRK) == LoadReport(requests=1234, per_second=617.15, ms=0.632, p99_ms=1200.0)


@pytest.mark.parametrize(
    "complaint",
    ["  Non-2xx or 3xx responses: 7\n", "  Socket errors: connect 0, read 3, write 0, timeout 0\n"],
)
def test_refused_calls_are_not_counted_as_fast_ones(complaint: str) -> None:
    with pytest.raises(BenchmarkError, match="not every call was answered well"):
        parse_wrk(WRK + complaint)


@pytest.mark.parametrize("text", ["", "unable to connect", WRK.replace("1234 requests", "0 requests")])
def test_other_text_than_a_report_is_an_error(text: str) -> None:
    with pytest.raises(BenchmarkError, match="no report"):
        parse_wrk(text)


def test_a_response_ends_after_its_content_length() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

    assert answer_end(answer[:20]) is None
    assert answer_end(answer[:-1]) is None
    assert answer_end(answer + b"HTTP/1.1") == len(answer)
    assert answer_end(b"HTTP/1.1 202 Accepted\r\n\r\n") == 25


# -- rows


def test_every_row_has_a_unique_name_a_group_and_baselines() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.group in GROUPS and row.floors for row in ROWS)


def test_a_row_with_a_goal_has_a_figure_of_the_real_openfaas() -> None:
    assert all(row.real_middle for row in ROWS if row.goal)


def test_rows_are_selected_by_prefix() -> None:
    assert [row.name for row in select(["drain", "sync-1"])] == ["sync-1", "drain-1", "drain-10", "drain-100"]
    assert [row.name for row in select(["drain-1"])] == ["drain-1"]
    assert select([]) == ROWS


def test_a_prefix_without_a_row_is_named() -> None:
    with pytest.raises(BenchmarkError, match="no row 'drian'"):
        select(["drian"])


# -- report


def test_a_row_is_shown_with_its_baselines_and_its_cost_over_each() -> None:
    (result,) = report.results_of([ROW], measured())

    first, second = report.cells(result)

    assert first == (
        "fork",
        "1.25 ms",
        "1.40 ms (1.20-4.80), 714/s",
        "≤ 1.50 ms",
        "met",
        "bare 1.00 ms",
        "1.20 x",
        "1.29 x",
    )
    assert second == ("", "", "", "", "", "bare + null 1.50 ms", "0.93 x", "")


def test_the_terminal_table_is_aligned() -> None:
    heading, _, first, second = report.terminal_table(report.results_of([ROW], measured())).splitlines()

    assert heading.index("Floors") == first.index("bare 1.00 ms") == second.index("bare + null")


def test_the_markdown_table_has_a_line_for_each_row() -> None:
    heading, rule, line = report.markdown_table(report.results_of([ROW], measured())).splitlines()

    assert heading.count("|") == rule.count("|") == line.count("|")
    assert "**1.40 ms** (1.20-4.80), 714/s" in line
    assert "bare 1.00 ms: 1.20 x<br>bare + null 1.50 ms: 0.93 x" in line


def test_the_cpu_time_of_a_call_is_shown_by_process_the_busiest_first() -> None:
    rounds = measured()
    rounds["forking/path"] = [
        figures | {CPU + "gateway": used, CPU + "nats-server": 900.0, CPU + "supervisor": 0.2}
        for figures, used in zip(rounds["forking/path"], (100.0, 900.0, 200.0), strict=True)
    ]

    assert report.cpu_lines(report.results_of([ROW], rounds)) == [
        "fork: 1,100 µs (nats-server 900, gateway 200)"
    ]
    assert report.cpu_lines(report.results_of([ROW], measured())) == []


def test_the_results_file_has_every_row_as_json() -> None:
    (result,) = report.results_of([ROW], measured())

    record = json.loads(json.dumps(result.to_json()))

    assert record["median"] == 1.4
    assert record["verdict"] == "met"
    assert [floor["label"] for floor in record["floors"]] == ["bare", "bare + null"]


def test_the_readme_is_changed_only_between_its_marks(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    section = report.markdown(report.results_of([ROW], measured()), FACTS, "2026-11-24", "speed.png")

    report.put_into(readme, section)
    report.put_into(readme, section)

    assert readme.read_text() == f"before\n{section}\nafter\n"
    assert "1 of 1 goals met" in section


def test_a_readme_without_marks_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("nothing")

    with pytest.raises(BenchmarkError, match="no place for the table"):
        report.put_into(readme, "table")

    assert readme.read_text() == "nothing"


def test_a_plot_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "speed.png"

    plot.draw(report.results_of([ROW], measured()), "title", path)

    assert path.read_bytes().startswith(b"\x89PNG")


def test_costs_are_drawn_as_multiples_of_the_goal() -> None:
    (result,) = report.results_of([ROW], measured())

    assert plot.share_of_goal(3.0, result) == 2.0


# -- data volume


def test_the_generated_call_log_has_finished_calls() -> None:
    log = CallLog()

    for service, rows in finished_calls(["one", "two"], 10**18).items():
        for event in decode_batch(encode_batch(service, service, rows)):
            log.apply(event)

    assert [call.state for call in log.calls.values()] == [CallState.DONE] * 2
    assert all(call.is_settled and call.ran for call in log.calls.values())


def test_figures_that_grow_with_the_data_volume_are_named() -> None:
    text = table([Grown("a, ms", 1.0, 1.1), Grown("b, ms", 1.0, 4.0), Grown("c, ms", 1.0, None)], 1_000_000)

    _, flat, grows, failed = text.splitlines()
    assert flat.endswith("flat")
    assert grows.split()[-3:] == ["4.00", "x", "GROWS"]
    assert failed.endswith("FAILED")
