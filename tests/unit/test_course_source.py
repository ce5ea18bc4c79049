"""The authored source of the notebooks: marks, solutions, translations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.course.build import Course, file_of, from_notebook
from tools.course.source import SourceError, filled, learners, parse, render, variants

SOURCE = """\
<!-- cell: title -->
# A title

```python
not_a_cell = 1
```

<!-- code: ex1 exercise=01.1 tags=nbval-skip -->
```python
answer = ...
```

<!-- code: ex1-solution solution=01.1 -->
```python
answer = 1
```

<!-- code: ex1-wrong wrong=01.1/too-many -->
```python
answer = 2
```

<!-- code: ex1-check check=01.1 -->
```python
lab.check("01.1")
```

<!-- code: shell -->
```bash
%%bash
echo hello
```
"""


def ids(cells: object) -> list[tuple[str, str]]:
    return [(cell.id, cell.text) for cell in cells]  # type: ignore[attr-defined]


def test_a_source_is_read_and_written_without_loss() -> None:
    assert render(parse(SOURCE, "x")) == SOURCE


def test_the_learner_gets_stubs_and_no_solutions() -> None:
    cells = learners(parse(SOURCE, "x"))

    assert [cell.id for cell in cells] == ["title", "ex1", "ex1-check", "shell"]
    assert "answer = 1" not in file_of(cells)
    document = json.loads(file_of(cells))
    assert document["cells"][1]["metadata"] == {
        "labkit": {"exercise": "01.1"},
        "tags": ["exercise", "nbval-skip"],
    }
    assert document["cells"][3]["source"] == ["%%bash\n", "echo hello"]


def test_a_solution_or_a_misconception_takes_the_place_of_the_stub() -> None:
    cells = parse(SOURCE, "x")

    assert [cell.id for cell in variants(cells, "01.1")] == ["ex1-wrong", "ex1-solution"]
    assert ("ex1", "answer = 1") in ids(filled(cells))
    assert ("ex1", "answer = 2") in ids(filled(cells, "01.1/too-many"))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("text\n<!-- cell: a -->\n", "text before the first mark"),
        ("<!-- cell: Part 1 -->\nx", "no id of a cell"),
        ("<!-- cell: a solution=01.1 -->\nx", "no mark of a cell"),
        ("<!-- code: a exercise=1 -->\n```python\n```", "keys are such as 01.3"),
        ("<!-- code: a wrong=01.1 -->\n```python\n```", "names no misconception"),
        ("<!-- code: a -->\nprint()", "one block"),
        ("<!-- cell: a -->\nx\n<!-- cell: a -->\ny", "a second cell a"),
        ("<!-- code: a solution=01.1 -->\n```python\n```", "no cell has the mark exercise=01.1"),
    ],
)
def test_what_can_not_be_read_is_named_with_its_line(source: str, says: str) -> None:
    with pytest.raises(SourceError, match=f"x.md:[0-9]+: .*{says}"):
        parse(source, "x.md")


@pytest.fixture
def course(tmp_path: Path) -> Course:
    for language in ("en", "zh"):
        (tmp_path / "source" / language).mkdir(parents=True)
    (tmp_path / "source/en/01-x.md").write_text(SOURCE)
    return Course(tmp_path)


def test_a_translation_has_the_same_cells_and_code(course: Course) -> None:
    sha = course.english("01")[0].sha
    (course.folder / "source/zh/01-x.md").write_text(f"<!-- cell: title source={sha} -->\n# 标题\n")
    course.write()
    english, chinese = (
        json.loads((course.folder / language / "01-x.ipynb").read_text())["cells"]
        for language in ("en", "zh")
    )

    assert chinese[0]["source"] == ["# 标题"]
    assert chinese[0]["metadata"] == {"labkit": {"source_sha": sha}}
    assert [cell["id"] for cell in english] == [cell["id"] for cell in chinese]
    assert english[1:] == chinese[1:]
    assert course.problems() == []


@pytest.mark.parametrize(
    ("translation", "state"),
    [("", "missing  title"), ("<!-- cell: title source=000000000000 -->\n# 标题", "stale    title")],
)
def test_a_missing_and_a_stale_translation_are_listed(course: Course, translation: str, state: str) -> None:
    (course.folder / "source/zh/01-x.md").write_text(translation)
    course.write()

    assert len(course.problems()) == 1
    assert state in course.problems()[0]


def test_a_notebook_that_is_not_what_its_source_makes_is_listed(course: Course) -> None:
    assert "en/01-x.ipynb is not what its source makes" in course.problems()[0]
    course.write()
    (course.folder / "en/02-y.ipynb").write_text("{}")

    assert ["en/02-y.ipynb has no source" in problem for problem in course.problems()] == [True]


def test_a_source_begun_with_a_notebook_makes_the_same_notebook(course: Course) -> None:
    made = file_of(learners(course.english("01")))
    cells = from_notebook(json.loads(made))

    assert [(cell.id, cell.text) for cell in parse(render(cells), "x")] == ids(cells)
