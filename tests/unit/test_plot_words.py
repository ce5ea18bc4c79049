"""Plots in English and Chinese: the same keys and values, fonts, and what is said without a font."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from call_events import BEGIN, SECOND, async_run, measured, sync_run

from labkit.views.faults import FaultKind
from labkit.views.plots import (
    PredictedWait,
    lettering,
    picture,
    plot_queue_depth,
    plot_rounds,
    plot_timelines,
    plot_waiting,
)
from labkit.views.run_notes import fault_notes, notes_at_end, notes_at_start
from labkit.views.words import ViewWords, view_catalogue
from labkit_services.call_record.fault_spans import FaultSpan

ZH = ViewWords("zh")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
SOURCES = Path(lettering.__file__).parents[1]
_FORMULAS = ("⌈n/k⌉ · s", "M/M/10")
needs_font = pytest.mark.skipif(not lettering.chinese_font(), reason="no font with Chinese characters")


@pytest.fixture
def without_font(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no font have Chinese characters."""
    monkeypatch.setattr(lettering, "_CHINESE_FONTS", ())
    monkeypatch.setattr(picture, "_TOLD", [])
    lettering.chinese_font.cache_clear()
    yield
    lettering.chinese_font.cache_clear()


def values_of(entry: Any) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", str(list(entry.values()) if isinstance(entry, dict) else entry)))


def drawn(figure: Any) -> list[str]:
    texts = [text for axes in figure.axes for text in (*axes.texts, axes.xaxis.label, axes.yaxis.label)]
    return [text.get_text() for text in (*texts, *figure.legends[0].get_texts())]


def test_both_languages_have_the_same_keys_and_values() -> None:
    english, chinese = view_catalogue("en"), view_catalogue("zh")

    assert english.keys() == chinese.keys()
    assert len(english) > 60
    for key, entry in english.items():
        assert values_of(entry) == values_of(chinese[key]), key
        if not key.startswith("join") and re.sub(r"\{\w+\}|max_inflight", "", str(entry)).strip(" :,.;()"):
            assert CHINESE.search(str(chinese[key])) or key in ("plot.run", "note.changed.limit"), key


def test_every_entry_is_asked_for_and_there_is_one_for_every_fault() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in SOURCES.parent.rglob("*.py"))
    families = (
        "class.",
        "run.",
        "note.fate.",
        "note.count.",
        "note.effect.",
        "note.changed.",
        "fault.",
        "plot.",
    )
    for key in view_catalogue("en"):
        family = next((each for each in families if key.startswith(each)), "")
        assert f'"{key}"' in sources or (family and f'f"{family}{{' in sources), key
    assert {f"fault.{kind}" for kind in (*FaultKind, "down", "other")} <= view_catalogue("en").keys()


@needs_font
def test_every_text_of_a_plot_is_in_its_language() -> None:
    faults = (FaultSpan("kill", "queue-worker", BEGIN + SECOND, BEGIN + 2 * SECOND),)
    run = replace(measured("async", async_run(120, 10)), faults=faults)
    sync = measured("sync", sync_run(10))
    line = PredictedWait(5, lambda language: {"zh": "差得远"}[language])
    for made in (
        plot_timelines(run, sync, predicted=lambda _: line, words=ZH),
        plot_queue_depth(run, 4.2, ZH),
        plot_rounds({10: run}, ZH),
        plot_waiting({10: [run]}, ZH),
    ):
        for text in (made.alt, *drawn(made.figure)):
            assert CHINESE.search(text) or not text or text in _FORMULAS, text
            without_names = text.replace("queue-worker", "").replace("long-task", "")
            assert not re.search(r"[a-z]{2,}", without_names), text


def test_the_description_says_the_numbers_in_chinese() -> None:
    made = plot_timelines(measured("async", async_run(10, 1)), words=ZH)

    assert "对 long-task 的 10 次异步调用" in made.alt
    numbers = ("0.02 s", "10.2 s", "最多 9 次", "9.23 s 后排空", "处理中最多 1 次")
    assert all(each in made.alt for each in numbers)


@needs_font
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_chinese_text_is_drawn_without_a_warning(
    suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    made = plot_timelines(measured("sync", sync_run(2)), words=ZH)
    with caplog.at_level(logging.WARNING, "matplotlib"):
        made.save(tmp_path / f"run.{suffix}")

    assert not caplog.records
    assert not [str(each.message) for each in recwarn]  # "Glyph … missing from font"


@pytest.mark.usefixtures("without_font")
def test_without_a_font_labels_are_english_and_a_note_says_so_once() -> None:
    run = measured("sync", sync_run(2))
    first, second = plot_timelines(run, words=ZH), plot_timelines(run, words=ZH)

    assert "the caller waits" in drawn(first.figure)
    assert "seconds since the run began" in drawn(first.figure)
    assert not any(CHINESE.search(text) for text in drawn(first.figure))
    assert "调用方等待了" in first.alt
    note = ZH.text("plot.no-font")
    assert first._repr_mimebundle_()["text/html"].count(note) == 1
    assert note not in second._repr_mimebundle_()["text/html"]


def test_an_english_plot_has_no_note() -> None:
    made = plot_timelines(measured("sync", sync_run(1)))

    assert "<figcaption>" not in made._repr_mimebundle_()["text/html"]


def test_a_font_of_the_list_without_a_character_is_not_taken() -> None:
    from matplotlib.font_manager import findfont

    assert not lettering._has_all(findfont("DejaVu Sans"))


def test_notes_are_in_both_languages() -> None:
    from test_run_notes import QUIET, WORKER

    busy = replace(QUIET, pending=3, in_flight=1, workers=(WORKER, WORKER), submitted=9, max_inflight=4)
    notes = [
        *notes_at_start("async", busy, 0, cancelled=2, missing="nobody"),
        *notes_at_start("async", None, 1),
        *notes_at_end(QUIET, busy, 3),
        *fault_notes([FaultSpan("kill", "queue-worker", BEGIN - 1)], BEGIN, BEGIN + SECOND),
    ]
    assert len(notes) >= 9
    for note in notes:
        assert CHINESE.search(note.fact_in(ZH)), note
        assert note.fact == note.fact_in(ViewWords("en"))
