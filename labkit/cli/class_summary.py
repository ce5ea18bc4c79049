"""``labkit class``: what a class has done, for its instructor."""

from __future__ import annotations

from pathlib import Path

import click

from labkit.cli.attached import json_option, show_json
from labkit.errors import InvalidValueError, WorkspaceError

_LARGEST_BYTES = 5_000_000


@click.group("class")
def class_() -> None:
    """Put together what the learners of a class have done."""


@class_.command("summary")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also draw it into this file: .png, .svg or .pdf.",
)
@json_option
def class_summary(files: tuple[Path, ...], picture: Path | None, as_json: bool) -> None:
    """Show how many learners passed each exercise, and where they are stuck.

    FILES hold what learners gave you: lines of lab.progress().summary, each
    with the learner's name before it, in a text file (- is standard input); or
    a file of lab.progress().export() for each learner, named after them.

    A line is such as: Ada: labkit-progress v1 01.1:p1h0 01.q1:w2a #5f3a9c01.
    The exercise 01.1 is passed (t: only tried) after one try, without a hint;
    the first answer to question 01.q1 was a, which is wrong.
    """
    from labkit.teaching.class_summary import ClassSummary, read_learners

    learners = [each for file in files for each in read_learners(_text(file), file.name)]
    summary = ClassSummary.of(learners)
    if picture is not None:
        if picture.suffix not in (".png", ".svg", ".pdf"):
            raise InvalidValueError(
                "the plot's kind is not known", expected=".png, .svg or .pdf", seen=picture.name
            )
        try:
            summary.figure().savefig(picture)
        except OSError as error:
            raise WorkspaceError(
                "the plot can't be written",
                expected="a file in a folder that you can write to",
                seen=f"{error.strerror}: {picture}",
            ) from error
    if as_json:
        show_json(summary.to_json())
    else:
        click.echo(summary.text())


def _text(file: Path) -> str:
    try:
        with click.open_file(str(file), encoding="utf-8-sig", errors="replace") as stream:
            text: str = stream.read(_LARGEST_BYTES)
            return text
    except OSError as error:
        raise WorkspaceError(
            f"{file} can't be read",
            expected="a file with learners' lines, or an exported progress",
            seen=str(error.strerror),
        ) from error
