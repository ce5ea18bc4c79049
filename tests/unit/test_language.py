"""The language of texts: the catalogue fits the code, and nothing is half translated."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from catalogue_texts import (
    ROOT,
    all_texts,
    claims,
    error_texts,
    headings,
    help_texts,
    marked_texts,
    without_names,
)

from labkit.language import catalogue, joined, language, translated
from labkit.views.dead_letters import DeadLetter
from labkit.views.formatting import text_width
from labkit.views.run_notes import Note
from labkit.views.tables import text_table
from labkit_services.contract.errors import LabError

COMPOSED = {
    # click's own words
    *("Options", "Commands", "env var"),
    # texts that the code puts together of parts
    "by {name} (process {n})",
    "by the notebook {name} (process {n})",
    "by a notebook (process {n})",
    "by labkit {name} (process {n})",
    "The lab is as new, after {n} s.",
    "status {n} after {m} attempt",
    "status {n} after {m} attempts",
    "port {n} was in use, so the {name} has port {m}",
    "port {n} was in use, by {holder}, so the {name} has port {m}",
    "port {n} can't be used without root's rights, so the {name} has port {m}",
    "the end of call {name}",
    "an event of call {name}",
    "redrive it: lab.queue({queue}).redrive({id}), or labkit dead redrive {more}",
    "status {n} or {m}",
    "text or bytes",
}


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_LANG", "zh")


def known() -> set[str]:
    return set(map(without_names, catalogue("zh")))


@pytest.mark.parametrize(
    "texts", [help_texts, marked_texts, headings, error_texts, claims], ids=lambda each: str(each.__name__)
)
def test_every_text_that_the_code_marks_has_a_translation(texts: object) -> None:
    assert callable(texts)
    missing = {text for text in texts() if text.strip("{} ") and without_names(text) not in known()}

    assert sorted(missing) == []


def test_every_entry_is_a_text_of_the_code() -> None:
    written = {without_names(text) for text in (*all_texts(), *help_texts(), *claims())}

    assert [key for key in catalogue("zh") if key not in COMPOSED and without_names(key) not in written] == []


def test_a_translation_has_the_values_of_its_text() -> None:
    def places(text: str) -> set[str]:
        return {name.rstrip("*") for name in re.findall(r"\{(\w+\*?)\}", text)}

    assert [key for key, text in catalogue("zh").items() if places(key) != places(text) or "*}" in key] == []


def test_an_entry_that_takes_any_text_has_enough_of_its_own() -> None:
    """Otherwise it would translate a half of texts that it does not know."""
    words = catalogue("zh")
    loose = [
        key
        for key, text in words.items()
        for place in re.findall(r"\{([a-z_]+)\}", key)
        if place not in ("n", "m", "k", "time", "name") and f"{{{place}*}}" not in text
    ]

    assert [key for key in loose if len(re.sub(r"\{\w+\}", "", key)) < 8] == []


def test_no_text_has_two_translations() -> None:
    files = sorted((ROOT / "labkit/words/zh").glob("*.json"))
    keys = [key for file in files for key, _ in json.loads(file.read_text(), object_pairs_hook=list)]

    assert len(files) == 5
    assert sorted({key for key in keys if keys.count(key) > 1}) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No lab runs in this workspace.", "本工作区没有运行实验环境。"),
        ("timed out after 0.2 s", "等了 0.2 秒，超时"),
        ("timed out after a while s", "timed out after a while s"),
        ("there is no function hello", "没有函数 hello"),
        ("there is no planet hello", "there is no planet hello"),
        ("a text that nobody wrote", "a text that nobody wrote"),
        ("", ""),
    ],
)
def test_a_text_is_translated_as_a_whole_or_not_at_all(text: str, expected: str) -> None:
    assert translated(text) == expected


def test_a_value_that_looks_like_a_place_stays_as_it_is() -> None:
    assert translated("There is no log of '{n}'.") == "没有 '{n}' 的日志。"


def test_english_is_the_default_and_reads_no_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABKIT_LANG")

    assert translated("No lab runs in this workspace.") == "No lab runs in this workspace."
    assert joined(["a", "b"]) == "a, b"


@pytest.mark.parametrize(
    ("notebook", "expected"),
    [
        ("/home/ada/my-notebooks/zh/01-sync-vs-async.ipynb", "zh"),
        ("/home/zh/my-notebooks/en/01-sync-vs-async.ipynb", "en"),
        ("/home/zh/work/notes.ipynb", "en"),
    ],
)
def test_a_notebook_s_folder_chooses_and_a_user_s_name_does_not(
    notebook: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABKIT_LANG")
    monkeypatch.setenv("JPY_SESSION_NAME", notebook)

    assert language() == expected


def test_columns_are_aligned_beside_wide_letters() -> None:
    lines = text_table([("service", "state"), ("gateway", "ready")]).splitlines()

    assert [text_width(line.rpartition("  ")[0].rstrip() + "  ") for line in lines] == [6, 9]
    assert text_width(lines[0][: lines[0].index("状态")]) == lines[1].index("ready")


def test_a_note_and_its_remedy_are_one_sentence() -> None:
    note = Note.of("note.missing", "deploy it first: lab.deploy(…)", name="x", fate="404")

    assert str(note) == "没有函数 x：404；先部署它：lab.deploy(…)"


def test_an_error_has_its_frame_words_in_the_reader_s_language(monkeypatch: pytest.MonkeyPatch) -> None:
    error = LabError(
        "timed out after 3 s", expected="the end of call a1", seen="none", log=["x"], next_step="?"
    )
    english = str(error)
    monkeypatch.setattr(LabError, "in_language", staticmethod(translated))

    assert english.splitlines()[1] == "  expected: the end of call a1"
    assert str(error).splitlines() == [
        "等了 3 秒，超时",
        *("  预期：  调用 a1 结束", "  实际：  无", "  最后几行日志：", "    x", "  下一步：?"),
    ]


def run(*arguments: str, **variables: str) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LABKIT_")}
    done = subprocess.run(
        [sys.executable, "-m", "labkit.cli.main", *arguments],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("way", ["option", "variable"])
def test_help_is_chinese_and_fits_the_terminal(way: str) -> None:
    code, text = (
        run("--lang", "zh", "up", "--help") if way == "option" else run("up", "--help", LABKIT_LANG="zh")
    )

    assert code == 0
    assert text.startswith("用法：")
    assert "启动本工作区的实验环境；已在运行则不重复启动。" in text
    assert "[默认：8080]" in text
    assert "显示本帮助。" in text
    assert max(map(text_width, text.splitlines())) <= 80


def test_the_list_of_commands_is_chinese_and_english_without_being_asked() -> None:
    assert "启动实验环境和 JupyterLab" in run("--lang", "zh", "--help")[1]
    assert "Start the lab and JupyterLab" in run("--help", LANG="zh_CN.UTF-8")[1]


def test_a_wrong_command_line_and_an_error_are_chinese(tmp_path: Path) -> None:
    code, text = run("--lang", "zh", "notebooks", "copy")
    assert (code, text.splitlines()[-1]) == (2, "错误：请指明笔记本，或使用 --all")

    code, text = run("--lang", "zh", "-w", str(tmp_path), "status")
    assert code == 1
    assert "本工作区没有运行实验环境。" in text
    assert "下一步：用 Lab.start() 启动一个，或在终端运行：labkit up" in text


def test_a_dead_letter_says_its_reason_in_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_LANG", "zh")
    letter = DeadLetter(
        "1", "f", "invocation", "status 500 after 3 attempts", 3, "2026-11-29T21:30:16Z", "", 500, "", {}
    )

    assert letter.row()[4] == "3 次尝试之后，状态是 500"
