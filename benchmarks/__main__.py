"""``python -m benchmarks``, which is what ``make bench`` runs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from benchmarks import machine, report
from benchmarks.groups import Pace
from benchmarks.rows import ROWS, select
from benchmarks.run import Results, measure
from benchmarks.scratch import scratch
from labkit_services.contract.errors import LabError

T = TypeVar("T")

RESULTS = Path(__file__).with_name("results")
_FULL = Pace(rounds=5, seconds=2.0)
_QUICK = Pace(rounds=3, seconds=1.0)
_NAMES = ", ".join(row.name for row in ROWS)


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog=f"The rows: {_NAMES}.")
@click.option(
    "--only", default="", metavar="NAMES", help="Rows that begin with these words, separated by commas."
)
@click.option("--quick", is_flag=True, help=f"{_QUICK.rounds} short rounds instead of {_FULL.rounds}.")
@click.option("--rounds", type=click.IntRange(min=1), help="How often each row has its turn.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write speed.json, speed.md and speed.png there. A full run writes to benchmarks/results.",
)
@click.option(
    "--readme",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Put the table into this file, between its marks.",
)
@click.option(
    "--past", type=click.IntRange(min=1001), help="Instead: does cost grow with so many calls of the past?"
)
def cli(
    only: str, quick: bool, rounds: int | None, out: Path | None, readme: Path | None, past: int | None
) -> None:
    """Measure the lab's paths, each next to its floor, and print the table.

    A full run takes about five minutes.
    """
    if past:
        from benchmarks import past as of_the_past

        grown = _until_told(of_the_past.measure(past, _progress))
        click.echo(of_the_past.table(grown, past))
        return
    if readme:
        if quick or only:
            raise click.UsageError("--readme is for the whole table: leave out --quick and --only")
        report.around_marks(readme)  # now, rather than after the measuring
    rows = select(word.strip() for word in only.split(",") if word.strip())
    pace = _QUICK if quick else _FULL
    if rounds:
        pace = Pace(rounds, pace.seconds)
    facts = {**machine.facts(), "rounds": pace.rounds, "load_before": machine.load_average()}
    date = time.strftime("%Y-%m-%d %H:%M %Z")
    began = time.monotonic()
    measured = _until_told(measure(rows, pace, _progress))
    facts["load_after"] = machine.load_average()
    results = report.results_of(rows, measured)
    click.echo(report.terminal_table(results))
    if lines := report.cpu_lines(results):
        click.echo("\n".join(["", "CPU that one call takes, by process:", *lines]))
    click.echo(_explanation(facts, date, time.monotonic() - began))
    if out is None and not quick and rows == ROWS:
        out = RESULTS
    if out is not None:
        _write(out, results, measured, facts, date)
    if readme is not None:
        report.put_into(readme, report.markdown(results, facts, date, "benchmarks/results/speed.png"))


def _explanation(facts: dict[str, Any], date: str, seconds: float) -> str:
    return (
        f"\nCost: the path over its floor, round by round, median of {facts['rounds']}; to be compared with "
        "the real OpenFaaS's\nover its own floors (last column). "
        f"{date}, {facts['cores']} cores ({facts['cpu']}),\nload average {facts['load_before']} before and "
        f"{facts['load_after']} after, load from {facts['load_generator']}; this took {seconds:.0f} s."
    )


def _write(
    out: Path, results: list[report.Result], measured: Results, facts: dict[str, Any], date: str
) -> None:
    from benchmarks import plot

    out.mkdir(parents=True, exist_ok=True)
    record = {
        "date": date,
        "machine": facts,
        "rows": [result.to_json() for result in results],
        "rounds": measured,
    }
    (out / "speed.json").write_text(json.dumps(record, indent=1) + "\n")
    (out / "speed.md").write_text(report.markdown(results, facts, date, "speed.png") + "\n")
    title = f"labkit, {facts['cores']} cores, {date}"
    plot.draw(results, title, out / "speed.png")
    click.echo(f"written: {out}/speed.json, speed.md, speed.png", err=True)


def _progress(text: str) -> None:
    """Say what is being done: on one line of a terminal, else on a line each."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", nl=False, err=True)
    else:
        click.echo(text, err=True)


def _until_told(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work``; Ctrl-C and SIGTERM end it and all that it has started."""

    async def live() -> T:
        task = asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await task

    with _compiled():
        try:
            return asyncio.run(live())
        except asyncio.CancelledError:
            click.echo("\nended early; nothing is left running", err=True)
            raise SystemExit(130) from None
        finally:
            _progress("")


@contextmanager
def _compiled() -> Iterator[None]:
    """Have what is started run from compiled bytecode, as an installed lab does, wherever it may be kept."""
    before = dict(os.environ)
    with scratch() as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def main() -> None:
    """Run the command line; an error of the lab is a message, not a traceback."""
    try:
        cli()
    except LabError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
