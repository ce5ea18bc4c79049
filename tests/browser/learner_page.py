"""A copy of a course notebook in JupyterLab, and what moves in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium
from eventually import eventually
from jupyter_page import alone, jupyterlab, learner_environment
from marked_processes import MARK, assert_gone, new_mark
from notebook_page import NotebookPage

COPIES = "my-notebooks/en"
"""The folder of the learner's notebooks."""

_WATCH = """(() => {
    // Looks at a view, flow or timeline, in each frame, just before it is painted.
    cancelAnimationFrame(window.watching ?? 0);
    const seen = { from: Date.now(), frames: 0, crowded: 0, moves: 0, most: {}, rows: {}, done: {} };
    window.seen = seen;
    const places = new Map();
    const keepInSight = () => { // as a reader does, while JupyterLab scrolls and outputs above grow
        const view = VIEW, box = view?.getBoundingClientRect();
        const isOut = box && (box.top > innerHeight - 200 || box.bottom < 200);
        if (isOut) view.scrollIntoView({ block: 'center' });
    };
    const look = () => {
        const now = Date.now();
        if (seen.frames % 20 === 0) keepInSight();
        seen.frames += 1;
        for (const dot of (VIEW ?? document).querySelectorAll('.fl-moves')) {
            const place = dot.style.transform;
            if (places.has(dot) && places.get(dot) !== place) seen.moves += 1;
            places.set(dot, place);
        }
        for (const station of (VIEW ?? document).querySelectorAll('[data-station]')) {
            const number = Number(station.querySelector('.fl-number')?.textContent || 0);
            const { station: name } = station.dataset;
            if (name === 'function' && number > 1) seen.crowded += 1;
            seen.most[name] = Math.max(seen.most[name] ?? 0, number);
        }
        for (const row of (VIEW ?? document).querySelectorAll('.tl-row')) {
            const id = row.querySelector('.tl-id').textContent;
            seen.rows[id] ??= now;
            if (row.getAttribute('aria-label').includes(', done:')) seen.done[id] ??= now;
        }
        window.watching = requestAnimationFrame(look);
    };
    look();
})()"""
_SEEN = "cancelAnimationFrame(watching), {...seen, rate: seen.frames / (Date.now() - seen.from) * 1000}"


class LearnerPage(NotebookPage):
    """A notebook of the course; its cells are named by their ids."""

    def __init__(self, browser: Chromium, url: str, notebook: Path) -> None:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        self._numbers = {cell["id"]: number for number, cell in enumerate(cells)}
        super().__init__(browser, url)

    def wait_until_idle(self) -> None:
        super().wait_until_idle()
        # JupyterLab adds the cells of a long notebook one by one.
        self.tab.wait_for(
            f"document.querySelectorAll('.jp-Notebook .jp-Cell').length === {len(self._numbers)}"
        )

    def number(self, cell: str) -> int:
        """Return a cell's number."""
        return self._numbers[cell]

    def run_cell(self, cell: str) -> str:
        """Run a cell; return the text of its output."""
        return self.run(self.number(cell))

    def start_cell(self, cell: str) -> None:
        self.start(self.number(cell), scroll=False)

    def has_run(self, cell: str) -> bool:
        return self.prompt(self.number(cell)).strip("[]:").isdecimal()

    def wait_for_end(self, cell: str, within: float = 40) -> None:
        eventually(lambda: self.has_run(cell), lambda: self.prompt(self.number(cell)), within=within)

    def view(self, cell: str) -> str:
        """Return an expression for the live view below a cell."""
        return self.in_output(self.number(cell), ".lk")

    def show_view(self, cell: str) -> None:
        """Scroll to the view of a cell as soon as it is there."""
        self.tab.wait_for(f"!!{self.view(cell)}")
        self.evaluate(f"{self.view(cell)}.scrollIntoView({{block: 'center'}})")

    def execute(self, command: str, **arguments: Any) -> None:
        """Execute a command of JupyterLab, as its menu does."""
        call = f"jupyterapp.commands.execute({json.dumps(command)}, {json.dumps(arguments)})"
        self.evaluate(f"{call}, true")

    def use_theme(self, name: str) -> None:
        """Switch to a theme; it is there when this returns."""
        self.execute("apputils:change-theme", theme=name)
        light = "true" if "Light" in name else "false"
        self.tab.wait_for(f"document.body.dataset.jpThemeLight === '{light}'")

    def watch(self, cell: str) -> Callable[[], dict[str, Any]]:
        """Look at a cell's flow or timeline in each frame, and keep it in sight.

        Returns:
            A function that ends it, and returns what was seen: ``rate`` in
            frames a second, ``moves`` of dots, the ``most`` calls at each
            station, the frames with several at a function (``crowded``),
            and when ``rows`` appeared and were ``done``, in ms since
            1970, by the call's short id.
        """
        self.show_view(cell)
        self.evaluate(_WATCH.replace("VIEW", self.view(cell)))
        return lambda: dict(self.evaluate(_SEEN))

    def violations(self) -> list[str]:
        """Return what axe-core finds wrong in the live views."""
        if not self.evaluate("'axe' in window"):
            code = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
            self.evaluate(f"{code}; true")
        found: list[Any] = self.evaluate(
            "axe.run(document.querySelectorAll('.lk')).then((result) => result.violations)"
        )
        return [
            f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
            for each in found
            for node in each["nodes"]
        ]


@dataclass(frozen=True)
class LearnerLab:
    """``labkit lab`` in a folder that was empty.

    Attributes:
        url: JupyterLab's address, with the token.
        workspace: The folder.
        mark: The mark of all its processes.
    """

    url: str
    workspace: Path
    mark: str

    def open(self, browser: Chromium, notebook: str) -> LearnerPage:
        """Open a notebook in a JupyterLab that shows nothing else."""
        return LearnerPage(browser, alone(self.url, notebook), self.workspace / notebook)


@contextmanager
def learner_lab(folders: pytest.TempPathFactory) -> Iterator[LearnerLab]:
    """Run ``labkit lab`` in an empty folder; nothing of it is left."""
    mark = new_mark()
    workspace = folders.mktemp(mark)
    environment = learner_environment(folders.mktemp("home"), SHELL="/bin/bash", **{MARK: mark})
    with jupyterlab(workspace, environment) as url:
        yield LearnerLab(url, workspace, mark)
    assert_gone(mark, within=10)
