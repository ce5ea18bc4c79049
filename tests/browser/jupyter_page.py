"""The JupyterLab of ``labkit lab`` in a browser, as a learner uses it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from chromium import BrowserTab
from eventually import eventually

LABKIT = str(Path(sys.executable).with_name("labkit"))
_LINE_READ, _LINE_EDIT = "\x1b[?2004l\r", "\x1b[?2004h"
"""What bash's line editor prints when it has read a line, and when it starts the next."""
_FOCUS = """(() => {
    // A notebook that is still being loaded takes the focus once more.
    const input = document.querySelector('.xterm-helper-textarea');
    const has = input !== null && document.activeElement === input;
    input?.focus();
    return has;
})()"""
READY = "!!document.querySelector('#jp-main-dock-panel') && !document.querySelector('#jupyterlab-splash')"

KERNEL_IDLE = """(() => {
    const notebook = document.querySelector('.jp-NotebookPanel');
    const kernel = notebook?.querySelector('.jp-Toolbar-kernelName')?.textContent ?? 'No Kernel';
    return kernel !== 'No Kernel'
        && notebook.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle';
})()"""
"""Whatever pane has the focus, unlike the status bar; below about 1300 px the toolbar hides it.

A notebook that has no kernel yet is shown as idle, too: a cell that is run then asks for a kernel.
"""


def learner_environment(home: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a learner with a home folder of their own."""
    unset = ("CI", "OPENFAAS_URL", "OPENFAAS_CONFIG", "LABKIT_WORKSPACE", "LABKIT_FAAS_CLI", "PYTHONPATH")
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in unset and not name.startswith("JUPYTER")
    }
    return {**inherited, "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / ".jupyter"), **variables}


@contextmanager
def jupyterlab(workspace: Path, environment: Mapping[str, str], notebook: str = "") -> Iterator[str]:
    """Run ``labkit lab`` for a ``with`` block; yield JupyterLab's URL.

    By default it opens the copy of the first notebook.
    """
    command = [LABKIT, "-w", str(workspace), "lab", "--no-browser", "--port", "0"]
    command += ["--gateway-port", "0", "--inspector-port", "0"]
    command += ["--notebook", notebook] if notebook else []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=workspace, env=dict(environment)
    ) as process:
        try:
            yield _url(process)
        finally:
            process.terminate()
            process.wait(20)


def alone(url: str, path: str) -> str:
    """Return the address of a notebook with nothing beside it, in a workspace of JupyterLab's of its own.

    Args:
        url: JupyterLab's, with its token.
        path: The notebook's, below the server's root folder.
    """
    base, _, query = url.partition("/lab/")
    name = "-".join(Path(path).with_suffix("").parts)
    return f"{base}/lab/workspaces/{name}/tree/{quote(path)}?{query.partition('?')[2]}"


def _url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        name, _, rest = line.partition(" ")
        if name == "JupyterLab":
            return rest.strip()
    raise AssertionError(f"labkit lab ended with {process.wait()}")


class Terminal:
    """The terminal of a first start, with bash; its prompt must be ``$ ``."""

    def __init__(self, page: BrowserTab) -> None:
        self._page = page
        self._wait_for(lambda text: f"{_LINE_EDIT}$ " in text, 0)
        page.wait_for(_FOCUS)

    def run(self, command: str) -> str:
        """Type a command, wait for the next prompt; return what is shown."""
        start = len(self._page.received)
        lines = command.rstrip("\n").split("\n")
        for line in lines:
            self._page.type(line)
            self._page.press_enter()

        def is_done(text: str) -> bool:
            return text.count(_LINE_READ) == len(lines) and _LINE_EDIT in text.rpartition(_LINE_READ)[2]

        shown = self._wait_for(is_done, start).rpartition(_LINE_READ)[2].partition(_LINE_EDIT)[0]
        return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown).replace("\r\n", "\n").removesuffix("\n")

    def _wait_for(self, is_done: Callable[[str], bool], start: int) -> str:
        """Return the terminal's output from ``start`` on, when it is done."""

        def output() -> str:
            self._page.evaluate("0")  # reads what the browser has sent
            messages = (json.loads(text) for text in self._page.received[start:] if text.startswith('["std'))
            text = "".join(text for kind, text in messages if kind == "stdout")
            return text if is_done(text) else ""

        return eventually(output, lambda: self._page.received[start:], within=60)
