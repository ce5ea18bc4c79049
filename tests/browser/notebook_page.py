"""A notebook in JupyterLab's page: its cells, run as a learner does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chromium import Chromium
from jupyter_page import READY

_CELL = "document.querySelectorAll('.jp-Notebook .jp-Cell')[{number}]"


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """Write a notebook with these code cells."""
    document = {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for number, source in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


class NotebookPage:
    """The notebook that is open in JupyterLab."""

    def __init__(self, browser: Chromium, url: str) -> None:
        self.tab = browser.open()
        self.tab.look(width=1600, height=1000)
        self.tab.goto(url)
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        self.tab.wait_for(READY)
        self.tab.wait_for("document.body.innerText.includes('| Idle')")

    def start(self, number: int) -> None:
        """Run a cell; do not wait for it."""
        cell = _CELL.format(number=number)
        self.tab.evaluate(
            f"{cell}.scrollIntoView({{block: 'nearest'}}); {cell}.querySelector('.cm-content').focus()"
        )
        self.tab.press("Enter", ctrl=True)

    def run(self, number: int) -> str:
        """Run a cell; return the text of its output when it has ended."""
        before = self.prompt(number)
        self.start(number)
        prompt = f"{_CELL.format(number=number)}.querySelector('.jp-InputPrompt').textContent"
        self.tab.wait_for(f"/\\d/.test({prompt}) && {prompt} !== {json.dumps(before)}")
        return self.output(number)

    def prompt(self, number: int) -> str:
        return str(
            self.tab.evaluate(f"{_CELL.format(number=number)}.querySelector('.jp-InputPrompt').textContent")
        )

    def output(self, number: int) -> str:
        return str(
            self.tab.evaluate(f"{_CELL.format(number=number)}.querySelector('.jp-Cell-outputArea').innerText")
        )

    def in_output(self, number: int, selector: str) -> str:
        """Return an expression for an element of a cell's output, or null."""
        return (
            f"{_CELL.format(number=number)}.querySelector({json.dumps('.jp-OutputArea-output ' + selector)})"
        )

    def evaluate(self, expression: str) -> Any:
        return self.tab.evaluate(expression)
