"""The flow and the gauge in a browser: positions by events, numbers, reasons, faults, keyboard, speed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import timeline_data as data
from chromium import BrowserTab, Chromium
from inspector_page import violations
from timeline_server import module_page

FEWEST_FRAMES = 30
FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
HOSTILE = "<img src=x onerror=alert(1)>\u202e\u200b" + "a" * 10_000
NEW_GAUGE = "window.g = createGauge(document.getElementById('root'), { words, marks }); 1"
CALLS = data.one_of_each()
SYNC, LONG, NOTIFY, FLAKY, LOST, BROKEN, UNHEARD, CANCELLED, SLOW, RUNNING, WAITING = (
    call["callId"] for call in CALLS
)
QUEUE = {
    "name": "faas-request",
    "depth": 5,
    "in_flight": 1,
    "waiting_for_retry": 0,
    "dead_letters": 1,
    "submitted": 9,
    "max_inflight": 1,
    "workers": [{"name": "queue-worker-7", "max_inflight": 1, "in_flight": 1}],
}
PAUSED = {"where": "queue-worker", "what": "pause", "start": data.BEGIN, "end": None, "label": "paused"}


@pytest.fixture
def page(browser: Chromium, server: str) -> Iterator[BrowserTab]:
    with module_page(browser, server, "/", "data:") as page:
        page.wait_for("window.ready")
        yield page
    page.close()


def show(page: BrowserTab, seconds: float, calls: list[dict[str, Any]] = CALLS, **more: Any) -> None:
    """Show the flow at a time that stands still."""
    given = {"calls": calls, "queues": [QUEUE], "counts": {"accepted": 9, "queued": 3}, **more}
    text = json.dumps({"now": data.BEGIN + seconds, "live": False, **given})
    page.evaluate(f"if (!window.flow?.setData) startFlow({{}}); flow.setData({text}); {FRAME}")
    page.wait_for("!!document.querySelector('.fl-card')")


def places(page: BrowserTab, *seconds: float, travels: bool = True) -> list[dict[str, str | None]]:
    times = [data.BEGIN + each for each in seconds]
    found: list[dict[str, str | None]] = page.evaluate(
        f"placesAt({json.dumps(CALLS)}, {json.dumps(times)}, {json.dumps(travels)})"
    )
    return found


def reasons(page: BrowserTab, seconds: float, **more: Any) -> dict[str, tuple[str, int]]:
    """Return station and number of calls by the reason's code."""
    calls = more.pop("calls", CALLS)
    found = page.evaluate(
        f"reasons({json.dumps(calls)}, {data.BEGIN + seconds}, {json.dumps({'queues': [QUEUE], **more})})"
    )
    return {each["code"]: (each["station"], each["n"]) for each in found}


def attribute(page: BrowserTab, station: str, name: str = "aria-label") -> str:
    return str(
        page.evaluate(f"document.querySelector('[data-station={station}]').getAttribute({json.dumps(name)})")
    )


def test_a_dot_is_where_the_events_of_its_call_put_it(page: BrowserTab) -> None:
    at_3, at_4_5, at_5, at_9, at_9_8, at_20 = places(page, 1.9, 4.5, 5.7, 9.8, 10.3, 20)

    assert at_3[NOTIFY] == "queue"
    assert at_3[LONG] == "function"
    assert at_4_5[FLAKY] == "retry"  # its first attempt failed at 3.3; the next is at 4.8
    assert at_4_5[CANCELLED] == "queue>cancelled"
    assert at_5[LOST] == "lease"  # its worker was killed at 4.7
    assert at_5[CANCELLED] is None  # its way has ended
    assert at_9[BROKEN] == "dead"
    assert at_9_8[RUNNING] == "function"
    assert at_9_8[WAITING] == "queue"
    assert {call: at for call, at in at_20.items() if at} == {RUNNING: "function", WAITING: "queue"}


def test_a_synchronous_call_goes_to_the_function_and_back_to_its_caller(page: BrowserTab) -> None:
    hop = page.evaluate("HOP")
    way = places(page, *(0.001 + step * 0.05 for step in range(80)))

    seen = [at[SYNC] for at in way]
    stops = [each for index, each in enumerate(seen) if each != seen[index - 1]]
    assert stops == [
        "client",
        "client>gateway",
        "gateway>function",
        "function",
        "function>gateway",
        "gateway>client",
        "client",
        None,
    ]
    assert 0.2 <= hop <= 0.6
    # Meanwhile the caller is shown as one that waits; that of an asynchronous call has its answer.
    waiting = page.evaluate(f"scene({json.dumps(CALLS)}, {data.BEGIN + 1.05}).resting.client")
    assert [dot["call"]["callId"] for dot in waiting] == [SYNC]
    moving = page.evaluate(f"scene({json.dumps(CALLS[:2])}, {data.BEGIN + 0.7}).moving")
    assert ("gateway", "client", "answered") in {(dot["from"], dot["to"], dot["look"]) for dot in moving}


def test_a_picture_depends_on_the_time_only(page: BrowserTab) -> None:
    """So that pause, step and replay show what was."""
    dots = (
        "JSON.stringify([...document.querySelectorAll('.fl-dot')]"
        ".map((dot) => dot.style.transform + dot.dataset.look).sort())"
    )
    times = (0.6, 3.5, 5.0, 9.35)
    forward, backward = {}, {}
    for seen, order in ((forward, times), (backward, times[::-1])):
        for seconds in order:
            show(page, seconds)
            seen[seconds] = page.evaluate(dots)

    assert forward == backward
    assert len(set(forward.values())) == len(times)


def test_numbers_hold_however_many_dots_are_drawn(page: BrowserTab) -> None:
    calls = data.many(3_000, 10)  # 300 a second
    at = data.BEGIN + 6
    scene = page.evaluate(f"scene({json.dumps(calls)}, {at})")

    def is_open(span: dict[str, Any]) -> bool:
        return bool(span["start"] <= at < span["end"])

    waiting = sum(any(each["kind"] == "queued" and is_open(each) for each in call["spans"]) for call in calls)
    assert scene["counts"]["queue"] == waiting > 100
    assert len(scene["moving"]) < 120
    assert sum(dot["n"] for dot in scene["moving"]) > 300
    show(page, 6, calls)
    assert page.evaluate("document.querySelectorAll('.fl-dot').length") < 260
    drawn = page.evaluate("document.querySelectorAll('.fl-rests[data-look=queued]').length")
    more = page.evaluate("document.querySelector('[data-station=queue] .fl-more').textContent")
    in_queue = page.evaluate("flow.scene.resting.queue.length")
    assert int(more.removeprefix("+")) + drawn == in_queue
    few = page.evaluate(f"scene({json.dumps(CALLS)}, {data.BEGIN + 0.95})")
    assert {dot["n"] for dot in few["moving"]} == {1}


def test_what_waits_and_why_is_told(page: BrowserTab) -> None:
    spans = [data.span("queued", 1, 2.8), data.span("fails", 2.8, 3.3, "500", 1)]
    retried = data.call(99, "flaky", "retrying", [*spans, data.span("backoff", 3.3, None, "", 1)])
    retried["attempts"] = [{"number": 1, "retryDelay": 1.5}]
    assert reasons(page, 3.0)["limit"] == ("queue", 6)
    assert reasons(page, 3.0, queues=[QUEUE | {"workers": [QUEUE["workers"][0] | {"max_inflight": 3}]}])[
        "free"
    ] == ("queue", 6)
    assert "caller" in reasons(page, 1.0)
    assert reasons(page, 3.0, faults=[PAUSED])["paused"] == ("queue", 6)
    assert reasons(page, 3.0, faults=[PAUSED])["running_paused"] == ("worker", 1)
    assert reasons(page, 3.0, faults=[PAUSED | {"end": data.BEGIN + 2}])["limit"] == ("queue", 6)
    stopped = {"where": "nats-server", "what": "stop", "start": data.BEGIN, "end": None, "label": ""}
    assert "queue_down" in reasons(page, 3.0, faults=[stopped])
    assert "no_worker" in reasons(page, 3.0, queues=[QUEUE | {"workers": []}])
    assert reasons(page, 5.0)["lease"] == ("lease", 1)
    show(page, 4.0, [retried, *CALLS[4:]])
    lines = "[...document.querySelectorAll('.fl-why li')].map((line) => line.textContent)"
    assert "1 call waits for the retry's delay: 0.8 s left" in page.evaluate(lines)
    assert "5 calls wait: at most 1 run at once (max_inflight)" in page.evaluate(lines)
    show(page, 20, [])
    assert page.evaluate(lines) == []


def test_a_fault_is_marked_at_the_station_it_hits(page: BrowserTab) -> None:
    visible = """[...document.querySelectorAll('.fl-badge')]
        .filter((each) => each.getAttribute('visibility') === 'visible')"""
    show(page, 3.0, faults=[PAUSED])
    assert attribute(page, "worker") == "queue-worker: 1 / 1 places, fault: paused"
    assert page.evaluate(f"{visible}.map((each) => each.textContent)") == ["paused"]
    killed = PAUSED | {"what": "kill", "end": data.BEGIN + 3.1}
    show(page, 2.0, faults=[killed | {"start": data.BEGIN + 2.5}])
    assert page.evaluate(f"{visible}.length") == 0  # not yet
    show(page, 3.2, faults=[killed | {"start": data.BEGIN + 2.5}])
    assert page.evaluate(f"{visible}.map((each) => each.textContent)") == ["killed, over"]
    show(page, 9, faults=[killed | {"start": data.BEGIN + 2.5}])
    assert page.evaluate(f"{visible}.length") == 0


def test_dots_move_a_little_in_each_frame_and_then_rest(page: BrowserTab) -> None:
    show(page, 0.75, [CALLS[1]], live=True)
    seen = page.evaluate("watchDots(700)")

    paths = [frame for frame in seen if frame]
    assert len(paths) > 15
    lefts = [round(frame[0][0]) for frame in paths]
    steps = [abs(b - a) for a, b in pairwise(lefts)]
    assert len(set(lefts)) > 10
    assert sorted(steps)[len(steps) * 9 // 10] < 60


def test_without_motion_calls_are_at_stations_only(page: BrowserTab) -> None:
    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    page.call("Emulation.setEmulatedMedia", features=features)
    for at in places(page, *(0.05 * step for step in range(1, 200, 7)), travels=False):
        assert not any(">" in (place or "") for place in at.values())
    show(page, 0.75, live=True)
    seen = page.evaluate("watchDots(1500)")
    assert all(frame == [] for frame in seen)
    assert page.evaluate("document.querySelectorAll('.fl-rests').length") > 0
    draws = """(async () => { let n = 0; const { draw } = flow.frames;
        flow.frames.draw = (time) => { n += 1; draw(time); }; await pause(2000); return n; })()"""
    assert page.evaluate(draws) <= 6


def test_every_station_is_reached_by_keyboard_and_explains_itself(page: BrowserTab) -> None:
    show(page, 3.0)
    page.evaluate("document.body.focus()")
    reached = []
    for _ in range(11):
        page.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.dataset.station ?? document.activeElement.className")
        )
    assert set(reached) == {
        *("gateway", "queue", "function", "callback", "retry", "lease"),
        *("cancelled", "dead", "failed", "done", "fl-button"),
    }
    page.evaluate("document.querySelector('[data-station=queue]').focus()")
    assert "until a worker has a free place" in page.evaluate("document.querySelector('.tl-tip').textContent")
    page.press("Enter")
    assert page.evaluate("heard.at(-1)") == ["filter", "queued"]
    page.press("Escape")
    assert page.evaluate("document.querySelector('.tl-tip').hidden")


def test_the_table_says_the_same_and_keeps_up(page: BrowserTab) -> None:
    show(page, 3.0, faults=[PAUSED])
    page.evaluate("document.querySelector('.fl-button').focus()")
    page.press("Enter")
    page.evaluate(FRAME)
    rows = """[...document.querySelectorAll('.fl-twin table:{} tbody tr')]
        .map((row) => [...row.cells].map((cell) => cell.textContent))"""
    stations = {row[0]: row[1:] for row in page.evaluate(rows.format("first-child"))}
    assert stations["queue"] == ["queued: 3", "6 calls wait: the worker is paused"]
    assert stations["queue-worker"][0] == "queue-worker: 1 / 1 places, fault: paused"
    calls = page.evaluate(rows.format("last-child"))
    assert ["flaky", FLAKY[:8], "function", "0.2 s"] in calls
    show(page, 9.5)
    calls = page.evaluate(rows.format("last-child"))
    assert [row[0] for row in calls] == ["notify", "long-task", "notify"]
    assert page.evaluate("document.querySelector('.fl-button').getAttribute('aria-expanded')") == "true"
    assert violations(page) == []


def test_names_of_calls_stay_text(page: BrowserTab) -> None:
    call = data.call(1, HOSTILE, "queued", [data.span("queued", 0, None, HOSTILE)])
    fault = PAUSED | {"where": HOSTILE, "what": HOSTILE, "label": HOSTILE}
    show(page, 3.0, [call], faults=[fault], queues=[QUEUE | {"name": HOSTILE}])
    page.evaluate("document.querySelector('.fl-button').click()")
    page.evaluate(FRAME)

    assert page.evaluate("document.querySelectorAll('#flow img').length") == 0
    assert "\u202e" not in page.evaluate("document.getElementById('flow').textContent")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_frames_at_two_hundred_events_a_second_and_none_when_all_rests(page: BrowserTab) -> None:
    show(page, 0, [], live=True)
    found = page.evaluate("measureFlow(4)")
    print(
        f"\nflow, {found['events']:.0f} events/s: {found['frames']:.1f} frames/s, {found['drawn']:.1f} drawn,"
    )
    print(f"95 % within {found['p95']:.0f} ms; at most {found['most']} dots; {found['idle']} when all rests")

    assert found["events"] >= 180
    assert min(found["frames"], found["drawn"]) >= FEWEST_FRAMES
    assert found["idle"] <= 1
    assert found["most"] <= 160


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [420, 700, 1280, 1600])
def test_it_fits_is_readable_and_follows_the_theme(
    page: BrowserTab, tmp_path: Path, width: int, dark: bool
) -> None:
    page.look(width=width, height=700, dark=not dark)
    show(page, 5.0, faults=data.FAULTS)
    page.look(width=width, height=700, dark=dark)
    page.evaluate(NEW_GAUGE)
    page.evaluate(f"g.setData({json.dumps({'queues': [QUEUE], 'now': 5})}); {FRAME}")
    page.screenshot(tmp_path / "flow.png")

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    inside = """[...document.querySelectorAll('.fl-part')].every((part) => {
        const box = part.querySelector('.fl-paper').getBoundingClientRect();
        return box.left >= 0 && box.right <= innerWidth; })"""
    assert page.evaluate(inside)
    overlaps = """(() => {
        const boxes = [...document.querySelectorAll('.fl-paper')].map((each) => each.getBoundingClientRect());
        return boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right && b.left < a.right
            && a.top < b.bottom && b.top < a.bottom)); })()"""
    assert not page.evaluate(overlaps)
    cut = """[...document.querySelectorAll('.fl-part')].flatMap((part) => {
        const box = part.querySelector('.fl-paper').getBoundingClientRect();
        return [...part.querySelectorAll('.fl-name, .fl-line')].filter((text) => {
            const own = text.getBoundingClientRect();
            return own.left < box.left - 1 || own.right > box.right + 1;
        }).map((text) => text.textContent); })"""
    assert page.evaluate(cut) == []
    assert min(page.evaluate("textSizes()")) >= 11
    ink = page.evaluate("getComputedStyle(document.querySelector('.fl')).color")
    expected = page.evaluate(f"marks.colours.text.{'dark' if dark else 'light'}")
    assert ink == f"rgb({', '.join(str(int(expected[at : at + 2], 16)) for at in (1, 3, 5))})"
    assert violations(page) == []


def test_the_gauge_tells_a_pace_only_if_it_was_measured(page: BrowserTab) -> None:
    # 12 calls come at once, then one leaves each second.
    burst = [[100, 0, 0, 50], [110, 11, 1, 62], *([110 + each, 11 - each, 1, 62] for each in range(1, 9))]

    def pace(now: float, readings: list[list[float]] = burst) -> dict[str, float | None]:
        found: dict[str, float | None] = page.evaluate(f"paceOf({json.dumps(readings)}, {now})")
        return found

    assert pace(111)["left"] is None  # too short to tell
    at_118 = pace(118)
    assert (at_118["come"], at_118["leave"]) == (0, 1)
    assert at_118["left"] == 4
    growing = [[100 + each, 2 * each, 1, 50 + 3 * each] for each in range(11)]
    assert page.evaluate(f"paceOf({json.dumps(growing)}, 110).left === Infinity")
    assert pace(130, [[100, 3, 1, 4]])["left"] is None  # nothing has left
    assert pace(130, [[100, 0, 0, 4]])["left"] == 0
    # The lab was reset: what was before counts no more.
    assert pace(113, [[100, 5, 1, 90], [110, 1, 1, 2], [113, 0, 1, 2]])["come"] == 0


def test_the_gauge_shows_figures_and_estimates_when_the_queue_is_empty(page: BrowserTab) -> None:
    page.evaluate(NEW_GAUGE)
    for second, depth in enumerate((8, 7, 6, 5, 4)):
        queue = QUEUE | {"depth": depth, "waiting_for_retry": 0}
        page.evaluate(f"g.setData({json.dumps({'queues': [queue], 'now': 100 + second})}); {FRAME}")
    figure = "document.querySelector('[data-gauge={}]').parentElement.textContent"
    assert page.evaluate(figure.format("queue_depth")) == "4"
    assert page.evaluate(figure.format("in_flight")) == "1 / 1"
    assert page.evaluate(figure.format("dead_letters")) == "1"
    assert (
        page.evaluate("document.querySelector('.ga-pace').textContent") == "At this pace empty in about 5 s."
    )
    # At an earlier time it shows what was then.
    page.evaluate(f"g.setNow(101.5); {FRAME}")
    assert page.evaluate(figure.format("queue_depth")) == "7"
    page.evaluate(f"g.setData({{queues: [], now: 105}}); {FRAME}")
    assert page.evaluate("document.querySelector('.ga-empty').hidden") is False
    assert page.evaluate("document.querySelectorAll('.ga-card').length") == 0


def test_the_gauge_of_a_recorded_run_comes_from_its_calls(page: BrowserTab) -> None:
    page.evaluate(NEW_GAUGE)
    page.evaluate(f"g.setRecord({json.dumps(CALLS)}); g.setNow({data.BEGIN + 4.0}); {FRAME}")
    figures = """Object.fromEntries([...document.querySelectorAll('[data-gauge]')]
        .map((each) => [each.dataset.gauge, each.textContent]))"""
    shown = page.evaluate(figures)
    assert (shown["queue_depth"], shown["in_flight"], shown["waiting_for_retry"]) == ("5", "1", "1")
    page.evaluate(f"g.setNow({data.BEGIN + 9.3}); {FRAME}")
    assert page.evaluate(figures)["dead_letters"] == "1"
