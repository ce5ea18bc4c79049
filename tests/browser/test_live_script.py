"""The browser's side of live views without JupyterLab: bundle, feed, clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chromium import BrowserTab, Chromium

from labkit.live.bundle import bundled

WEB = Path(__file__).parents[2] / "services/labkit_services/web"


@pytest.fixture
def page(browser: Chromium) -> BrowserTab:
    page = browser.open()
    page.evaluate(
        f"""[window.feeds, window.clocks] = {bundled(WEB, "notebook/feed.js", "notebook/clock.js")};
        window.call = (id, start, end, state = 'done') => ({{
            callId: id, function: 'f', state, settled: end !== null,
            spans: [{{ kind: 'works', start, end }}] }});
        window.calls = (...list) => ({{ calls: list, counts: {{ done: list.length }}, faults: [] }});
        window.made = () => {{
            const feed = new feeds.Feed();
            const told = [];
            const names = (calls) => calls.map((one) => one.callId + one.state);
            feed.on('calls', ({{ calls, whole }}) => told.push([whole, names(calls)]));
            return {{ feed, told }};
        }}; 1"""
    )
    return page


def told(page: BrowserTab, script: str) -> Any:
    return page.evaluate(f"(() => {{ const {{ feed, told }} = made(); {script}; return told; }})()")


def test_a_bundle_runs_each_module_once(browser: Chromium, tmp_path: Path) -> None:
    (tmp_path / "count.js").write_text(
        "globalThis.runs = (globalThis.runs ?? 0) + 1;\nexport const one = 1;\n"
    )
    (tmp_path / "a.js").write_text(
        'import { one } from "./count.js";\nexport function f() { return one + 1; }\n'
    )
    (tmp_path / "b.js").write_text(
        'import * as a from "./a.js";\nimport { one as uno } from "./count.js";\n'
        "export class C { get sum() { return a.f() + uno; } }\n"
        "const hidden = 9;\nexport { hidden as nine };\n"
    )
    page = browser.open()

    assert page.evaluate(
        f"{{ const [b, a] = {bundled(tmp_path, 'b.js', 'a.js')}; "
        "[new b.C().sum, b.nine, a.f(), runs, Object.keys(b)] }"
    ) == [3, 9, 2, 1, ["nine", "C"]]


def test_a_handler_gets_all_calls_first_and_then_what_changes(page: BrowserTab) -> None:
    assert told(
        page,
        """feed.receiveKeyframe({ seq: 3, epoch: 0, topics: {
            calls: calls(call('a', 1, 2), call('b', 2, null, 'queued')) } });
        feed.receive({ seq: 4, epoch: 0, topics: { calls: calls(call('b', 2, 3)) } });
        feed.on('calls', ({ calls, whole }) => told.push([whole, calls.length]))""",
    ) == [[True, ["adone", "bqueued"]], [False, ["bdone"]], [True, 2]]


def test_what_is_known_already_is_not_told_again(page: BrowserTab) -> None:
    assert told(
        page,
        """feed.receive({ seq: 1, epoch: 0, topics: { calls: calls(call('a', 1, 2)) } });
        feed.receive({ seq: 1, epoch: 0, topics: { calls: calls(call('a', 1, 2)) } });
        feed.receiveKeyframe({ seq: 1, epoch: 0, topics: { calls: calls(call('a', 1, 2)) } })""",
    ) == [[False, ["adone"]]]


def test_after_a_gap_the_next_keyframe_counts(page: BrowserTab) -> None:
    assert told(
        page,
        """feed.receive({ seq: 1, epoch: 0, topics: { calls: calls(call('a', 1, 2)) } });
        feed.receive({ seq: 3, epoch: 0, topics: { calls: calls(call('c', 1, 2)) } });
        feed.receiveKeyframe({ seq: 3, epoch: 0, topics: { calls: calls(call('b', 1, 2)) } });
        feed.receiveKeyframe({ seq: 3, epoch: 0, topics: { calls: calls(call('b', 1, 2)) } });
        told.push(feed.gaps)""",
    ) == [[False, ["adone"]], [False, ["cdone"]], [True, ["adone", "cdone", "bdone"]], 1]


def test_a_reset_drops_the_calls_of_before(page: BrowserTab) -> None:
    assert told(
        page,
        """feed.receive({ seq: 1, epoch: 0, topics: { calls: calls(call('a', 1, 2)) } });
        feed.receive({ seq: 2, epoch: 1, topics: { reset: {}, calls: calls(call('b', 1, 2)) } })""",
    ) == [[False, ["adone"]], [True, []], [False, ["bdone"]]]


def test_an_error_in_a_handler_is_reported_and_the_others_go_on(page: BrowserTab) -> None:
    assert page.evaluate(
        """(() => {
        const failures = [], heard = [];
        const feed = new feeds.Feed((error) => failures.push(error.message));
        feed.on('queues', () => { throw new Error('broken'); });
        feed.on('queues', () => heard.push(1));
        feed.receive({ seq: 1, epoch: 0, topics: { queues: { queues: [] } } });
        return [failures, heard];
        })()"""
    ) == [["broken"], [1]]


def test_lines_grow_and_a_late_handler_gets_them_all(page: BrowserTab) -> None:
    assert page.evaluate(
        """(() => {
        const feed = new feeds.Feed();
        for (const seq of [1, 2, 3]) feed.receive({ seq, epoch: 0, topics: { logs: { lines: [seq] } } });
        let all;
        feed.on('logs', ({ lines, whole }) => { all = [whole, lines]; });
        return all;
        })()"""
    ) == [True, [1, 2, 3]]


CLOCK = """
    const feed = new feeds.Feed();
    const record = RECORD;
    const clock = new clocks.Clock({ feed, record, signal: new AbortController().signal });
    const at = Date.now() / 1000;
    feed.receive({ seq: 1, epoch: 0, topics: {
        calls: calls(call('a', at - 9, at - 7), call('b', at - 5, at - 3)) } });
    const ago = () => Math.round(at - clock.now());
"""


def clocked(page: BrowserTab, script: str, record: str = "null") -> Any:
    return page.evaluate(f"(async () => {{ {CLOCK.replace('RECORD', record)} {script} }})()")


def test_steps_go_from_event_to_event(page: BrowserTab) -> None:
    assert clocked(
        page,
        """const seen = [clock.live];
        for (const by of [-1, -1, -1, -1, -1, 1, 1]) { clock.step(by); seen.push(ago()); }
        return [...seen, clock.paused];""",
    ) == [True, 3, 5, 7, 9, 9, 7, 5, True]


def test_a_replay_begins_with_the_first_event_and_ends_live(page: BrowserTab) -> None:
    assert clocked(
        page,
        """clock.setSpeed(100);
        clock.replay();
        const seen = [ago(), clock.live, clock.paused];
        await new Promise((done) => setTimeout(done, 500));
        return [...seen, clock.live];""",
    ) == [9, False, False, True]


def test_a_record_stops_at_its_end_and_has_no_present(page: BrowserTab) -> None:
    assert clocked(
        page,
        """const seen = [clock.live, clock.recorded, clock.now()];
        clock.setSpeed(100);
        clock.play();
        seen.push(Math.round(clock.now()));
        await new Promise((done) => setTimeout(done, 500));
        clock.goLive();
        return [...seen, clock.now(), clock.paused];""",
        "{ start: 10, end: 20 }",
    ) == [False, True, 20, 10, 20, True]


def test_views_draw_once_while_time_stands_still(page: BrowserTab) -> None:
    assert clocked(
        page,
        """let drawn = 0;
        clock.pause();
        const end = clock.follow(() => { drawn += 1; });
        const frames = (ms) => new Promise((done) => setTimeout(done, ms));
        await frames(200);
        const still = drawn;
        clock.seek(at - 6);
        await frames(200);
        const moved = drawn;
        end();
        clock.seek(at - 7);
        await frames(100);
        return [still, moved, drawn];""",
    ) == [1, 2, 2]
