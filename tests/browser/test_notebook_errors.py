"""Error boxes and ``%%function`` cells in a real JupyterLab."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from chromium import BrowserTab, Chromium
from jupyter_page import alone
from notebook_page import NotebookPage, write_notebook

CELLS = [
    "from labkit import Lab\nlab = Lab.start(gateway_port=0, inspector_port=0)\nlab.reset()",
    "from labkit import LabError\n"
    "raise LabError('the call was <b>late</b>', expected='an answer within 1 s', "
    "seen='none: <img src=x onerror=document.title=1>', log=['12:00 one', '12:01 two ' + 'x' * 300], "
    "next_step=\"look at the log: lab.logs('gateway')\")",
    "%%function hello --callback results\ndef handle(event, context):\n    return b'Hello, ' + event.body",
    "%%function broken\n\ndef handle(event, context):\n    return (",
    "%%function shout --debug\ndef handle(event, context):\n"
    "    print('in the kernel:', event.body)\n    return 1 / 0",
    "lab.invoke('shout', 'abc')",
]
OUTPUT = "document.querySelectorAll('.jp-Notebook .jp-CodeCell')[{0}].querySelector('.jp-Cell-outputArea')"


def choose_theme(page: BrowserTab, theme: str) -> None:
    """Change JupyterLab's theme, as its settings menu does."""
    argument = json.dumps({"theme": f"JupyterLab {theme.title()}"})
    page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {argument})")
    page.wait_for(f"document.body.dataset.jpThemeLight === '{str(theme == 'light').lower()}'")


def contrast(page: BrowserTab, selector: str) -> float:
    """Return the contrast of an element's text with what is behind it."""
    return float(page.evaluate(CONTRAST.replace("SELECTOR", json.dumps(selector))))


CONTRAST = """(() => {
    const luminance = (rgb) => {
        const linear = (part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        const [red, green, blue] = rgb.map((part) => linear(part / 255));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
    const element = document.querySelector(SELECTOR);
    const layers = [];
    for (let node = element; node; node = node.parentElement) {
        const [red, green, blue, alpha = 1] = numbers(getComputedStyle(node).backgroundColor);
        if (alpha > 0) { layers.unshift([[red, green, blue], alpha]); }
    }
    let behind = [255, 255, 255];
    for (const [colour, alpha] of layers) {
        behind = behind.map((part, index) => part * (1 - alpha) + colour[index] * alpha);
    }
    const text = numbers(getComputedStyle(element).color).slice(0, 3);
    const [high, low] = [luminance(text), luminance(behind)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
})()"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_errors_and_functions_in_jupyterlab(
    browser: Chromium, lab_page: tuple[str, Path], tmp_path: Path, theme: str
) -> None:
    url, workspace = lab_page
    write_notebook(workspace / f"errors-{theme}.ipynb", CELLS)
    notebook = NotebookPage(browser, alone(url, f"errors-{theme}.ipynb"))
    page = notebook.tab
    page.look(width=1280, height=1500)
    choose_theme(page, theme)
    for number in range(len(CELLS)):
        notebook.run(number)

    box = OUTPUT.format(1)
    page.wait_for(f"!!{box}.querySelector('.labkit-error details')")
    text = page.evaluate(f"{box}.innerText")
    assert "LabError: the call was <b>late</b>" in text
    assert "seen\nnone: <img src=x onerror=document.title=1>" in text
    assert page.evaluate(f"{box}.querySelectorAll('img, script').length") == 0
    assert page.evaluate("document.title") != "1"
    assert page.evaluate(f"{box}.querySelector('details').open") is False
    page.evaluate(f"{box}.querySelector('summary').click()")
    assert "Cell In[2], line 2" in page.evaluate(f"{box}.innerText")
    for part in (".labkit-error dd", ".labkit-error dt", ".labkit-error summary", ".labkit-error pre"):
        assert contrast(page, part) >= 4.5, part

    page.wait_for(f"{OUTPUT.format(2)}.innerText.includes('deployed hello in')")
    assert page.evaluate(f"{OUTPUT.format(2)}.innerText").count("deployed hello") == 1
    assert "SyntaxError in line 4" in page.evaluate(f"{OUTPUT.format(3)}.innerText")
    page.wait_for(f"{OUTPUT.format(5)}.innerText.includes('FunctionResponse(status=500')")
    shown = page.evaluate(f"{OUTPUT.format(5)}.innerText")
    assert "in the kernel: b'abc'" in shown
    assert "Cell In[5], line 4, in handle: return 1 / 0" in shown

    pictures = Path(os.environ.get("LABKIT_PICTURES", tmp_path))
    page.screenshot(pictures / f"cells-{theme}.png")
    page.press("b", ctrl=True)  # the file browser
    page.look(width=420, height=1500)
    # JupyterLab lays out a moment later.
    width = "getBoundingClientRect().width"
    page.wait_for(f"{box}.{width} < 420 && {box}.querySelector('.labkit-error').{width} <= {box}.{width}")
    page.screenshot(pictures / f"cells-{theme}-420.png")
    notebook.close()
