"""``labkit class summary``."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from labkit.cli.main import cli
from labkit.errors import InvalidValueError
from labkit.teaching.progress_file import ProgressFile
from labkit.teaching.summary_line import summary_line
from labkit.workspace import Workspace


def run(*arguments: str, text: str = "") -> Result:
    return CliRunner().invoke(cli, ["class", "summary", *arguments], input=text)


def line(folder: Path) -> str:
    progress = ProgressFile(Workspace(folder))
    progress.note_check("01.1", passed=True)
    return summary_line(progress.read())


def test_lines_from_standard_input_as_table_json_and_plot(tmp_path: Path) -> None:
    text, picture = f"Ada: {line(tmp_path)}\n", tmp_path / "class.svg"

    assert "01.1  1/1" in run("-", text=text).output
    document = json.loads(run("-", "--json", "--plot", str(picture), text=text).output)
    assert document["learners"] == [{"name": "Ada", "passed": 1}]
    assert document["rows"][0]["id"] == "01.1"
    assert picture.read_text().startswith("<?xml")


def test_a_line_that_is_not_complete_is_an_error_of_the_lab(tmp_path: Path) -> None:
    result = run("-", text=f"Ada: {line(tmp_path)[:-1]}\n")

    assert isinstance(result.exception, InvalidValueError)
    assert "line 1" in str(result.exception)
