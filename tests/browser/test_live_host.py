"""What all live views stand on: messages, the red line, clean-up, access for everybody."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import timeline_data as data
from chromium import Chromium
from inspector_page import violations
from live_view_page import LiveViewPage

ROWS = "document.querySelectorAll('.tl-row').length"
RECORD = {"record": {"start": data.BEGIN, "end": data.NOW}}


def timeline(browser: Chromium, lang: str = "en", **settings: Any) -> LiveViewPage:
    return LiveViewPage(browser, "timeline", settings, "timeline/timeline.css", lang=lang)


def recent(function: str = "f", number: int = 1) -> dict[str, Any]:
    """Return a call of the last second."""
    made = data.call(number, function, "done", [data.span("works", 0, 0.5, "200", 1)])
    for span in made["spans"]:
        span["start"], span["end"] = time.time() - 1, time.time() - 0.5
    return made


def test_calls_of_messages_are_rows(browser: Chromium) -> None:
    page = timeline(browser)
    page.calls([recent()])
    page.tab.wait_for(f"{ROWS} === 1")
    page.message({"reset": {"epoch": 1}, "calls": {"calls": [], "counts": {}, "faults": []}}, epoch=1)
    page.tab.wait_for(f"{ROWS} === 0")


def test_a_keyframe_is_shown_when_the_page_was_loaded_later(browser: Chromium) -> None:
    page = timeline(browser)
    content = {"calls": [recent()], "counts": {}, "faults": []}
    page.keyframe({"seq": 7, "epoch": 0, "topics": {"calls": content}})
    page.tab.wait_for(f"{ROWS} === 1")


def test_only_the_function_s_calls_are_shown(browser: Chromium) -> None:
    page = timeline(browser, options={"function": "f"})
    page.calls([recent("f", 1), recent("g", 2)])
    page.tab.wait_for(f"{ROWS} === 1")


def test_an_error_of_a_view_becomes_a_red_line_and_the_next_message_is_shown(browser: Chromium) -> None:
    page = timeline(browser)
    page.calls([{**recent(), "spans": 5}])
    page.tab.wait_for("document.querySelector('.lk-problem').innerText.includes('problem')")
    assert page.tab.evaluate("document.querySelector('.lk-problem').getAttribute('role')") == "alert"
    page.message({"calls": {"calls": [recent(number=2)], "counts": {}, "faults": []}, "reset": {}}, epoch=1)
    page.tab.wait_for(f"{ROWS} === 1")


def test_the_feed_s_problem_and_the_lab_s_end_are_told(browser: Chromium) -> None:
    page = timeline(browser)
    page.calls([recent()])
    page.message({"problem": {"text": "read queues: broken"}})
    assert "read queues: broken" in page.tab.evaluate("document.querySelector('.lk-problem').innerText")
    page.message({"ended": {"text": "The lab is gone.", "next": "labkit up", "now": time.time()}})
    assert (
        page.tab.evaluate("document.querySelector('.lk-problem').innerText") == "The lab is gone. labkit up"
    )
    assert page.tab.evaluate("document.querySelector('[data-time=live]').hidden")


def test_clean_up_leaves_no_element_listener_or_frame(browser: Chromium) -> None:
    page = timeline(browser)
    page.calls([recent()])
    page.tab.wait_for(f"{ROWS} === 1")
    page.tab.evaluate("document.querySelector('[data-time=replay]').click()")
    assert page.tab.evaluate("model.listeners") > 0

    page.end()

    assert page.tab.evaluate("[model.listeners, document.querySelector('#cell').childNodes.length]") == [0, 0]
    left = page.tab.evaluate(
        """new Promise((done) => {
            const ask = window.requestAnimationFrame;
            let asked = 0;
            window.requestAnimationFrame = (draw) => { asked += 1; return ask(draw); };
            setTimeout(() => done(asked), 500);
        })"""
    )
    assert left == 0
    assert page.tab.problems == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("", ["shown", "hidden", "gone"]),
        ("document.querySelector('.jp-Notebook').remove()", ["shown", "hidden"]),
    ],
    ids=["its cell was deleted", "its notebook was closed"],
)
def test_the_kernel_is_told_why_a_view_went(browser: Chromium, change: str, told: list[str]) -> None:
    page = timeline(browser)
    page.tab.evaluate(f"end(); {change}")
    time.sleep(1.3)
    assert page.tab.evaluate("model.sent.map((one) => one.view)") == told


def test_a_view_that_moves_in_the_notebook_stays(browser: Chromium) -> None:
    page = timeline(browser)
    page.tab.evaluate("end(); window.end = view.render({ model, el: document.getElementById('cell') }); 1")
    time.sleep(1.3)
    assert page.tab.evaluate("model.sent.map((one) => one.view)") == ["shown", "hidden", "shown"]


def test_a_picture_s_calls_are_a_table_too(browser: Chromium) -> None:
    page = timeline(browser, **RECORD)
    page.calls(data.one_of_each())
    page.tab.evaluate("document.querySelector('.lk-table').open = true")
    page.tab.wait_for("document.querySelectorAll('.lk-table tbody tr').length === 11")
    head = page.tab.evaluate("[...document.querySelectorAll('.lk-table th')].map((one) => one.textContent)")
    assert head == ["function", "call id", "mode", "state", "status", "in the queue", "ran", "attempts"]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [420, 1280])
def test_axe_finds_nothing(browser: Chromium, width: int, lang: str, tmp_path: Path, *, dark: bool) -> None:
    pytest.importorskip("axe_playwright_python")
    page = timeline(browser, lang, **RECORD)
    page.tab.look(width=width, dark=dark)
    page.calls(data.one_of_each(), faults=data.FAULTS)
    page.message({"problem": {"text": "read queues: broken"}})
    page.tab.evaluate("document.querySelector('.lk-table').open = true")
    page.tab.wait_for(f"{ROWS} >= 10 && document.querySelectorAll('.lk-table tbody tr').length === 11")
    time.sleep(0.3)  # the depth below the rows is drawn a little later
    page.tab.screenshot(tmp_path / "view.png")

    assert violations(page.tab) == []
    assert page.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.tab.problems == []


def test_a_view_that_was_rendered_before_it_is_in_the_page_tells_that_it_has_gone(browser: Chromium) -> None:
    page = timeline(browser)
    page.tab.evaluate(
        """(async () => {
            window.second = new Model(model.state);
            const el = document.createElement('div');
            const leave = view.render({ model: second, el });
            document.querySelector('.jp-Notebook').append(el);
            for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
            el.remove();
            leave();
        })()"""
    )
    page.tab.wait_for("second.sent.some((content) => content.view === 'gone')")
