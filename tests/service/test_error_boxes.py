"""Errors of the lab in a real kernel: a headline, a box, and still an error."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from kernels import Notebook
from test_function_cells import FIRST_CELL, box, value


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LABKIT_CI", raising=False)
        notebook = Notebook(tmp_path_factory.mktemp("boxes"))
    notebook.run_well(FIRST_CELL.format(workspace=str(notebook.workspace)))
    yield notebook
    notebook.run_well("lab.stop()")
    notebook.end()


SHOWN = {
    "a timeout": (
        "lab.call('none').wait(timeout=0.2)",
        "LabTimeoutError: timed out after 0.2 s",
        "the end of call none",
    ),
    "an awaited one": (
        "await lab.aio.call('none').wait(timeout=0.2)",
        "LabTimeoutError: timed out",
        "call none",
    ),
    "a wrong type": ("lab.invoke('x', timeout='1')", "InvalidValueError: timeout of invoke()", "a number"),
    "a missing argument": (
        "lab.invoke()",
        "InvalidValueError: invoke(): missing a required argument",
        "invoke(name",
    ),
    "an unknown keyword": (
        "lab.invoke('x', bdy=1)",
        "InvalidValueError: invoke(): got an unexpected keyword",
        "bdy=1",
    ),
    "awaited with a wrong type": ("await lab.aio.invoke(7)", "InvalidValueError: name of invoke()", "text"),
    "the gateway's refusal": ("lab.deploy('Bad!')", "GatewayError: Bad! was not deployed", "400"),
    "a verification": ("lab.bin('v').verify(1)", "VerificationError", "Traceback"),
    "in a function of the learner": ("def f():\n    lab.logs('none')\nf()", "GatewayError", "line 2, in f"),
    "in a with block": (
        "with lab.worker.paused():\n    lab.call('n').wait(timeout=0.1)",
        "LabTimeoutError",
        "call n",
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_an_error_is_a_headline_and_a_box(notebook: Notebook, name: str) -> None:
    code, headline, part = SHOWN[name]

    shown, html = box(notebook, code)

    assert shown.startswith(headline)
    assert "\n" not in shown
    assert part in html
    number = value(notebook, "len(In) - 2")
    assert f'<summary>Traceback</summary><pre tabindex="0">Cell In[{number}], line ' in html


def test_the_first_cells_own_error_is_a_box(workspace: Path) -> None:
    notebook = Notebook(workspace)
    try:
        code = f"from labkit import Lab\nLab.start({str(workspace)!r}, max_inflight=0, gateway_port=0)"
        shown, html = box(notebook, code)
        assert shown.startswith("InvalidValueError: max_inflight")
        assert "<dt>seen</dt>" in html
    finally:
        notebook.end()


def test_what_an_error_holds_is_never_markup(notebook: Notebook) -> None:
    hostile = "<img src=x onerror=alert(1)></pre></section><script>alert(2)</script>\\x1b[31m"
    code = f"from labkit import LabError\nraise LabError('h {hostile}', seen='{hostile}', log=['{hostile}'])"

    _, html = box(notebook, code)

    assert "<img" not in html
    assert "<script" not in html
    assert html.count("</section>") == 1


def test_the_cell_counts_as_failed_and_the_next_ones_do_not_run(notebook: Notebook) -> None:
    requests = [
        notebook.client.execute(code) for code in ("lab.call('none').wait(timeout=0.1)", "ran = True")
    ]
    replies = [notebook.reply(request)["status"] for request in requests]

    assert replies[0] == "error"
    assert replies[1] in ("aborted", "error")
    assert value(notebook, "'ran' in globals()") is False


def test_the_error_can_be_debugged_afterwards(notebook: Notebook) -> None:
    box(notebook, "for attempt in range(3):\n    lab.call('none').wait(timeout=0.1)")

    last = (
        "import sys; type(sys.last_value).__name__, sys.last_value.expected, str(sys.last_value).count('\\n')"
    )
    assert notebook.show(last).shown() == ["('LabTimeoutError', 'the end of call none', 3)"]
    box(notebook, "lab.call('none').wait(timeout=0.1)")
    debugged = notebook.show("%debug", "p type(timeout)\nq\n")
    assert "float" in re.sub(r"\x1b\[[\d;]*m", "", debugged.printed)


def test_other_errors_are_shown_as_ever(notebook: Notebook) -> None:
    output = notebook.show("1 / 0")

    assert "ZeroDivisionError" in output.error
    assert output.shown("text/html") == []


def test_commands_of_the_shell_show_their_errors_as_text(notebook: Notebook) -> None:
    output = notebook.show("!faas-cli invoke none < /dev/null")

    assert output.reply["status"] == "ok"
    assert output.printed.count("\n") < 12
    assert "Traceback" not in output.printed


def test_loading_again_shows_one_box_and_unloading_none(notebook: Notebook) -> None:
    notebook.run_well("%load_ext labkit\n%reload_ext labkit")
    box(notebook, "lab.call('none').wait(timeout=0.1)")

    notebook.run_well("%unload_ext labkit")
    output = notebook.show("lab.call('none').wait(timeout=0.1)")
    assert output.shown("text/html") == []
    assert "expected: the end of call none" in output.error
    assert "not found" in notebook.show("%%function x\n1").printed
    notebook.run_well("%load_ext labkit")
    box(notebook, "lab.call('none').wait(timeout=0.1)")


def test_with_labkit_ci_the_error_is_text_alone(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CI", "1")
    notebook = Notebook(workspace)
    try:
        notebook.run_well(FIRST_CELL.format(workspace=str(workspace)))
        output = notebook.show("lab.call('none').wait(timeout=0.1)")
        assert output.shown("text/html") == []
        assert "\n  expected: the end of call none\n" in output.error
        deployed = notebook.show("%%function hello\ndef handle(event, context): return 'x'")
        assert deployed.shown()[0].startswith("deployed hello: call it with lab.invoke('hello')\n")
    finally:
        notebook.end()


def test_in_a_terminal_the_error_is_text_and_the_magic_works(workspace: Path) -> None:
    lines = [
        *FIRST_CELL.format(workspace=str(workspace)).split("\n"),
        "lab.call('none').wait(timeout=0.1)",
        "get_ipython().run_cell('%%function hello\\ndef handle(event, context): return 1 + 1');",
        "print(lab.invoke('hello').text)",
        "lab.stop()",
        "exit",
    ]
    command = [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=nocolor"]
    environment = {**os.environ, "IPYTHONDIR": str(workspace / "ipython")}
    run = subprocess.run(
        command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60, env=environment
    )

    assert "LabTimeoutError: timed out after 0.1 s\n  expected: the end of call none\n" in run.stdout, (
        run.stderr
    )
    assert "deployed hello in " in run.stdout
    assert "the answer is a int" in run.stdout
    assert "<section" not in run.stdout


def test_nbval_accepts_an_expected_error(workspace: Path) -> None:
    cells = [
        nbformat.v4.new_code_cell(FIRST_CELL.format(workspace=str(workspace))),
        nbformat.v4.new_code_cell(
            "lab.call('none').wait(timeout=0.1)", metadata={"tags": ["raises-exception"]}
        ),
        nbformat.v4.new_code_cell("lab.call('none').wait(timeout=0.1)"),
        nbformat.v4.new_code_cell("lab.stop()"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    (workspace / "errors.ipynb").write_text(nbformat.writes(notebook))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--nbval-lax",
        "--nbval-current-env",
        *("-p", "no:cacheprovider", "-p", "no:randomly"),
    ]
    run = subprocess.run(
        [*command, "-c", os.devnull, "errors.ipynb"],
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert "1 failed, 3 passed" in run.stdout, run.stdout + run.stderr
    assert "errors.ipynb::Cell 2" in run.stdout
