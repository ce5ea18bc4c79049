"""Every row of OpenFaaS's behaviour has a test, or a reason for none."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from rows import NOT_TESTED, TESTED

TESTS = Path(__file__).parents[1]


def _marks() -> Iterator[tuple[str, str]]:
    """Yield (row, test) of every ``@pytest.mark.row`` in the sources."""
    for file in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.row":
                        for name in decorator.args:
                            yield ast.literal_eval(name), f"{file.name}::{node.name}"


def test_every_row_has_a_test() -> None:
    marked = {row for row, _ in _marks()}

    assert TESTED.keys() - marked == set()


def test_every_mark_names_a_row() -> None:
    assert [f"{test}: {row}" for row, test in _marks() if row not in TESTED] == []


def test_a_row_without_a_test_has_a_reason() -> None:
    assert TESTED.keys() & NOT_TESTED.keys() == set()
    assert all(NOT_TESTED.values())
