"""The timeline and the flow in a browser: marks, speed, keyboard, hostile names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import timeline_data as data
from chromium import BrowserTab, Chromium
from timeline_server import module_page

FEWEST_FRAMES = 30  # a second, on two cores with other tests beside this one
FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
ROWS = "[...document.querySelectorAll('.tl-row')]"
HOSTILE = "<img src=x onerror=alert(1)>\u202e\u200b" + "a" * 10_000


@pytest.fixture
def page(browser: Chromium, server: str) -> Iterator[BrowserTab]:
    with module_page(browser, server, "/", "data:") as page:
        page.wait_for("window.ready")
        yield page


def show(page: BrowserTab, calls: list[dict[str, Any]], **more: Any) -> None:
    """Show calls that stand still, unless ``more`` says otherwise."""
    given = json.dumps({"calls": calls, "faults": data.FAULTS, "now": data.NOW, "live": False, **more})
    page.evaluate(f"window.t ??= start(); t.setData({given}); {FRAME}")


def press(page: BrowserTab, key: str, *, shift: bool = False) -> None:
    text = key if len(key) == 1 else ""
    for kind in ("keyDown", "keyUp"):
        page.call(
            "Input.dispatchKeyEvent",
            type=kind,
            key=key,
            text=text if kind == "keyDown" else "",
            modifiers=8 if shift else 0,
            windowsVirtualKeyCode={
                "Tab": 9,
                "Enter": 13,
                "Escape": 27,
                "ArrowDown": 40,
                "ArrowRight": 39,
            }.get(key, 0),
        )
    page.evaluate(FRAME)


def mouse(page: BrowserTab, kind: str, x: float, y: float, **more: Any) -> None:
    page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)


def place(page: BrowserTab, function: str, seconds: float) -> tuple[float, float]:
    """Return where a function's first row shows a time, on the line of its work."""
    x, y = page.evaluate(
        f"""(() => {{
        const row = {ROWS}.find((each) => each.textContent.startsWith({function!r}));
        const plot = document.querySelector('.tl-plot').getBoundingClientRect();
        return [plot.left + t.scale.x({data.BEGIN + seconds}), row.getBoundingClientRect().top + 16];
        }})()"""
    )
    return x, y


def samples(page: BrowserTab) -> dict[str, list[int]]:
    """Return the pixels of every sample of the legend without colour: 1 is drawn, 0 is empty."""
    found: dict[str, list[int]] = page.evaluate("samples()")
    return found


def test_every_kind_of_span_looks_different_without_colour(page: BrowserTab) -> None:
    page.evaluate("window.t = start(); 1")
    shapes = samples(page)
    assert set(shapes) == set(page.evaluate("Object.keys(marks.spans)"))
    for kind, shape in shapes.items():
        for other, other_shape in shapes.items():
            if kind < other:
                ours, theirs = sum(shape), sum(other_shape)
                differing = sum(a != b for a, b in zip(shape, other_shape, strict=True))
                assert differing > 0.15 * min(ours, theirs), f"{kind} looks like {other}"


def test_waiting_is_thin_running_is_tall_and_three_waits_differ(page: BrowserTab) -> None:
    page.evaluate("window.t = start(); 1")
    shapes = samples(page)
    width = len(shapes["works"]) // 16

    def height(kind: str) -> int:
        return sum(any(shapes[kind][row * width : (row + 1) * width]) for row in range(16))

    def pieces(kind: str) -> int:
        """Return how many separate pieces the middle line has."""
        line = shapes[kind][8 * width : 9 * width]
        return sum(a < b for a, b in zip([0, *line], line, strict=False))

    assert max(height(kind) for kind in ("queued", "backoff")) <= 5
    assert 7 <= height("lease") <= 11  # a gap between two attempts, which are taller
    assert min(height(kind) for kind in ("works", "fails", "lost")) >= 12
    assert pieces("queued") == 1  # a line
    assert 2 <= pieces("backoff") <= 3  # dashes
    assert pieces("lease") >= 4 > pieces("backoff")  # a hatch


def test_moments_and_states_have_a_shape_of_their_own(page: BrowserTab) -> None:
    moments = page.evaluate("Object.values(marks.moments).map((each) => each.path)")
    states = page.evaluate("Object.values(marks.states).map((each) => each.path + each.fill)")

    assert len(set(moments)) == len(moments) == 4
    # Sent and received are one thing to the reader: under way to the queue.
    assert len(set(states)) == len(states) - 1


def test_a_row_says_in_a_sentence_what_became_of_its_call(page: BrowserTab) -> None:
    show(page, data.one_of_each())

    labels = page.evaluate(f"{ROWS}.map((each) => each.getAttribute('aria-label'))")

    assert len(labels) == 11
    flaky = next(label for label in labels if label.startswith("flaky"))
    assert flaky == (
        "flaky 0004c0, asynchronous, done: the caller waits 3 ms, waits for a free worker 2.5 s, "
        "the function fails 0.9 s, waits for back-off 3.9 s, the function works 0.6 s, the callback 0.5 s."
    )
    assert any("waits for the broker's lease 1.9 s" in label and "is lost" in label for label in labels)
    assert any(label.startswith("broken") and label.endswith("dead letter.") for label in labels)
    assert any("cancelled" in label and label.startswith("long-task") for label in labels)
    assert any(
        label.startswith("figlet") and "synchronous, done: the caller waits 1.1 s" in label
        for label in labels
    )
    assert page.evaluate("document.querySelector('.tl-list').getAttribute('role')") == "listbox"


def test_depth_in_flight_and_redelivered_are_counted_at_the_same_time(page: BrowserTab) -> None:
    show(page, data.one_of_each())
    shown = "[...document.querySelectorAll('.tl-count b')].map((each) => Number(each.textContent))"
    assert page.evaluate(shown) == [1, 1, 1]

    # At 4 s seven wait (one of them for its retry), one runs; nothing was delivered again yet.
    x, _ = place(page, "flaky", 4.0)
    y = page.evaluate("document.querySelector('.tl-foot').getBoundingClientRect().top + 30")
    mouse(page, "mouseMoved", x, y)
    page.evaluate(FRAME)
    expected = [
        sum(
            span["start"] <= data.BEGIN + 4 and (span["end"] or data.NOW) > data.BEGIN + 4
            for call in data.one_of_each()
            for span in call["spans"]
            if span["kind"] in kinds
        )
        for kinds in (("queued", "backoff", "lease"), ("works", "fails", "lost"))
    ]
    assert page.evaluate(shown) == [*expected, 0]
    assert f"in the queue: {expected[0]}" in page.evaluate("document.querySelector('.tl-tip').innerText")


def test_hovering_a_bar_names_call_and_attempt_and_a_click_selects(page: BrowserTab) -> None:
    show(page, data.one_of_each())
    x, y = place(page, "flaky", 5.0)
    mouse(page, "mouseMoved", x, y)
    page.evaluate(FRAME)

    link = page.evaluate("heard.at(-1)")
    assert link[0] == "hover"
    assert (link[1]["function"], link[1]["attempt"], link[1]["kind"]) == ("flaky", 2, "fails")
    tip = page.evaluate("document.querySelector('.tl-tip').innerText")
    assert tip.splitlines() == [
        "flaky 0004c0: done",
        "the function fails 0.4 s",
        "from 4.8 s to 5.2 s",
        "attempt 2",
        "500",
    ]

    x, y = place(page, "notify", 3.36)
    for kind in ("mousePressed", "mouseReleased"):
        mouse(page, kind, x, y, button="left", clickCount=1)
    page.evaluate(FRAME)
    link = page.evaluate("heard.findLast(([kind]) => kind === 'select')[1]")
    assert link["capture"] == {"bin": "callbacks", "id": "01J5"}
    assert page.evaluate("document.querySelector('[aria-selected=true]').textContent").startswith("notify")


def test_zoom_pan_brush_and_reset_change_the_axis(page: BrowserTab) -> None:
    show(page, data.one_of_each())
    shown = "[t.scale.from, t.scale.to]"
    whole = page.evaluate(shown)
    x, y = place(page, "flaky", 5.0)

    mouse(page, "mouseWheel", x, y, deltaX=0, deltaY=-400, modifiers=2)
    page.wait_for(f"t.scale.to - t.scale.from < {whole[1] - whole[0]} * 0.6")
    left = page.evaluate("boxOf('.tl-plot')")[0]
    assert page.evaluate(f"t.scale.time({x - left})") == pytest.approx(data.BEGIN + 5, abs=0.05)
    zoomed = page.evaluate(shown)

    mouse(page, "mousePressed", x, y, button="left", clickCount=1, buttons=1)
    for step in (20, 60, 120):
        mouse(page, "mouseMoved", x + step, y, button="left", buttons=1)
    mouse(page, "mouseReleased", x + 120, y, button="left", clickCount=1)
    page.evaluate(FRAME)
    panned = page.evaluate(shown)
    assert panned[0] < zoomed[0]
    assert panned[1] - panned[0] == pytest.approx(zoomed[1] - zoomed[0])
    assert page.evaluate("heard.filter(([kind]) => kind === 'select').length") == 0, "a drag is no click"
    assert (
        page.evaluate("document.querySelector('[data-action=follow]').getAttribute('aria-pressed')")
        == "false"
    )

    for _ in range(2):
        mouse(page, "mousePressed", x, y, button="left", clickCount=2)
        mouse(page, "mouseReleased", x, y, button="left", clickCount=2)
    page.wait_for(f"Math.abs(t.scale.from - {whole[0]}) < 1e-6")

    box = page.evaluate("boxOf('.tl-overview')")
    left = box[0] + 178
    mouse(page, "mousePressed", left + 200, box[1] + 15, button="left", clickCount=1, buttons=1)
    for step in (240, 320, 400):
        mouse(page, "mouseMoved", left + step, box[1] + 15, button="left", buttons=1)
    mouse(page, "mouseReleased", left + 400, box[1] + 15, button="left", clickCount=1)
    page.evaluate(FRAME)
    brushed = page.evaluate(shown)
    assert whole[0] < brushed[0] < brushed[1] < whole[1]


def test_everything_can_be_done_with_the_keyboard(page: BrowserTab) -> None:
    show(page, data.one_of_each())
    page.evaluate("document.querySelector('[data-action=follow]').focus()")
    press(page, "Tab")
    active = "document.activeElement.querySelector('.tl-name')?.textContent"
    assert page.evaluate(active) == "figlet"
    for _ in range(3):
        press(page, "ArrowDown")
    assert page.evaluate(active) == "flaky"
    assert page.evaluate("document.querySelectorAll('.tl-row[tabindex=\"0\"]').length") == 1
    tip = "document.querySelector('.tl-tip:not([hidden])')?.innerText"
    assert "waits for back-off 3.9 s" in page.evaluate(tip)
    assert page.evaluate(
        "document.activeElement.getAttribute('aria-describedby') === document.querySelector('.tl-tip').id"
    )

    for _ in range(4):
        press(page, "ArrowRight", shift=True)
    assert "the function fails" in page.evaluate(tip)
    assert "attempt 1" in page.evaluate(tip)
    press(page, "Escape")
    assert page.evaluate(tip) is None

    press(page, "Enter")
    assert page.evaluate("heard.findLast(([kind]) => kind === 'select')[1].function") == "flaky"
    whole = page.evaluate("t.scale.to - t.scale.from")
    press(page, "+")
    assert page.evaluate("t.scale.to - t.scale.from") < whole
    press(page, "0")
    assert page.evaluate("t.scale.to - t.scale.from") == pytest.approx(whole)


def test_five_thousand_calls_have_few_elements_and_every_row_is_reachable(page: BrowserTab) -> None:
    calls = data.many(5000, 600)
    show(page, calls, now=data.BEGIN + 605)
    assert page.evaluate("document.querySelectorAll('*').length") < 300

    page.evaluate("document.querySelector('.tl-row[tabindex=\"0\"]').focus()")
    press(page, "End")
    assert page.evaluate("document.activeElement.getAttribute('aria-posinset')") == "5000"
    assert page.evaluate("document.activeElement.getAttribute('aria-setsize')") == "5000"
    last = calls[-1]["callId"]
    assert page.evaluate("document.activeElement.dataset.call") == last
    # Going to another time goes to the rows that have something there.
    page.evaluate(f"t.setRange({data.BEGIN + 100}, {data.BEGIN + 110}); {FRAME}")
    row = page.evaluate(
        f"{ROWS}.map((each) => Number(each.getAttribute('aria-posinset'))).sort((a, b) => a - b)[6]"
    )
    assert 700 < row < 950


def test_frames_with_5000_calls_and_200_events_a_second(
    page: BrowserTab, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's frame rate over five seconds, printed."""
    show(page, data.many(5000, 600), now=data.BEGIN + 600, live=True)
    page.evaluate(f"t.setRange({data.BEGIN + 595}, {data.BEGIN + 601})")
    measured = page.evaluate("measureFrames(5)")
    frames, drawn, events = (measured[name] for name in ("frames", "drawn", "events"))
    with capsys.disabled():
        print(f"\ntimeline, 5,000 calls, {events:.0f} events/s: {frames:.1f} frames/s ({drawn:.1f} drawn),")
        print(f"95 % of them within {measured['p95']:.0f} ms, the slowest {measured['slowest']:.0f} ms")
    assert measured["events"] > 100
    assert measured["drawn"] > 20
    assert measured["frames"] >= FEWEST_FRAMES


def test_now_stays_at_the_right_until_the_user_pans(page: BrowserTab) -> None:
    show(page, data.one_of_each(), live=True)
    right = "t.scale.x(t.now) - t.scale.left - t.scale.width"
    page.evaluate("pause(1200)")
    assert -80 < page.evaluate(right) < 0
    follow = "document.querySelector('[data-action=follow]').getAttribute('aria-pressed')"
    page.evaluate(
        "for (let each = 0; each < 3; each += 1) document.querySelector('[data-action=zoom_in]').click()"
    )
    page.evaluate(FRAME)
    assert page.evaluate(follow) == "true"
    page.evaluate(f"t.setRange({data.BEGIN}, {data.BEGIN + 2}); {FRAME}")
    assert page.evaluate(follow) == "false"
    before = page.evaluate("t.scale.from")
    page.evaluate("pause(500)")
    assert page.evaluate("t.scale.from") == before
    page.evaluate(f"document.querySelector('[data-action=follow]').click(); {FRAME}")
    assert page.evaluate(follow) == "true"
    assert -80 < page.evaluate(right) < 0


def test_idle_times_are_shortened_and_can_be_shown_whole(page: BrowserTab) -> None:
    late = data.call(20, "figlet", "done", [data.span("queued", 3600, 3601), data.span("works", 3601, 3602)])
    show(page, [*data.one_of_each()[:7], late], now=data.BEGIN + 3602)
    length = "t.scale.to - t.scale.from"
    assert page.evaluate(length) < 60
    ticks = [tick["label"] for tick in page.evaluate("t.scale.ticks(84)")]
    assert ticks[0] == "0"
    assert page.evaluate("t.scale.warp.gaps.length") == 1

    page.evaluate(f"document.querySelector('.tl-bar input').click(); {FRAME}")

    assert page.evaluate(length) > 3600
    assert "30 min" in [tick["label"] for tick in page.evaluate("t.scale.ticks(84)")]


def test_a_dead_letter_that_is_redriven_later_leaves_the_time_between_idle(page: BrowserTab) -> None:
    spans = [
        data.span("works", 0, 1, attempt=1),
        data.span("dead", 1, 1),
        data.span("queued", 100, 101),
        data.span("works", 101, 102, attempt=2),
    ]
    show(page, [data.call(1, "redriven", "done", spans)], now=data.BEGIN + 103)
    page.evaluate(f"{FRAME}")
    gaps = page.evaluate("t.scale.warp.gaps.map(({start, end}) => [start, end])")
    assert gaps == [[data.BEGIN + 1, data.BEGIN + 100]]


def test_a_call_whose_attempt_was_lost_is_not_shown_as_running(page: BrowserTab) -> None:
    spans = [data.span("lost", 0, 1, attempt=1), data.span("lease", 1, None, attempt=1)]
    show(page, [data.call(1, "orphan", "running", spans)], now=data.BEGIN + 2)
    page.wait_for(f"{ROWS}[0]?.dataset.state === 'retrying'")


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (0.01, "1 ms"),
        (0.5, "50 ms"),
        (1, "0.1 s"),
        (10, "1 s"),
        (100, "10 s"),
        (600, "1 min"),
        (86_400, "4 h"),
    ],
)
def test_ticks_are_round_from_milliseconds_to_hours(page: BrowserTab, span: float, expected: str) -> None:
    ticks = page.evaluate(f"ticksOf({span})")
    labels = [tick["label"] for tick in ticks]
    assert labels[0] == "0"
    assert labels[1] == expected
    assert 4 <= len(labels) <= 13
    assert all(b["x"] - a["x"] >= 60 for a, b in pairwise(ticks))


def test_a_run_is_shown_as_it_was_at_an_earlier_time(page: BrowserTab) -> None:
    show(page, data.one_of_each())
    page.evaluate(f"t.setNow({data.BEGIN + 4.0}); {FRAME}")

    states = dict(page.evaluate(f"{ROWS}.map((each) => [each.dataset.call, each.dataset.state])"))

    functions = {call["callId"]: call["function"] for call in data.one_of_each()}
    by_function = {functions[call]: state for call, state in states.items()}
    assert "slow" not in by_function, "it began later"
    assert by_function["flaky"] == "retrying"
    assert by_function["broken"] == "queued"
    assert by_function["figlet"] == "done"


def test_hostile_names_and_labels_stay_text(page: BrowserTab) -> None:
    spans = [data.span("queued", 0, 1, HOSTILE), data.span("fails", 1, 2, HOSTILE, 1)]
    call = data.call(
        1,
        HOSTILE,
        "failed",
        spans,
        captured=[{"bin": HOSTILE, "id": HOSTILE, "seq": 1, "time": data.BEGIN + 1.5}],
    )
    fault = {"where": HOSTILE, "what": HOSTILE, "start": data.BEGIN, "end": data.BEGIN + 1, "label": HOSTILE}
    show(page, [call, *data.one_of_each()], faults=[fault])
    x, y = place(page, "<img", 1.6)
    mouse(page, "mouseMoved", x, y)
    page.evaluate(FRAME)

    assert page.evaluate("document.querySelectorAll('#root img').length") == 0
    tip = page.evaluate("document.querySelector('.tl-tip').textContent")
    assert "<img src=x onerror=alert(1)>[U+202E][U+200B]" in tip
    label = page.evaluate(
        f"{ROWS}.find((each) => each.textContent.startsWith('<img')).getAttribute('aria-label')"
    )
    assert len(label) < 1000
    assert "\u202e" not in page.evaluate("document.getElementById('root').textContent")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_several_on_one_page_and_destroy_leaves_nothing(page: BrowserTab) -> None:
    page.call("Performance.enable")
    calls = json.dumps({"calls": data.one_of_each(), "faults": data.FAULTS, "now": data.NOW})

    def listeners() -> float:
        page.call("HeapProfiler.collectGarbage")
        found = page.call("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in found if each["name"] == "JSEventListeners"))

    elements = "document.querySelectorAll('*').length"
    before = page.evaluate(elements)
    assert page.evaluate(f"comeAndGo({calls})") == [[11, 11], [0, 0]]
    first = listeners()
    page.evaluate(f"comeAndGo({calls})")
    assert listeners() <= first
    assert page.evaluate(elements) == before


def test_the_flow_shows_counts_and_is_a_filter(page: BrowserTab) -> None:
    page.evaluate("startFlow({counts: {accepted: 10, queued: 3, retrying: 2, dead: 1}})")
    page.wait_for("document.querySelectorAll('.fl [role=button]').length === 10 && 1")
    label = "document.querySelector('.fl [data-name=\"{}\"]').getAttribute('aria-label')"
    assert page.evaluate(label.format("dead")) == "dead letter: 1"
    assert page.evaluate(label.format("queued")) == "queued: 3"
    page.evaluate("document.querySelector('.fl [data-name=retrying]').focus()")
    press(page, "Enter")
    assert page.evaluate("heard.at(-1)") == ["filter", "retrying"]
    assert page.evaluate("document.querySelector('.fl [aria-pressed=true]').dataset.name") == "retrying"
    press(page, "Enter")
    assert page.evaluate("heard.at(-1)") == ["filter", None]


def test_reduced_motion_is_respected(page: BrowserTab) -> None:
    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    page.call("Emulation.setEmulatedMedia", features=features)
    page.evaluate(f"startFlow({{counts: {{accepted: 1}}}}); {FRAME}")
    page.evaluate("flow.setData({counts: {accepted: 2, queued: 1, callbacks: 1}}); 1")
    assert page.evaluate("document.querySelectorAll('.fl-dot').length") == 0
    show(page, data.one_of_each(), live=True)
    assert page.evaluate("countDraws(2000)") <= 4


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (420, False), (420, True)])
def test_every_width_and_theme_fits_and_is_readable(
    page: BrowserTab, tmp_path: Path, width: int, dark: bool
) -> None:
    page.look(width=width, height=1000, dark=dark)
    page.evaluate("startFlow({counts: {accepted: 2}})")
    show(page, data.one_of_each())
    page.wait_for("document.querySelectorAll('.fl text').length > 9 && 1")
    page.screenshot(tmp_path / "timeline.png")

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert min(page.evaluate("textSizes()")) >= 11
    ink = page.evaluate("getComputedStyle(document.querySelector('.tl')).color")
    expected = page.evaluate(f"marks.colours.text.{'dark' if dark else 'light'}")
    assert ink == f"rgb({', '.join(str(int(expected[at : at + 2], 16)) for at in (1, 3, 5))})"
    # The canvas follows: the state of a call that is done is drawn in the theme's colour.
    assert page.evaluate("t.theme.dark") is dark
