"""A plugin for nbval's runs: compare each cell's output with the statements beside it.

    python -m pytest -p tests.notebooks.nbval_proofs --nbval-lax notebooks/en

A cell fails if a statement that is proved by its output, and by those of earlier cells, is not true.
Proofs read English outputs: statements in another language are held by the hash of what they translate.
Nobody has done anything in these notebooks: a cell that checks an exercise fails unless it says so.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import sentences
from all_proofs import PROOFS_OF
from proofs import Outputs

_NOT_SEEN = re.compile(r"\x1b\[[\d;]*m|(?s:<style>.*?</style>)|<[^>]*>")
"""Colours of a terminal, and the tags of HTML."""

_outputs: dict[Path, Outputs] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    cell = getattr(item, "cell", None)
    yield
    if cell is None or item.path.name not in PROOFS_OF:
        return
    outputs = _outputs.setdefault(item.path, Outputs())
    outputs[cell.id] = "".join(map(_text, getattr(item, "test_outputs", ())))
    language = item.path.parent.name
    wrong = [
        proof.says
        for proof in PROOFS_OF[item.path.name].of_outputs
        if language == "en"
        and cell.id in proof.cells
        and outputs.keys() >= set(proof.cells)
        and not proof.holds(outputs)
    ]
    exercise = cell.metadata.get("labkit", {}).get("check")
    if exercise and not re.search(sentences.untouched(exercise, language), outputs[cell.id]):
        wrong.append(f"nothing was done for {exercise}, and its check says so")
    if wrong:
        pytest.fail(f"not true here: {wrong}\nthe output of {cell.id}:\n{outputs[cell.id]}", pytrace=False)


def _text(output: Mapping[str, Any]) -> str:
    """Return an output as a reader of the page sees it."""
    if "text" in output:
        return _NOT_SEEN.sub("", output["text"].replace("\r\n", "\n"))
    data = output.get("data", {})
    parts = [str(data[kind]) for kind in ("text/plain", "text/markdown") if kind in data]
    parts.append(_NOT_SEEN.sub(" ", str(data.get("text/html", ""))))
    return "\n".join(parts) + "\n"
