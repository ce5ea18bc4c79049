"""What is done about a learner's copies: nothing of theirs is lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from labkit import file_lock as file_lock_module
from labkit.errors import InvalidValueError, LabTimeoutError, WorkspaceError
from labkit.notebook_copies.copies import CopyChange, NotebookCopies, first_notebook
from labkit.notebook_copies.plan import (
    Comparison,
    CopyAction,
    CopyState,
    as_copy,
    at_start,
    backup_name,
    compare,
    for_fresh_copy,
)
from labkit.pristine_notebooks import notebooks_folder
from labkit.workspace import Workspace

Notebook = dict[str, Any]
NOW = datetime(2026, 11, 30, 14, 5)


def notebook(*sources: str) -> Notebook:
    cells: list[Notebook] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(sources)
    ]
    return {
        "cells": cells,
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def content(document: Notebook) -> bytes:
    return json.dumps(document).encode()


OLD, NEW = content(notebook("x = 1\ny = 2")), content(notebook("x = 1\ny = 3"))
FRESH = as_copy(OLD)


def saved_by_jupyterlab(copied: bytes) -> Notebook:
    """As JupyterLab saves a notebook that was opened and closed again."""
    document: Notebook = json.loads(copied)
    document["metadata"]["language_info"] = {
        "name": "python",
        "version": "3.12.1",
        "mimetype": "text/x-python",
    }
    document["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    for cell in document["cells"]:
        cell["source"] = "".join(cell["source"])
    return document


def edited(copied: bytes) -> bytes:
    document = saved_by_jupyterlab(copied)
    document["cells"][0]["source"] += "\n# mine"
    return content(document)


def run(copied: bytes) -> bytes:
    document = saved_by_jupyterlab(copied)
    document["cells"][0]["execution_count"] = 1
    return content(document)


def printed(copied: bytes) -> bytes:
    document = saved_by_jupyterlab(copied)
    document["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    return content(document)


def with_a_cell_more(copied: bytes) -> bytes:
    document = saved_by_jupyterlab(copied)
    document["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "my notes"})
    return content(document)


def with_another_kind_of_cell(copied: bytes) -> bytes:
    document = saved_by_jupyterlab(copied)
    document["cells"][0]["cell_type"] = "raw"
    return content(document)


KEEP, CREATE, UPDATE, RENAME = CopyAction.KEEP, CopyAction.CREATE, CopyAction.UPDATE, CopyAction.RENAME


@pytest.mark.parametrize(
    ("original", "copied", "state", "start", "asked"),
    [
        (OLD, None, CopyState.MISSING, CREATE, CREATE),
        (OLD, OLD, CopyState.UNTOUCHED, KEEP, KEEP),
        (OLD, FRESH, CopyState.UNTOUCHED, KEEP, KEEP),
        (OLD, content(saved_by_jupyterlab(FRESH)), CopyState.UNTOUCHED, KEEP, KEEP),
        (OLD, edited(FRESH), CopyState.CHANGED, KEEP, RENAME),
        (OLD, run(FRESH), CopyState.CHANGED, KEEP, RENAME),
        (OLD, printed(FRESH), CopyState.CHANGED, KEEP, RENAME),
        (OLD, with_a_cell_more(FRESH), CopyState.CHANGED, KEEP, RENAME),
        (OLD, with_another_kind_of_cell(FRESH), CopyState.CHANGED, KEEP, RENAME),
        (OLD, b"", CopyState.CHANGED, KEEP, RENAME),
        (OLD, b"<<<<<<< HEAD", CopyState.CHANGED, KEEP, RENAME),
        (OLD, b'{"cells": {"a": 1}}', CopyState.CHANGED, KEEP, RENAME),
        (OLD, b'{"cells": [1]}', CopyState.CHANGED, KEEP, RENAME),
        (OLD, b"[" * 100_000, CopyState.CHANGED, KEEP, RENAME),
        (OLD, b'{"cells": [], "metadata": null}', CopyState.CHANGED, KEEP, RENAME),
        (OLD, b'{"cells": [], "metadata": {"labkit": 1}}', CopyState.CHANGED, KEEP, RENAME),
        (NEW, FRESH, CopyState.OUTDATED, UPDATE, UPDATE),
        (NEW, content(saved_by_jupyterlab(FRESH)), CopyState.OUTDATED, UPDATE, UPDATE),
        (NEW, edited(FRESH), CopyState.OUTDATED, KEEP, RENAME),
        (NEW, run(FRESH), CopyState.OUTDATED, KEEP, RENAME),
        # Nobody knows what an unmarked file was made from: it may be edited.
        (NEW, OLD, CopyState.CHANGED, KEEP, RENAME),
        (b"\x89PNG 1", None, CopyState.MISSING, CREATE, CREATE),
        (b"\x89PNG 1", b"\x89PNG 1", CopyState.UNTOUCHED, KEEP, KEEP),
        (b"\x89PNG 1", b"\x89PNG 2", CopyState.CHANGED, KEEP, RENAME),
    ],
)
def test_a_copy_is_updated_only_without_work_in_it_and_renamed_with_work(
    original: bytes, copied: bytes | None, state: CopyState, start: CopyAction, asked: CopyAction
) -> None:
    found = compare(original, copied)

    assert found.state is state
    assert (at_start(found), for_fresh_copy(found)) == (start, asked)


def test_no_decision_writes_over_work() -> None:
    for state in CopyState:
        found = Comparison(state, has_work=True)
        if state is not CopyState.MISSING:
            assert at_start(found) is KEEP
            assert for_fresh_copy(found) is RENAME


def test_a_copy_is_its_original_and_a_mark_in_the_metadata() -> None:
    original = notebook("print('中')")
    original["metadata"]["labkit"] = {"minutes": 15}

    copied = json.loads(as_copy(content(original)))

    assert re.fullmatch("[0-9a-f]{16}", copied["metadata"]["labkit"].pop("original"))
    assert copied == original
    assert as_copy(b"\x89PNG") == b"\x89PNG"


def test_a_backup_has_the_time_in_its_name_and_takes_no_other_file_s_name() -> None:
    taken = {"01-x.2026-11-30-1405.ipynb", "01-x.2026-11-30-1405-2.ipynb"}

    assert backup_name("01-x.ipynb", NOW, lambda _: False) == "01-x.2026-11-30-1405.ipynb"
    assert backup_name("01-x.ipynb", NOW, taken.__contains__) == "01-x.2026-11-30-1405-3.ipynb"


# -- files


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    folder = tmp_path / "labkit-notebooks"
    for language in ("en", "zh"):
        (folder / language).mkdir(parents=True)
        (folder / language / "01-first.ipynb").write_bytes(OLD)
        (folder / language / "02-second.ipynb").write_bytes(OLD)
    (folder / "en/images").mkdir()
    (folder / "en/images/queue.png").write_bytes(b"\x89PNG")
    # What authors' runs leave there.
    (folder / "en/.ipynb_checkpoints").mkdir()
    (folder / "en/.ipynb_checkpoints/01-first-checkpoint.ipynb").write_bytes(OLD)
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints/01-first.ipynb").write_bytes(OLD)
    (folder / "en/Untitled.ipynb").write_bytes(OLD)
    (folder / "en/lab7").mkdir()
    (folder / "en/lab7/stack.yaml").write_text("functions:")
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "course"
    folder.mkdir()
    return folder


def learners_files(work: Path) -> dict[str, bytes]:
    folder = work / "my-notebooks"
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    # It is the learner's, once it is there.
    assert found.pop(".gitignore", b"*\n").endswith(b"*\n")
    return found


def actions(changes: list[CopyChange]) -> dict[str, CopyAction]:
    return {change.path.removeprefix("my-notebooks/"): change.action for change in changes}


ALL = [
    "en/01-first.ipynb",
    "en/02-second.ipynb",
    "en/images/queue.png",
    "zh/01-first.ipynb",
    "zh/02-second.ipynb",
]


def test_a_first_start_copies_the_notebooks_and_their_images_and_nothing_else(
    originals: Path, work: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in originals.rglob("*")}

    made = NotebookCopies(Workspace(work), originals).update()

    assert actions(made) == dict.fromkeys(ALL, CREATE)
    assert sorted(learners_files(work)) == ALL
    assert {path: path.stat().st_mtime_ns for path in originals.rglob("*")} == before


def test_git_ignores_the_copies_unless_the_learner_wants_them(originals: Path, work: Path) -> None:
    mine = NotebookCopies(Workspace(work), originals)
    mine.update()
    subprocess.run(["git", "init", "-q", work], check=True, timeout=30)
    status = ["git", "-C", work, "status", "--porcelain", "--", "my-notebooks"]

    assert subprocess.run(status, check=True, capture_output=True, timeout=30).stdout == b""
    (work / "my-notebooks/.gitignore").unlink()
    mine.fresh()
    assert subprocess.run(status, check=True, capture_output=True, timeout=30).stdout == b"?? my-notebooks/\n"


def test_an_update_of_labkit_changes_what_the_learner_did_not(originals: Path, work: Path) -> None:
    mine = NotebookCopies(Workspace(work), originals)
    mine.update()
    first = work / "my-notebooks/en/01-first.ipynb"
    first.write_bytes(edited(first.read_bytes()))
    (work / "my-notebooks/en/02-second.ipynb").unlink()
    before = learners_files(work)
    for path in originals.glob("*/0*.ipynb"):
        path.write_bytes(NEW)

    states = {status.path.removeprefix("my-notebooks/"): str(status.state) for status in mine.statuses()}
    assert states == {
        "en/01-first.ipynb": "new version available",
        "en/02-second.ipynb": "missing",
        "zh/01-first.ipynb": "new version available",
        "zh/02-second.ipynb": "new version available",
    }
    assert learners_files(work) == before
    changes = mine.update()

    assert actions(changes) == dict(zip(ALL, (KEEP, CREATE, KEEP, UPDATE, UPDATE), strict=True))
    assert next(change.sentence for change in changes if change.is_news) == (
        "my-notebooks/en/01-first.ipynb: labkit has a new version of it. Yours is kept. "
        "For the new one: labkit notebooks copy en/01-first"
    )
    assert first.read_bytes() == before["en/01-first.ipynb"]
    assert (work / "my-notebooks/zh/01-first.ipynb").read_bytes() == as_copy(NEW)


def test_fresh_copies_keep_every_version_of_the_learner_s(originals: Path, work: Path) -> None:
    mine = NotebookCopies(Workspace(work), originals)
    mine.update()
    first = work / "my-notebooks/en/01-first.ipynb"
    versions = []
    for number in range(3):
        versions.append(edited(first.read_bytes()) + b" " * number)
        first.write_bytes(versions[-1])
        changes = mine.fresh(["en/01"])
        assert actions(changes) == {"en/01-first.ipynb": RENAME}
        assert (work / changes[0].renamed_to).read_bytes() == versions[-1]
        assert first.read_bytes() == FRESH

    assert sorted(learners_files(work).values()) == sorted([*versions, *[FRESH] * 4, b"\x89PNG"])
    assert actions(mine.fresh()) == dict.fromkeys(ALL, KEEP)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("01", ["en/01-first", "zh/01-first"]),
        ("zh/02", ["zh/02-second"]),
        ("02-second", ["en/02-second", "zh/02-second"]),
        ("en/02-second.ipynb", ["en/02-second"]),
        ("my-notebooks/en/01-first.ipynb", ["en/01-first"]),
        ("notebooks/en/01-first.ipynb", ["en/01-first"]),
    ],
)
def test_a_notebook_is_named_by_number_by_name_or_by_path(
    originals: Path, work: Path, name: str, meant: list[str]
) -> None:
    made = NotebookCopies(Workspace(work), originals).fresh([name])

    assert list(actions(made)) == [f"{path}.ipynb" for path in meant]


@pytest.mark.parametrize(
    "name", ["", "1", "03", "*", "0?", "01-", "fr/01", "../01", "/etc/passwd", "queue", "Untitled"]
)
def test_another_name_is_an_error_that_lists_the_notebooks(originals: Path, work: Path, name: str) -> None:
    with pytest.raises(InvalidValueError, match="no notebook of that name") as raised:
        NotebookCopies(Workspace(work), originals).fresh(["01", name])

    assert "en/01-first, en/02-second, zh/01-first, zh/02-second" in str(raised.value)
    assert not (work / "my-notebooks").exists()


def test_a_link_in_a_copy_s_place_is_renamed_and_not_written_through(
    originals: Path, work: Path, tmp_path: Path
) -> None:
    target = tmp_path / "elsewhere.ipynb"
    target.write_bytes(edited(FRESH))
    (work / "my-notebooks/en").mkdir(parents=True)
    (work / "my-notebooks/en/01-first.ipynb").symlink_to(target)
    (work / "my-notebooks/en/02-second.ipynb").symlink_to(tmp_path / "gone")

    changes = NotebookCopies(Workspace(work), originals).fresh(["en/01", "en/02"])

    assert actions(changes) == {"en/01-first.ipynb": RENAME, "en/02-second.ipynb": RENAME}
    assert target.read_bytes() == edited(FRESH)
    assert not (tmp_path / "gone").exists()
    assert (work / changes[0].renamed_to).readlink() == target


@pytest.mark.parametrize("obstacle", ["my-notebooks", "my-notebooks/en"])
def test_a_folder_that_cannot_be_written_is_a_clear_error(originals: Path, work: Path, obstacle: str) -> None:
    (work / obstacle).parent.mkdir(exist_ok=True)
    (work / obstacle).write_text("a file")

    with pytest.raises(WorkspaceError) as raised:
        NotebookCopies(Workspace(work), originals).update()

    message = str(raised.value)
    assert message.startswith("The notebooks can't be copied into your own folder.\n")
    assert f"{work}/my-notebooks: a folder that you can write to" in message
    assert "labkit -w FOLDER lab" in message
    assert (work / obstacle).read_text() == "a file"


def test_a_copy_that_fails_half_way_leaves_the_learner_s_file(
    originals: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = NotebookCopies(Workspace(work), originals)
    mine.update()
    before = learners_files(work)
    for path in originals.glob("*/0*.ipynb"):
        path.write_bytes(NEW)

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(WorkspaceError, match="No space left on device"):
        mine.update()

    assert learners_files(work) == before


def _copy(work: Path, originals: Path, results: multiprocessing.Queue[list[str]]) -> None:
    mine = NotebookCopies(Workspace(work), originals)
    results.put([change.renamed_to for change in [*mine.update(), *mine.fresh()] if change.renamed_to])


def test_starts_at_the_same_moment_make_one_set_of_copies_and_one_backup(originals: Path, work: Path) -> None:
    (work / "my-notebooks/en").mkdir(parents=True)
    (work / "my-notebooks/en/01-first.ipynb").write_bytes(edited(FRESH))
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[list[str]] = context.Queue()
    processes = [context.Process(target=_copy, args=(work, originals, results)) for _ in range(4)]
    for process in processes:
        process.start()
    renamed = [name for _ in processes for name in results.get(timeout=60)]
    for process in processes:
        process.join(10)

    assert len(renamed) == 1
    files = learners_files(work)
    assert files.pop(renamed[0].removeprefix("my-notebooks/")) == edited(FRESH)
    assert sorted(files) == ALL


def test_a_lock_that_is_never_freed_ends_in_an_error(
    originals: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_lock_module, "_LOCK_SECONDS", 0.1)
    mine = NotebookCopies(Workspace(work), originals)

    with (
        file_lock_module.file_lock(Workspace(work), "notebooks.lock", "copying the notebooks"),
        pytest.raises(LabTimeoutError, match="Another process is copying the notebooks"),
    ):
        mine.update()

    assert len(mine.update()) == len(ALL)


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop"])
def test_what_is_no_file_in_a_copys_place_is_renamed_and_not_read(
    originals: Path, work: Path, kind: str
) -> None:
    place = work / "my-notebooks/en/01-first.ipynb"
    place.parent.mkdir(parents=True)
    if kind == "pipe":
        os.mkfifo(place)  # who reads it waits for ever
    elif kind == "folder":
        place.mkdir()
        (place / "mine").touch()
    else:
        place.symlink_to(place)
    copies = NotebookCopies(Workspace(work), originals)

    assert actions(copies.update())["en/01-first.ipynb"] is CopyAction.KEEP
    assert copies.statuses()[0] == ("my-notebooks/en/01-first.ipynb", CopyState.CHANGED)
    (change,) = copies.fresh(["en/01"])

    assert change.action is RENAME
    assert os.path.lexists(work / change.renamed_to)
    assert (kind == "folder") == (work / change.renamed_to / "mine").exists()
    assert place.is_file()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_learner_begins_in_their_language(
    work: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("LABKIT_LANG", language)
    NotebookCopies(Workspace(work)).update()

    assert first_notebook() == f"my-notebooks/{language}/00-welcome.ipynb"
    assert (work / first_notebook()).is_file()


def test_links_of_labkits_notebooks_lead_to_the_same_from_the_copies(work: Path) -> None:
    NotebookCopies(Workspace(work)).update()
    followed = 0
    for original in notebooks_folder().glob("*/[0-9][0-9]-*.ipynb"):
        text = "".join("".join(cell["source"]) for cell in json.loads(original.read_text())["cells"])
        for link in re.findall(r"\]\(([^)#:\s]+)[^):]*\)", text):
            copied = work / "my-notebooks" / original.relative_to(notebooks_folder()).parent / link
            assert (original.parent / link).exists(), f"{original.name}: {link}"
            assert copied.exists(), f"{original.name}: {link} is not beside the copies"
            followed += 1

    assert followed
    for status in NotebookCopies(Workspace(work)).statuses():
        assert status.state is CopyState.UNTOUCHED


def test_a_changed_notebook_whose_original_is_new_says_so_when_it_runs(originals: Path, work: Path) -> None:
    mine = NotebookCopies(Workspace(work), originals)
    mine.update()
    first, second = (work / f"my-notebooks/en/{name}.ipynb" for name in ("01-first", "02-second"))
    first.write_bytes(edited(first.read_bytes()))
    assert mine.news_of(first) == ""
    for path in originals.glob("*/0*.ipynb"):
        path.write_bytes(NEW)

    assert mine.news_of(first).startswith("my-notebooks/en/01-first.ipynb: labkit has a new version of it.")
    assert mine.news_of(second) == ""
    assert mine.news_of(work / "my-notebooks/en/mine.ipynb") == ""
    assert mine.news_of(originals / "en/01-first.ipynb") == ""
