"""Each command of the lab text is in a cell of a notebook, verbatim."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from lab_text import BANNER, SHELL_BLOCKS

FOLDER = Path(__file__).parents[2] / "notebooks"
COURSES = sorted(path for path in FOLDER.iterdir() if any(path.glob("*.ipynb")))

of_each_course = pytest.mark.parametrize("course", COURSES, ids=lambda path: str(path.name))


def code_cells(course: Path) -> list[str]:
    """Return the code cells of a course, without magics and `!`."""
    found = []
    for path in sorted(course.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                source = "".join(cell["source"])
                found.append(re.sub(r"^(%%.*\n|!)", "", source, flags=re.MULTILINE))
    return found


def as_the_learner_types_it(block: str, cells: list[str]) -> str:
    """Replace the placeholders of the lab text: user name, bin address."""
    block = block.replace("<your-docker-username-here>", "me")
    # Only the host differs: {forms.url} is http://HOST/r/1i7i1we1.
    if any('forms = lab.bin("1i7i1we1")' in cell for cell in cells):
        block = block.replace("http://requestbin.com/r/1i7i1we1", "{forms.url}")
    return block.rstrip("\n")


@of_each_course
@pytest.mark.parametrize("name", SHELL_BLOCKS)
def test_a_code_cell_runs_the_shell_block(course: Path, name: str) -> None:
    cells = code_cells(course)
    block = as_the_learner_types_it(SHELL_BLOCKS[name], cells)

    assert any(f"\n{block}\n" in f"\n{cell}\n" for cell in cells), f"in no cell of {course.name}: {block}"


@of_each_course
def test_a_cell_changes_the_process_to_sleep_1(course: Path) -> None:
    """The only step of the lab text that edits a file."""
    assert any("Dockerfile" in cell and 'fprocess="sleep 1"' in cell for cell in code_cells(course))


@of_each_course
def test_the_callback_is_compared_with_the_banner_of_the_lab_text(course: Path) -> None:
    """The notebook compares, so it fails under nbval, and for a learner."""
    listed = "\n".join(f'    r"{line}",' for line in BANNER)

    assert any(f"as_printed = [\n{listed}\n]" in cell and "assert " in cell for cell in code_cells(course))
