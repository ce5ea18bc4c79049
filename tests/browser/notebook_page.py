"""A notebook in JupyterLab's page: its cells, run as a learner does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chromium import Chromium
from eventually import eventually
from jupyter_page import KERNEL_IDLE, READY

FRAME_RATE = """new Promise((done) => {
    const begin = performance.now();
    let frames = 0;
    const count = (time) => {
        frames += 1;
        if (time < begin + 1000) requestAnimationFrame(count);
        else done(frames / (time - begin) * 1000);
    };
    requestAnimationFrame(count);
})"""
"""Frames per second of a page at rest: on a machine with other work, what a view can be asked for at most."""
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

    def __init__(self, browser: Chromium, url: str, script: str = "") -> None:
        """Open a notebook; ``script`` runs before those of the page."""
        self.tab = browser.open()
        self.tab.look(width=1600, height=1000)
        if script:
            self.tab.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        self.tab.goto(url)
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        self.tab.wait_for(READY)
        self.tab.wait_for(KERNEL_IDLE)

    def start(self, number: int, *, scroll: bool = True) -> None:
        """Run a cell; do not wait for it."""
        cell = _CELL.format(number=number)
        if scroll:
            self.evaluate(f"{cell}.scrollIntoView({{block: 'nearest'}})")
        self.evaluate(f"{cell}.querySelector('.cm-content').focus({{preventScroll: true}})")
        self.tab.press("Enter", ctrl=True)

    def run(self, number: int) -> str:
        """Run a cell; return the text of its output when it has ended."""
        # After a restart of the kernel a cell's number can be the same again.
        self.evaluate(f"{_CELL.format(number=number)}.querySelector('.jp-InputPrompt').textContent = ''")
        self.start(number)
        eventually(
            lambda: self.prompt(number) not in ("", "[*]:", "[ ]:"),
            f"the end of cell {number}",
            within=60,
        )
        return self.output(number)

    def prompt(self, number: int) -> str:
        return str(
            self.evaluate(f"{_CELL.format(number=number)}.querySelector('.jp-InputPrompt').textContent")
        )

    def is_busy(self, number: int) -> bool:
        return self.prompt(number) == "[*]:"

    def output(self, number: int) -> str:
        area = f"{_CELL.format(number=number)}.querySelector('.jp-Cell-outputArea')"
        return str(self.evaluate(f"({area}?.innerText ?? '').trim()"))

    def in_output(self, number: int, selector: str) -> str:
        """Return an expression for an element of a cell's output, or null."""
        return (
            f"{_CELL.format(number=number)}.querySelector({json.dumps('.jp-OutputArea-output ' + selector)})"
        )

    def show_output(self, number: int) -> None:
        """Scroll to a cell's output."""
        self.evaluate(f"{_CELL.format(number=number)}.querySelector('.jp-Cell-outputArea').scrollIntoView()")

    def click(self, element: str) -> None:
        """Click an element with the mouse: the tabs do not listen to less."""
        box = self.evaluate(f"(({element}).getBoundingClientRect()).toJSON()")
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.tab.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    def delete_cell(self, number: int) -> None:
        """Delete a cell, as D, D does."""
        self.evaluate(f"{_CELL.format(number=number)}.querySelector('.cm-content').focus()")
        self.tab.press("Escape")
        self.tab.press("d")
        self.tab.press("d")

    def restart_kernel(self) -> None:
        """Restart the kernel, as 0, 0 does, and confirm it."""
        self.evaluate("document.querySelector('.jp-Notebook .cm-content').focus()")
        self.tab.press("Escape")
        self.tab.press("0")
        self.tab.press("0")
        self.tab.wait_for("!!document.querySelector('.jp-Dialog .jp-mod-accept')")
        self.evaluate("document.querySelector('.jp-Dialog .jp-mod-accept').click()")

    def save(self) -> None:
        self.tab.press("s", ctrl=True)
        self.tab.wait_for("!document.querySelector('#jp-main-dock-panel .jp-mod-dirty')")

    def close(self) -> None:
        """Leave the page, which asks about a notebook that is not saved."""
        self.save()
        self.tab.close()

    def evaluate(self, expression: str) -> Any:
        return self.tab.evaluate(expression)
