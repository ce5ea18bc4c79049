"""``python -m benchmarks``, which ``make bench`` runs."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

from benchmarks import backlog, hub, load, report
from benchmarks.groups import Pace, Results, measure
from benchmarks.growth import table as growth_table
from benchmarks.programs import scratch_folder
from benchmarks.rows import ROWS, select
from benchmarks.volume import SMALL
from benchmarks.volume import measure as measure_volume
from benchmarks.workers import measure as measure_workers
from benchmarks.workers import table as worker_table
from labkit.supervisor.nats_server import find_nats_server
from labkit_services.contract.errors import LabError

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/speed.json"
BEFORE = ROOT / "benchmarks/results/before.json"
"""The earlier results that new costs are shown beside: a copy of RESULTS, made
when a round of work on the speed begins."""
README_ROWS = ("sync-32", "accept-32", "drain-10")
_FULL = Pace(rounds=5, seconds=2.0)
_QUICK = Pace(rounds=3, seconds=1.0)
_NAMES = ", ".join(row.name for row in ROWS)


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog=f"The rows: {_NAMES}.")
@click.option("--only", default="", metavar="NAMES", help="Rows with these prefixes, comma-separated.")
@click.option("--quick", is_flag=True, help=f"{_QUICK.rounds} short rounds instead of {_FULL.rounds}.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.option("--docs", is_flag=True, help="Write the table into docs/speed.md and README.md.")
@click.option(
    "--volume",
    type=click.IntRange(min=1001),
    help="Instead: cost after this many calls; exit code 1 if a bound does not hold.",
)
@click.option("--workers", is_flag=True, help="Instead: throughput with 1, 2 and 4 queue-workers.")
@click.option(
    "--hub",
    "labs",
    metavar="N,N",
    help="Instead: memory, CPU and start of so many labs at once, such as 10,30.",
)
@click.option(
    "--backlog", "calls", type=click.IntRange(min=backlog.FEWEST), help="Instead: a queue of so many calls."
)
def cli(only: str, quick: bool, as_json: bool, docs: bool, volume: int | None, **instead: Any) -> None:
    """Measure the lab's paths, each next to its baseline, and print the table.

    A full run takes about five minutes.
    """
    if instead["workers"]:
        click.echo(worker_table(*measure_workers(_progress)))
        return
    if instead["labs"]:
        click.echo(hub.table(*_run(hub.measure(_numbers(instead["labs"]), _progress))))
        return
    if instead["calls"]:
        click.echo(backlog.table(*_run(backlog.measure(instead["calls"], _progress))))
        return
    if volume:
        growth = _run(measure_volume(volume, _progress))
        click.echo(growth_table(growth, SMALL, volume))
        if broken := [row.what for row in growth if row.is_broken]:
            raise SystemExit("Bounds that do not hold: " + "; ".join(broken))
        return
    if docs:
        _check_docs(whole=not (quick or only))
    before = report.EarlierCosts.of(json.loads(BEFORE.read_text()))
    rows = select(word.strip() for word in only.split(",") if word.strip())
    pace = _QUICK if quick else _FULL
    facts = {**machine_facts(), "rounds": pace.rounds, "load_before": _load_average()}
    begin = time.monotonic()
    measured = _run(measure(rows, pace, _progress))
    facts |= {"load_after": _load_average(), "seconds": round(time.monotonic() - begin)}
    results = report.results_of(rows, measured)
    if as_json:
        click.echo(_to_json(results, measured, facts))
    else:
        click.echo(report.terminal_table(results, before))
        if lines := report.cpu_lines(results):
            click.echo("\n".join(["", "CPU per call, by process:", *lines]))
        click.echo(_explanation(facts))
    if docs:
        _write_docs(results, measured, facts, before)


def _numbers(text: str) -> list[int]:
    numbers = [int(part) if part.strip().isdecimal() else 0 for part in text.split(",")]
    if min(numbers) < 2:
        raise click.BadParameter(f"expected numbers from 2 on with commas, such as 5,10; got {text!r}")
    return sorted(numbers)


def _explanation(facts: dict[str, Any]) -> str:
    return (
        f"\nCost: the path over its baseline, round by round, median of {facts['rounds']}. The last column\n"
        f"is the real OpenFaaS's cost over its own baselines. {facts['date']}, {facts['cores']} cores\n"
        f"({facts['cpu']}), load average {facts['load_before']} before and {facts['load_after']} after,\n"
        f"load from {facts['load_generator']}; this took {facts['seconds']} s."
    )


def _to_json(results: list[report.Result], measured: Results, facts: dict[str, Any]) -> str:
    rows = [{**asdict(result), "verdict": result.verdict} for result in results]
    document = {"facts": facts, "rows": rows, "rounds": measured}
    return json.dumps(document, indent=1, default=lambda unit: unit.value)


def _check_docs(*, whole: bool) -> None:
    """Fail before measuring if the documents could not be written."""
    if not whole:
        raise click.UsageError("--docs is for the whole table: leave out --quick and --only")
    if _output("git", "-C", str(ROOT), "status", "--porcelain", "--", "labkit", "services", "benchmarks"):
        raise click.UsageError("--docs names the measured commit: commit your changes first")
    for page in ("docs/speed.md", "README.md"):
        report.around_marks(ROOT / page)


def _write_docs(
    results: list[report.Result], measured: Results, facts: dict[str, Any], before: report.EarlierCosts
) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(_to_json(results, measured, facts) + "\n")
    report.replace_section(ROOT / "docs/speed.md", report.markdown(results, facts, before))
    report.replace_section(ROOT / "README.md", report.short_markdown(results, facts, README_ROWS))
    click.echo("written: benchmarks/results/speed.json, docs/speed.md, README.md", err=True)


# -- the machine


def machine_facts() -> dict[str, Any]:
    """Return machine, system and versions."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M %Z"),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "nats_server": _output(find_nats_server(os.environ), "--version").rpartition("v")[2],
        "load_generator": load.generator(),
        "commit": _output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
    }


def _load_average() -> float:
    return round(os.getloadavg()[0], 1)


def _cpu() -> str:
    try:
        models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        models = []
    return models[0] if models else platform.machine()


def _output(*command: str) -> str:
    """Return the first line of a program's output; "" if not installed."""
    if shutil.which(command[0]) is None:
        return ""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    return next(iter((ended.stdout or ended.stderr).splitlines()), "").strip()


# -- the run


def _progress(text: str) -> None:
    """Show progress: on one line of a terminal, else on a line each."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", nl=False, err=True)
    else:
        click.echo(text, err=True)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work``; Ctrl-C and SIGTERM end it and all its processes."""

    async def cancellable() -> T:
        task = asyncio.get_running_loop().create_task(work, name="benchmark")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await task

    with scratch_folder() as bytecode:
        # All processes use compiled bytecode, as an installed lab does.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = bytecode
        try:
            return asyncio.run(cancellable())
        except asyncio.CancelledError:
            click.echo("\ninterrupted; no process is left", err=True)
            raise SystemExit(130) from None


if __name__ == "__main__":
    try:
        cli()
    except LabError as error:
        sys.exit(str(error))
