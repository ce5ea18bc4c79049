"""The notebooks' cells run unchanged against an OpenFaaS elsewhere, by one variable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kernels import CellOutput, Notebook
from openfaas_elsewhere import OpenFaas, openfaas

from labkit.workspace import Workspace

NOTEBOOKS = Path(__file__).parents[2] / "notebooks/en"


@pytest.fixture
def remote(workspace: Path, tmp_path: Path) -> Iterator[OpenFaas]:
    # `faas-cli push` needs a registry. Here the gateway reads the images where `faas-cli build` puts them.
    with openfaas(tmp_path / "openfaas", images=Workspace(workspace).images) as found:
        yield found


@pytest.fixture
def notebook(remote: OpenFaas, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    for name in ("OPENFAAS_URL", "OPENFAAS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LABKIT_WORKSPACE", str(workspace))
    login = f"{remote.user}:{remote.password}@"
    monkeypatch.setenv("LABKIT_GATEWAY", remote.url.replace("http://", f"http://{login}"))
    notebook = Notebook(workspace)
    yield notebook
    notebook.end()


def run(notebook: Notebook, name: str) -> dict[str, CellOutput]:
    """Run all code cells; return what each has shown, by its id."""
    document = json.loads((NOTEBOOKS / name).read_text())
    shown = {}
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            shown[cell["id"]] = notebook.show("".join(cell["source"]))
    assert shown
    return shown


def errors_of(shown: dict[str, CellOutput]) -> dict[str, str]:
    """Return the kinds of the errors, by the ids of their cells."""
    return {
        cell: message["content"]["ename"]
        for cell, output in shown.items()
        for message in output.messages
        if message["msg_type"] == "error"
    }


def text_of(output: CellOutput) -> str:
    shown = [one["content"] for one in output.messages if one["msg_type"] != "execute_input"]
    return json.dumps(shown)


def test_notebook_01_runs_unchanged_and_all_its_claims_hold(notebook: Notebook) -> None:
    shown = run(notebook, "01-sync-vs-async.ipynb")

    assert errors_of(shown) == {}, {cell: text_of(shown[cell]) for cell in errors_of(shown)}
    claims = text_of(shown["check-record"])
    assert "yes" in claims
    assert "NO " not in claims
    assert "Connected to an OpenFaaS" in text_of(next(iter(shown.values())))


def test_notebook_02_runs_unchanged_and_marks_what_is_not_available(notebook: Notebook) -> None:
    shown = run(notebook, "02-the-queue-worker.ipynb")

    assert errors_of(shown) == {}, {cell: text_of(shown[cell]) for cell in errors_of(shown)}
    claims = text_of(shown["check-record"])
    assert "NO" not in claims
    assert claims.count("not available here") == 3  # max_inflight and faults
    marked = [cell for cell, output in shown.items() if "not available here" in text_of(output)]
    assert len(marked) >= 7, marked
    # Its exercises can't be done there, and their checks say so.
    notebook.run_well(
        'six = three = lab.measure("long-task", calls=1, mode="async")\n'
        "interrupted, gap, began_twice = killed.calls[1], 5.2, 3"
    )
    verdicts = [text_of(notebook.show(f'lab.check("02.{number}")')) for number in (1, 2, 3)]
    assert ["not available here" in verdict for verdict in verdicts] == [True] * 3, verdicts


def test_a_function_cell_says_what_it_needs(notebook: Notebook) -> None:
    notebook.run_well("from labkit import Lab\nlab = Lab.start()")

    shown = notebook.show("%%function mine\ndef handle(event, context):\n    return 'x'\n")

    assert errors_of({"cell": shown}) == {"cell": "NotAvailableError"}
    assert "registry" in text_of(shown)
