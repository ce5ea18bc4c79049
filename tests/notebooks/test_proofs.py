"""Every statement of a notebook has a proof, beside it where it is an output.

The outputs themselves are compared when the notebooks run (`nbval_proofs`).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from all_proofs import PROOFS_OF
from proofs import HeldByTest, Outputs, Shown
from statements import FOLDER, cells_of, needs_proof, source, statements

ROOT = Path(__file__).parents[2]
NEAR = 8
"""A statement's cell is among the next or previous ones; text cells count."""
FAR_FROM_ITS_CELL = {"key-points", "question", "self-check", "editions-explain"}
"""Cells that sum up what cells all over the notebook have shown."""

of_each_notebook = pytest.mark.parametrize("name", PROOFS_OF)


@of_each_notebook
def test_every_statement_is_proved_or_is_no_claim(name: str) -> None:
    proofs = PROOFS_OF[name]
    known = [proof.says for proof in proofs.proofs] + list(proofs.plain)
    unproved = [
        statement.text
        for statement in statements(f"en/{name}")
        if needs_proof(statement) and not any(says in statement.text for says in known)
    ]

    assert unproved == []


@of_each_notebook
def test_every_proof_is_for_a_statement_of_the_notebook(name: str) -> None:
    proofs = PROOFS_OF[name]
    found = [statement.text for statement in statements(f"en/{name}")]
    outdated = [
        says
        for says in [*(proof.says for proof in proofs.proofs), *proofs.plain]
        if not any(says in text for text in found)
    ]

    assert outdated == []


@of_each_notebook
def test_the_output_that_proves_a_statement_stands_beside_it(name: str) -> None:
    cells = cells_of(f"en/{name}")
    position = {cell["id"]: index for index, cell in enumerate(cells)}
    far = []
    for proof in PROOFS_OF[name].of_outputs:
        places = [found.cell for found in statements(f"en/{name}") if proof.says in found.text]
        if all(cells[place]["id"] in FAR_FROM_ITS_CELL for place in places):
            assert all(cell in position for cell in proof.cells)
        elif not any(abs(position[cell] - place) <= NEAR for place in places for cell in proof.cells):
            far.append(proof.says)

    assert far == []


@of_each_notebook
def test_the_tests_named_as_proofs_exist(name: str) -> None:
    tests = {proof.test for proof in PROOFS_OF[name].proofs if isinstance(proof, HeldByTest)}
    missing = [
        test
        for test in tests
        if f"def {test.partition('::')[2]}("
        not in (ROOT / test.partition("::")[0]).read_text(encoding="utf-8")
    ]

    assert missing == []


def test_every_notebook_has_proofs() -> None:
    assert {path.name for path in FOLDER.glob("en/*.ipynb")} == set(PROOFS_OF)


@of_each_notebook
def test_no_proof_holds_for_an_empty_output(name: str) -> None:
    """A check that is true whatever the cell printed proves nothing."""
    empty = Outputs(dict.fromkeys((cell["id"] for cell in cells_of(f"en/{name}")), ""))
    always = [
        proof.says for proof in PROOFS_OF[name].of_outputs if isinstance(proof, Shown) and proof.holds(empty)
    ]

    assert always == []


@of_each_notebook
def test_no_check_of_a_notebook_is_true_whatever_happened(name: str) -> None:
    """The claims of `check-record` ask for the record, each with a comparison."""
    check = next(source(cell) for cell in cells_of(f"en/{name}") if cell["id"] == "check-record")
    claims = re.findall(r'^    "([^"]+)": (.*),$', check, re.MULTILINE)

    assert claims
    assert all(re.search(r"==|[<>]| in |any\(", condition) for _, condition in claims)
