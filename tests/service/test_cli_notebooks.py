"""``labkit notebooks``, and the copies that ``labkit lab`` makes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from labkit_command import LABKIT, next_line, running
from labs import start_lab
from marked_processes import assert_gone

from labkit import Lab
from labkit.notebook_copies.copies import NotebookCopies
from labkit.workspace import Workspace

FIRST = "my-notebooks/en/00-welcome.ipynb"
ANY_PORTS = ("--gateway-port", "0", "--inspector-port", "0")


def notebooks(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LABKIT, "-w", str(workspace), "notebooks", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def change(notebook: Path) -> str:
    """Change a copy as a learner does; return its content."""
    document = json.loads(notebook.read_text())
    document["cells"][1]["source"] = "# mine"
    notebook.write_text(json.dumps(document))
    return notebook.read_text()


def states(workspace: Path) -> dict[str, str]:
    listed = json.loads(notebooks(workspace, "list", "--json").stdout)
    return {each["notebook"]: each["state"] for each in listed}


def test_notebooks_are_listed_and_copied_and_no_work_is_lost(tmp_path: Path) -> None:
    assert set(states(tmp_path).values()) == {"missing"}
    assert not (tmp_path / "my-notebooks").exists()

    made = notebooks(tmp_path, "copy", "--all")
    assert made.returncode == 0
    assert made.stdout.splitlines()[0] == f"{FIRST}: created."
    assert set(states(tmp_path).values()) == {"untouched"}

    mine = change(tmp_path / FIRST)
    assert states(tmp_path)[FIRST] == "changed"
    assert re.search(rf"^{FIRST} +changed$", notebooks(tmp_path, "list").stdout, re.M)
    said = notebooks(tmp_path, "copy", "00", "02").stdout.splitlines()
    renamed = re.fullmatch(rf"{FIRST}: a fresh copy\. Yours is now (\S+)\.", said[0])
    assert renamed
    assert re.fullmatch(r"my-notebooks/en/00-welcome\.\d{4}-\d\d-\d\d-\d{4}\.ipynb", renamed[1])
    assert (tmp_path / renamed[1]).read_text() == mine
    assert "02-the-queue-worker.ipynb: kept." in said[1]
    assert states(tmp_path)[FIRST] == "untouched"

    change(tmp_path / FIRST)
    (done,) = json.loads(notebooks(tmp_path, "copy", "en/00", "--json").stdout)
    assert (done["notebook"], done["action"], done["state_before"]) == (FIRST, "renamed", "changed")
    assert (tmp_path / done["renamed_to"]).exists()
    assert done["renamed_to"] != renamed[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["copy", "9"], 1, "There is no notebook of that name."),
        (["copy"], 2, "name notebooks, or use --all"),
        (["copy", "00", "--all"], 2, "name notebooks, or use --all"),
    ],
)
def test_a_wrong_name_is_an_error(tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    done = notebooks(tmp_path, *arguments)

    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert not (tmp_path / "my-notebooks").exists()


def test_labkit_lab_in_a_folder_that_cannot_be_written_is_an_error_and_starts_nothing(
    workspace: Path, mark: str
) -> None:
    (workspace / "my-notebooks").write_text("a file in the way")

    done = subprocess.run(
        [LABKIT, "-w", str(workspace), "lab", "--no-browser", *ANY_PORTS],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The notebooks can't be copied into your own folder.\n")
    assert "labkit -w FOLDER lab" in done.stderr
    assert_gone(mark)


def test_labkit_lab_says_that_a_changed_notebook_has_a_new_version(workspace: Path, mark: str) -> None:
    NotebookCopies(Workspace(workspace)).update()
    document = json.loads((workspace / FIRST).read_text())
    document["cells"][1]["source"] = "# mine"
    document["metadata"]["labkit"]["original"] = "made from an older one"
    (workspace / FIRST).write_text(json.dumps(document))

    with running(workspace, "lab", "--no-browser", "--port", "0", *ANY_PORTS) as process:
        line = next_line(process)
        while next_line(process).partition(" ")[0] != "JupyterLab":
            pass
        process.terminate()
        process.wait(20)

    assert line.startswith(f"{FIRST}: labkit has a new version of it. Yours is kept.")
    assert json.loads((workspace / FIRST).read_text()) == document
    assert_gone(mark, within=10)


def test_starts_at_the_same_moment_in_one_folder_make_one_set_of_copies(workspace: Path, mark: str) -> None:
    command = [LABKIT, "-w", str(workspace), "notebooks", "copy", "--all"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]

    assert [process.returncode for process in processes] == [0] * 4
    assert sum(output.count(": created.") for output in outputs) == len(states(workspace))
    assert {path.suffix for path in (workspace / "my-notebooks/en").iterdir()} == {".ipynb"}


def test_a_cell_puts_a_fresh_copy_in_place(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        assert "00-welcome.ipynb: created." in repr(lab.fresh_copy())
        mine = change(workspace / FIRST)
        copies = lab.fresh_copy("en/00")

    assert [copy.action for copy in copies] == ["renamed"]
    assert (workspace / copies[0].renamed_to).read_text() == mine


def test_the_first_cell_of_a_changed_notebook_says_that_there_is_a_new_version(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    NotebookCopies(Workspace(workspace)).update()
    document = json.loads((workspace / FIRST).read_text())
    document["cells"][1]["source"] = "# mine"
    document["metadata"]["labkit"]["original"] = "made from an older one"
    (workspace / FIRST).write_text(json.dumps(document))
    monkeypatch.setenv("JPY_SESSION_NAME", str(workspace / FIRST))

    with pytest.warns(UserWarning, match="labkit has a new version of it. Yours is kept."):
        lab = Lab.start(workspace, gateway_port=0, inspector_port=0)
    lab.stop()


def test_without_a_clone_an_empty_folder_gets_the_notebooks(tmp_path: Path) -> None:
    """No ``notebooks/`` above it, and nothing of the environment's names one."""
    code = "from labkit.cli.main import main; main()"
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("LABKIT_WORKSPACE", None)
    subprocess.run(
        [sys.executable, "-c", code, "notebooks", "copy", "00"],
        cwd=tmp_path,
        env=environment,
        check=True,
        timeout=30,
    )

    assert (tmp_path / FIRST).is_file()
