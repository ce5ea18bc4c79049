"""Every row of the inspector's contract has a test that exists, and every route a row."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import inspector_rows as rows

from labkit_services.inspector.routes import about

TESTS = Path(__file__).parents[1]
TABLES = {
    **rows.CAPTURE,
    **rows.ROUTES,
    **{f"record {row}": test for row, test in rows.RECORD.items()},
    **rows.BEHAVIOUR,
}


def _tests() -> set[str]:
    """Return ``FILE::NAME`` of all test functions, from the sources."""
    return {
        f"{file.name}::{node.name}"
        for file in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_every_row_names_a_test_that_exists() -> None:
    known = _tests()

    assert {row: test for row, test in TABLES.items() if test not in known} == {}


def test_every_route_has_a_row() -> None:
    documented = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, item in json.loads(about.document.json)["paths"].items()
        for method in item.keys() - {"parameters", "head"}
    }

    have_rows = {" ".join(row.split()[:2]) for row in rows.ROUTES}
    assert documented - have_rows == set()


def test_a_row_without_a_test_has_a_reason() -> None:
    assert rows.NOT_TESTED.keys() & TABLES.keys() == set()
    assert all(rows.NOT_TESTED.values())
