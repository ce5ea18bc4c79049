"""The view of logs, as a module in a plain page: hostile text, speed, keyboard, themes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import BrowserTab, Chromium
from inspector_page import violations
from timeline_server import timeline_server

FRAME = "painted()"
TEXTS = "[...document.querySelectorAll('.lg-line')].map((line) => line.querySelector('.lg-text').innerText)"
AT_END = "((f) => f.scrollHeight - f.scrollTop - f.clientHeight < 24)(document.querySelector('.lg-frame'))"
START = """(async () => {
    const { createLogs } = await import('/logs/logs.js');
    const load = async (name) => (await fetch(name)).json();
    const link = Object.assign(document.createElement('link'), {rel: 'stylesheet', href: '/logs/logs.css'});
    await new Promise((done) => { link.onload = done; document.head.append(link); });
    window.heard = [];
    window.logs = createLogs(document.getElementById('root'), {
        words: await load('/words/en.json'), marks: await load('/marks.json'),
        announce: (text) => heard.push(text),
    });
    window.line = (number, more) => ({
        service: 'gateway', time: new Date(1.8e12 + number * 10).toISOString(), level: 'info',
        text: `line ${number}`, call_id: null, ...more});
    window.some = (from, to, more) => Array.from({length: to - from}, (_, at) => line(from + at, more));
    window.painted = async () => {
        do {
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        } while (logs.isBehind);
    };
    window.choose = (level) => {
        const select = document.querySelector('.lg select');
        select.value = level;
        select.dispatchEvent(new Event('change'));
    };
    window.topLine = () => {
        const frame = document.querySelector('.lg-frame');
        const top = frame.getBoundingClientRect().top + 5;
        const isBelow = (line) => line.getBoundingClientRect().bottom > top;
        return [...frame.querySelectorAll('.lg-line')].find(isBelow).innerText;
    };
    window.measure = async () => {
        let made = 0;
        const timer = setInterval(() => { logs.add(some(made, made += 500)); }, 50);
        const times = [];
        const begin = performance.now();
        await new Promise((done) => {
            const next = (time) => {
                times.push(time);
                if (performance.now() - begin < 3000) requestAnimationFrame(next); else done();
            };
            requestAnimationFrame(next);
        });
        clearInterval(timer);
        return {frames: times.length / 3, made};
    };
})()"""
HOSTILE = [
    "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "\u202egnp.exe\u200b\u2066 turned",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J\x00\x00nul \b\b\b back",
    "\u2028two\u2029lines\nreal\r\nbreak\ttab",
    "z\u0351\u0350\u0357" * 300,
    "\x00" * 8000,
    "\x01\x02" * 4000,
    "a" * 8192,
    "${7*7} {n} {{x}} javascript:alert(3)",
]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with timeline_server() as url:
        yield url


@pytest.fixture
def page(browser: Chromium, server: str) -> Iterator[BrowserTab]:
    page = browser.open(f"{server}/plain")
    page.evaluate(START)
    yield page
    page.look()
    assert page.problems == []
    assert all(url.startswith(server) for url in page.requested)


def add(page: BrowserTab, lines: list[dict[str, Any]], dropped: int = 0) -> None:
    whole = [
        {"service": "gateway", "time": "2027-01-15T08:00:00Z", "level": "info", "call_id": None, **line}
        for line in lines
    ]
    page.evaluate(f"logs.add({json.dumps(whole)}, {dropped}); {FRAME}")


def texts(page: BrowserTab) -> list[str]:
    found: list[str] = page.evaluate(TEXTS)
    return found


def test_hostile_text_is_shown_as_text(page: BrowserTab) -> None:
    add(
        page,
        [{"text": text, "service": text[:60], "call_id": text[:80], "kind": "function"} for text in HOSTILE],
    )
    shown = texts(page)

    assert shown[0].startswith(HOSTILE[0])
    assert "U+202Egnp.exeU+200BU+2066 turned" in shown[1]
    assert "ESC[31mredESC[0mU+001B]0;titleU+0007ESC[2JU+0000U+0000nul" in shown[2]
    assert "U+2028two" in shown[3]
    assert page.evaluate("document.querySelectorAll('.lg img, .lg script').length") == 0
    hidden = r"/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u200b\u202a-\u202e\u2066-\u2069]/"
    assert page.evaluate(f"!{hidden}.test(document.querySelector('.lg').textContent)")
    nodes = page.evaluate("document.querySelectorAll('.lg *').length")
    assert nodes < 5000, "thousands of hidden characters do not become thousands of elements"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_function_and_a_service_of_one_name_differ_by_more_than_colour(page: BrowserTab) -> None:
    add(page, [{"text": "one"}, {"text": "two", "kind": "function"}, {"text": "three", "service": "nats"}])
    marks = page.evaluate(
        "[...document.querySelectorAll('.lg-line')].map((each) => each.querySelector('.lg-mark').textContent)"
    )
    assert len(set(marks)) == 3
    page.evaluate(f"document.querySelectorAll('.service-chip')[1].click(); {FRAME}")
    assert texts(page) == ["one", "three"]


def test_lines_are_filtered_by_text_level_call_and_service(page: BrowserTab) -> None:
    add(
        page,
        [
            {"text": "hello World", "call_id": "call-1"},
            {"text": "careful", "level": "warn", "service": "nats"},
            {"text": "broken", "level": "error", "call_id": "call-2"},
            {"text": "second of it", "call_id": "call-1", "service": "queue-worker"},
        ],
    )
    page.evaluate("document.querySelector('.lg-search').focus(); 1")
    page.type("world")
    page.evaluate(FRAME)
    assert [text.split("\n")[0][:11] for text in texts(page)] == ["hello World"]
    page.evaluate(f"logs.search(''); choose('warning'); {FRAME}")
    assert [text.split()[1] for text in texts(page)] == ["careful", "broken"]
    page.evaluate(f"choose('debug'); document.querySelector('button.lg-call').click(); {FRAME}")
    assert [text.split()[0] for text in texts(page)] == ["hello", "second"]
    assert "call-1" in page.evaluate("document.querySelector('.lg-chosen').innerText")
    page.evaluate(f"document.querySelector('.lg-chosen button').click(); {FRAME}")
    assert len(texts(page)) == 4
    page.evaluate(f"logs.search('nothing has this'); {FRAME}")
    assert "No line matches" in page.evaluate("document.querySelector('.lg-message').innerText")


def test_only_the_newest_lines_are_kept_and_few_are_in_the_document(page: BrowserTab) -> None:
    page.evaluate(f"for (let at = 0; at < 10; at += 1) logs.add(some(at * 1000, at * 1000 + 1000)); {FRAME}")
    assert page.evaluate("logs.model.lines.length") == 2000
    assert page.evaluate("document.querySelectorAll('.lg-line').length") <= 300
    assert texts(page)[-1] == "line 9999"
    assert page.evaluate(AT_END)


def test_the_reader_is_not_moved_while_older_lines_are_read(page: BrowserTab) -> None:
    page.evaluate(f"logs.add(some(0, 1000)); {FRAME}")
    page.evaluate(f"document.querySelector('.lg-frame').scrollTop = 1000; {FRAME}")
    before = page.evaluate("topLine()")
    page.evaluate(f"logs.add(some(1000, 1500)); {FRAME}")
    assert page.evaluate("topLine()") == before
    assert (
        page.evaluate("document.querySelector('[data-action=follow]').getAttribute('aria-pressed')")
        == "false"
    )
    assert page.evaluate("document.querySelector('.lg-to-end').innerText").startswith("500 new lines")
    page.evaluate(f"document.querySelector('.lg-frame').scrollTop = 0; {FRAME}; {FRAME}")
    page.wait_for("document.querySelectorAll('.lg-line').length >= 500")
    for _ in range(5):
        page.evaluate(f"document.querySelector('.lg-frame').scrollTop = 0; {FRAME}")
    assert texts(page)[0] == "line 0"
    page.evaluate(f"document.querySelector('.lg-to-end').click(); {FRAME}")
    assert page.evaluate(AT_END)
    assert texts(page)[-1] == "line 1499"


def test_the_end_stays_in_sight_when_the_view_gets_narrow(page: BrowserTab) -> None:
    add(page, [{"text": f"{number} " + "words " * 30} for number in range(100)])
    assert page.evaluate(AT_END)
    page.look(width=420)
    page.evaluate(f"{FRAME}; {FRAME}")
    page.wait_for(AT_END)


def test_pause_holds_also_at_the_end(page: BrowserTab) -> None:
    page.evaluate(f"logs.add(some(0, 100)); {FRAME}")
    page.evaluate("document.querySelector('[data-action=follow]').click()")
    page.evaluate(
        f"logs.add(some(100, 120)); {FRAME}; document.querySelector('.lg-frame').scrollTop = 1e6; {FRAME}"
    )
    assert texts(page)[-1] == "line 99"
    assert page.evaluate("heard") == ["Paused: new lines are counted, not shown"]
    page.evaluate(f"document.querySelector('[data-action=follow]').click(); {FRAME}")
    assert texts(page)[-1] == "line 119"


def test_a_burst_of_ten_thousand_lines_a_second_keeps_the_page_alive(page: BrowserTab) -> None:
    measured = page.evaluate("measure()")
    assert measured["made"] > 5_000, measured
    assert measured["frames"] > 20, measured
    page.wait_for(f"{TEXTS}.at(-1) === 'line {measured['made'] - 1}'")


def test_dropped_lines_are_counted(page: BrowserTab) -> None:
    add(page, [{"text": "x"}], dropped=8000)
    add(page, [{"text": "y"}], dropped=8001)
    assert "8001 lines came too fast" in page.evaluate("document.querySelector('.lg-count').innerText")


def test_an_earlier_moment_shows_the_lines_up_to_it(page: BrowserTab) -> None:
    page.evaluate(f"logs.add(some(0, 100)); {FRAME}; logs.setNow(1.8e9 + 0.5)")
    assert texts(page)[-1] == "line 50"
    page.evaluate("logs.setNow(null)")
    assert texts(page)[-1] == "line 99"


def test_copy_gives_what_is_shown_as_one_line_each(page: BrowserTab) -> None:
    page.evaluate("copied = []; navigator.clipboard.writeText = async (text) => { copied.push(text); }; 1")
    add(page, [{"text": "one\ntwo \x1b[2J\u202e"}, {"text": "three"}])
    page.evaluate(f"document.querySelector('[data-action=copy]').click(); {FRAME}")
    (text,) = page.evaluate("copied")
    assert text.count("\n") == 1
    assert "one two [ESC[2J][U+202E]" in text


def test_clear_empties_the_view(page: BrowserTab) -> None:
    add(page, [{"text": "one"}])
    page.evaluate(f"document.querySelector('[data-action=clear]').click(); {FRAME}")
    assert texts(page) == []
    add(page, [{"text": "two"}])
    assert texts(page) == ["two"]


def test_a_long_line_is_opened_by_its_button(page: BrowserTab) -> None:
    add(page, [{"text": "b" * 3000}])
    assert "2000 more characters" in texts(page)[0]
    page.evaluate(f"document.querySelector('.lg-more').click(); {FRAME}")
    assert texts(page)[0] == "b" * 3000


def test_every_control_is_reached_by_keyboard(page: BrowserTab) -> None:
    add(page, [{"text": "one", "call_id": "call-1"}, {"text": "two", "service": "nats"}])
    reached = []
    for _ in range(12):
        page.press("Tab")
        reached.append(page.evaluate("document.activeElement.className || document.activeElement.tagName"))
    for wanted in ("lg-chip service-chip", "SELECT", "lg-search", "BUTTON", "log-frame lg-frame", "lg-call"):
        assert wanted in reached, reached


@pytest.mark.parametrize("width", [1280, 420])
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    page: BrowserTab, width: int, dark: bool
) -> None:
    page.look(width=width, dark=dark)
    names = ["gateway", "queue-worker-1", "nats-server", "inspector", "supervisor", "another"]
    add(
        page,
        [
            {"text": f"line of {name}", "service": name, "level": level, "call_id": "0f8b490e-fb28-4a2a"}
            for name in names
            for level in ("info", "warning", "error")
        ],
    )
    add(
        page,
        [{"text": "out of a function", "service": "long-task", "kind": "function"}, {"text": HOSTILE[2]}],
        dropped=3,
    )
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.evaluate(f"document.querySelector('button.lg-call').click(); {FRAME}")
    assert violations(page) == []


def test_lines_that_come_late_take_their_place(page: BrowserTab) -> None:
    page.evaluate(f"logs.add(some(1000, 1002)); logs.add(some(1, 3)); logs.add(some(1002, 1003)); {FRAME}")
    assert texts(page) == ["line 1", "line 2", "line 1000", "line 1001", "line 1002"]


def test_destroy_leaves_nothing(page: BrowserTab) -> None:
    page.evaluate(f"logs.add(some(0, 10)); logs.destroy(); {FRAME}")
    assert page.evaluate("document.getElementById('root').childElementCount") == 0
