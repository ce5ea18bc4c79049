"""The pure parts of the benchmarks: statistics, wrk's output, the table, the declared rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as program
from benchmarks import report
from benchmarks.event_log import finished_calls
from benchmarks.figures import CPU, BenchmarkError, Figures, Spread, Unit, cost, percentile, sum_of, verdict
from benchmarks.groups import GROUPS
from benchmarks.growth import Bound, Growth, table
from benchmarks.load import parse_wrk
from benchmarks.rows import ROWS, Baseline, Row, select
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
    (Baseline("bare", ("bare",)), Baseline("bare + null", ("bare", "null"))),
    Unit.MILLISECONDS,
    also=Unit.PER_SECOND,
    goal=1.5,
    real="1.25 ms",
    real_cost=1.29,
)
FACTS = {
    "cores": 2,
    "cpu": "a processor",
    "system": "Linux",
    "python": "3.12",
    "nats_server": "2.12",
    "load_generator": "wrk",
    "date": "2026-11-24",
    "commit": "abc",
    "rounds": 3,
    "load_before": 0.1,
    "load_after": 1.5,
}
BEFORE = report.EarlierCosts("def", {("fork", "bare"): 1.38})
RECORDED = program.BEFORE


def measured() -> dict[str, list[Figures]]:
    """Return three rounds; the machine was busy in the second."""
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
def test_a_figure_is_formatted_with_its_significant_digits(unit: Unit, value: float, text: str) -> None:
    assert unit.format(value) == text


def test_a_spread_shows_its_unit_once() -> None:
    assert Spread(1.0, 0.9, 1.2).format(Unit.MILLISECONDS) == "1.00 ms (0.90-1.20)"
    assert Spread(1440, 1300, 1500).format(Unit.PER_SECOND) == "1,440/s (1,300-1,500)"


def test_a_cost_is_a_ratio_within_each_round() -> None:
    # The busy second round slows down both, and their ratio stays.
    assert cost([1.2, 4.8, 1.4], [1.0, 4.0, 1.0], Unit.MILLISECONDS) == Spread(1.2, 1.2, 1.4)


def test_the_cost_of_a_rate_is_the_cost_per_call() -> None:
    assert cost([500.0], [1000.0], Unit.PER_SECOND).median == 2.0


def test_two_baselines_in_sequence_add_up() -> None:
    assert sum_of([1.0], [0.5], Unit.MILLISECONDS) == [1.5]
    assert sum_of([1000.0], [1000.0], Unit.PER_SECOND) == [500.0]


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
def test_a_verdict_shows_by_how_much_a_goal_is_missed(
    measured: float, goal: float, unit: Unit, text: str
) -> None:
    assert verdict(measured, goal, unit) == text


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([3.0, 1.0, 2.0], 0.0) == 1.0


# -- load


def test_parsing_the_output_of_wrk() -> None:
    assert parse_wrk(WRK) == {"requests": 1234, "per_second": 617.15, "ms": 0.632, "p99_ms": 1200.0}


@pytest.mark.parametrize(
    "problem",
    ["  Non-2xx or 3xx responses: 7\n", "  Socket errors: connect 0, read 3, write 0, timeout 0\n"],
)
def test_refused_calls_are_an_error(problem: str) -> None:
    with pytest.raises(BenchmarkError, match="some calls failed"):
        parse_wrk(WRK + problem)


@pytest.mark.parametrize("text", ["", "unable to connect", WRK.replace("1234 requests", "0 requests")])
def test_other_output_is_an_error(text: str) -> None:
    with pytest.raises(BenchmarkError, match="not an output of wrk"):
        parse_wrk(text)


# -- rows


def test_every_row_has_a_unique_name_a_group_and_baselines() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.group in GROUPS and row.baselines for row in ROWS)


def test_a_row_with_a_goal_has_a_figure_of_the_real_openfaas() -> None:
    of_labkit_alone = {"first-cell"}

    assert all(row.real != "-" for row in ROWS if row.goal and row.name not in of_labkit_alone)


def test_rows_are_selected_by_prefix() -> None:
    assert [row.name for row in select(["drain", "sync-1"])] == ["sync-1", "drain-1", "drain-10", "drain-100"]
    assert [row.name for row in select(["drain-1"])] == ["drain-1"]
    assert select([]) == ROWS


def test_a_prefix_without_a_row_is_named_in_the_error() -> None:
    with pytest.raises(BenchmarkError, match="no row 'drian'"):
        select(["drian"])


# -- report


def test_a_row_shows_its_cost_over_each_baseline() -> None:
    (result,) = report.results_of([ROW], measured())

    first, second = report.cells(result, BEFORE)

    assert first == (
        "fork",
        "1.25 ms",
        "1.40 ms (1.20-4.80), 714/s",
        "≤ 1.50 ms",
        "met",
        "bare 1.00 ms",
        "1.38 → 1.20 x",
        "1.29 x",
    )
    assert second == ("", "", "", "", "", "bare + null 1.50 ms", "- → 0.93 x", "")


def test_the_costs_before_are_those_of_a_recorded_run() -> None:
    recorded = json.loads(RECORDED.read_text())

    before = report.EarlierCosts.of(recorded)

    (row,) = select(["accept-32"])
    (found,) = [each for each in recorded["rows"] if each["row"]["name"] == row.name]
    assert before.shown(row, "publish-ack", 2) == f"{found['baselines'][1]['cost']['median']:.2f}"
    assert before.heading == f"{recorded['facts']['commit']} → now"


def test_a_run_prints_the_costs_before_beside_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def measure(*_: object) -> dict[str, list[Figures]]:
        return {f"scaling/{probe}": [{"ms": 20.0, "megabytes": 5.0}] * 3 for probe in ("replica", "python")}

    monkeypatch.setattr(program, "measure", measure)

    shown = CliRunner().invoke(program.cli, ["--only", "replica-start"]).output

    (row,) = select(["replica-start"])
    before = report.EarlierCosts.of(json.loads(RECORDED.read_text()))
    assert f"Cost, {before.heading}" in shown
    assert f"Python alone 20 ms {before.shown(row, 'Python alone', 2)} → 1.00 x" in " ".join(shown.split())


def test_the_terminal_table_is_aligned() -> None:
    heading, _, first, second = report.terminal_table(
        report.results_of([ROW], measured()), BEFORE
    ).splitlines()

    assert heading.index("Baselines") == first.index("bare 1.00 ms") == second.index("bare + null")


def test_the_markdown_table_has_a_line_for_each_row() -> None:
    heading, rule, line = report.markdown_table(report.results_of([ROW], measured()), BEFORE).splitlines()

    assert heading.count("|") == rule.count("|") == line.count("|")
    assert "Cost over baselines, def → now" in heading
    assert "**1.40 ms** (1.20-4.80), 714/s" in line
    assert "1.38 → 1.20 x bare 1.00 ms<br>- → 0.93 x bare + null 1.50 ms" in line


def test_cpu_per_call_lists_the_busiest_process_first() -> None:
    rounds = measured()
    rounds["forking/path"] = [
        figures | {CPU + "gateway": used, CPU + "nats-server": 900.0, CPU + "supervisor": 0.2}
        for figures, used in zip(rounds["forking/path"], (100.0, 900.0, 200.0), strict=True)
    ]

    assert report.cpu_lines(report.results_of([ROW], rounds)) == [
        "fork: 1,100 µs (nats-server 900, gateway 200)"
    ]
    assert report.cpu_lines(report.results_of([ROW], measured())) == []


def test_a_page_changes_only_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    section = report.markdown(report.results_of([ROW], measured()), FACTS, BEFORE)

    report.replace_section(page, section)
    report.replace_section(page, section)

    assert page.read_text() == f"before\n{section}\nafter\n"
    assert "1 of 1 goals met" in section


def test_a_page_without_marks_stays_unchanged(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")

    with pytest.raises(BenchmarkError, match="no place for the table"):
        report.replace_section(page, "table")

    assert page.read_text() == "nothing"


def test_the_readme_shows_some_rows() -> None:
    results = report.results_of([ROW, replace(ROW, name="other", title="other")], measured())

    section = report.short_markdown(results, FACTS, ["other"])

    assert "| other | 1.25 ms | 1.40 ms (1.20-4.80), 714/s |" in section
    assert "| fork |" not in section
    assert "commit abc" in section


# -- data volume


def test_published_events_reduce_to_finished_calls() -> None:
    log = CallLog()

    for service, rows in finished_calls(["one", "two"], 10**18).items():
        for event in decode_batch(encode_batch(service, service, rows)):
            log.apply(event)

    assert [call.state for call in log.calls] == [CallState.DONE] * 2
    assert all(call.is_settled and call.ran for call in log.calls)


def test_growing_costs_are_named() -> None:
    text = table(
        [Growth("a, ms", 1.0, 1.1), Growth("b, ms", 1.0, 4.0), Growth("c, ms", 1.0, None)], 1_000, 1_000_000
    )

    _, flat, grows, failed = text.splitlines()
    assert flat.endswith("flat")
    assert grows.split()[-3:] == ["4.00", "x", "GROWS"]
    assert failed.endswith("FAILED")


def test_a_bound_that_is_not_kept_or_not_measured_is_broken() -> None:
    memory, flat = Bound(most=60.0), Bound(ratio=1.2)
    rows = [
        Growth("kept, MB", 20.0, 60.0, memory),
        Growth("too much, MB", 20.0, 61.0, memory),
        Growth("not measured, MB", 20.0, None, memory),
        Growth("kept, ms", 5.0, 6.0, flat),
        Growth("grows, ms", 5.0, 6.1, flat),
        Growth("no first value, ms", None, 6.0, flat),
    ]

    assert [row.is_broken for row in rows] == [False, True, True, False, True, True]
    assert [row.verdict for row in rows] == ["met", "BROKEN", "FAILED", "met", "BROKEN", "BROKEN"]
    assert table(rows, 1_000, 1_000_000).splitlines()[1].split()[-4:] == ["at", "most", "60", "met"]
