"""The view of a bin, as a module in a plain page: hostile requests, controls, keyboard, themes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import BrowserTab, Chromium
from inspector_page import violations
from timeline_server import timeline_server

FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
START = """(async () => {
    const { createBin } = await import('/bin/bin.js');
    const load = async (name) => (await fetch(name)).json();
    const link = Object.assign(document.createElement('link'), {rel: 'stylesheet', href: '/bin/bin.css'});
    await new Promise((done) => { link.onload = done; document.head.append(link); });
    Object.assign(window, {heard: [], sent: [], answers: {}});
    window.bin = createBin(document.getElementById('root'), {
        words: await load('/words/en.json'), marks: await load('/marks.json'), name: 'callbacks',
        announce: (text) => heard.push(text),
        send: async (...request) => {
            sent.push(request);
            return answers[`${request[0]} ${request[1]}`] ?? {status: 204, body: null};
        },
    });
})()"""
HOSTILE = "<img src=x onerror=alert(1)>\u202e\u200b\x1b[31m\x00" + "a" * 5000
ROWS = "[...document.querySelectorAll('.bn-list tbody tr')]"


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


def request(seq: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"id-{seq}",
        "seq": seq,
        "received_at": f"2027-01-15T08:00:{seq % 60:02d}.000000Z",
        "method": "POST",
        "path": "/",
        "query": "",
        "content_length": 5,
        "preview": "hello",
        "call_id": "0f8b490e-fb28-4a2a-9d6f-ed86531f7c2e",
        "function": "figlet",
        "function_status": 200,
        "duration": 0.1,
        "status": 200,
        **changes,
    }


def show(page: BrowserTab, requests: list[dict[str, Any]], *, state: str = "live", **bin_: Any) -> None:
    about = {
        "name": "callbacks",
        "url": "http://127.0.0.1:8090/r/callbacks",
        "answer": 200,
        "hold": False,
        "rules": 0,
        "forward": False,
        "count": len(requests),
        **bin_,
    }
    content = json.dumps({"bin": about, "requests": requests, "state": state})
    page.evaluate(f"bin.setData({content}); {FRAME}")


def document(page: BrowserTab, seq: int, **changes: Any) -> None:
    """Make the lab answer the question for a request."""
    whole = {**request(seq), "headers": [["X-Call-Id", "abc"], ["Content-Type", "text/plain"]], **changes}
    key = f"GET api/v1/bins/callbacks/requests/id-{seq}"
    page.evaluate(f"answers[{json.dumps(key)}] = {json.dumps({'status': 200, 'body': whole})}; 1")


def test_the_newest_request_comes_first_with_what_a_learner_looks_for(page: BrowserTab) -> None:
    show(page, [request(2, function_status=500, status=None), request(1)])
    first, second = page.evaluate(f"{ROWS}.map((row) => row.innerText)")
    assert first.startswith("#2")
    for text in ("POST", "figlet", "500", "0f8b490e", "waits", "hello"):
        assert text in first, text
    assert second.startswith("#1")
    assert page.evaluate("document.querySelector('.bn-held').offsetHeight") == 0, "no request is held"
    assert "for X-Callback-Url" in page.evaluate("document.querySelector('.bn-head').innerText")


def test_rows_stay_the_same_elements_when_more_arrive(page: BrowserTab) -> None:
    show(page, [request(1)])
    page.evaluate(f"window.row = {ROWS}[0]; 1")
    show(page, [request(3), request(2), request(1)])
    assert page.evaluate(f"{ROWS}[2] === row")
    show(page, [request(3)])
    assert page.evaluate(f"{ROWS}.length") == 1


def test_a_hostile_request_is_shown_as_text(page: BrowserTab) -> None:
    document(page, 1, headers=[["X-Evil", HOSTILE]], body=HOSTILE)
    show(page, [request(1, method=HOSTILE[:40], path=HOSTILE, query=HOSTILE, function=HOSTILE,
                        call_id=HOSTILE, preview=HOSTILE)])  # fmt: skip
    page.evaluate(f"{ROWS}[0].querySelector('button').click(); {FRAME}")
    page.wait_for("!!document.querySelector('.bn-detail pre')")
    text = page.evaluate("document.querySelector('.bn').innerText")
    assert "<img src=x onerror=alert(1)>" in text
    assert "U+202E" in text
    assert "ESC[31m" in text
    assert page.evaluate("document.querySelectorAll('.bn img').length") == 0
    assert page.evaluate("!/[\\u0000\\u001b\\u202e]/.test(document.querySelector('.bn').textContent)")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_request_is_chosen_by_keyboard_and_shows_headers_and_body(page: BrowserTab) -> None:
    document(page, 2, body="the whole body")
    show(page, [request(3), request(2), request(1)])
    page.evaluate(f"{ROWS}[0].querySelector('button').focus(); 1")
    page.press("ArrowDown")
    page.press("Enter")
    page.wait_for("document.querySelector('.bn-detail pre')?.innerText === 'the whole body'")
    assert "X-Call-Id" in page.evaluate("document.querySelector('.bn-headers').innerText")
    show(page, [request(4), request(3), request(2), request(1)])
    assert page.evaluate("document.querySelector('.bn-selected').innerText").startswith("#2")
    page.press("Escape")
    assert page.evaluate("document.querySelector('.bn-detail').hidden")


def test_the_answer_is_changed_by_the_control(page: BrowserTab) -> None:
    show(page, [])
    for choice in ("503", "hold"):
        page.evaluate(f"document.querySelector('.bn-choices [value=\"{choice}\"]').click(); {FRAME}")
    show(page, [], hold=True, answer=503)
    page.evaluate(f"document.querySelector('.bn-choices [value=\"200\"]').click(); {FRAME}")
    assert page.evaluate("sent") == [
        ["PUT", "api/v1/bins/callbacks", {"answer": 503}],
        ["PUT", "api/v1/bins/callbacks/hold", {"enabled": True}],
        ["DELETE", "api/v1/bins/callbacks/hold"],
        ["PUT", "api/v1/bins/callbacks", {"answer": 200}],
    ]
    assert "503, as if it were down" in page.evaluate("heard")[0]


def test_held_requests_are_released_together_or_one_by_one(page: BrowserTab) -> None:
    document(page, 2, status=None)
    show(page, [request(3, status=None), request(2, status=None), request(1)], hold=True)
    assert "2 requests wait" in page.evaluate("document.querySelector('.bn-held').innerText")
    page.evaluate(f"document.querySelector('[data-release=\"200\"]').click(); {FRAME}")
    assert [path for _, path, _ in page.evaluate("sent")] == [
        "api/v1/bins/callbacks/requests/id-3/response",
        "api/v1/bins/callbacks/requests/id-2/response",
    ]
    page.evaluate(f"{ROWS}[1].querySelector('button').click(); {FRAME}")
    page.wait_for("document.querySelectorAll('.bn-answer-one button').length === 2")
    page.evaluate(f"document.querySelectorAll('.bn-answer-one button')[1].click(); {FRAME}")
    assert page.evaluate("sent.at(-1)") == [
        "PUT",
        "api/v1/bins/callbacks/requests/id-2/response",
        {"status": 503},
    ]


def test_a_failed_change_is_told_and_the_control_shows_what_is(page: BrowserTab) -> None:
    show(page, [])
    failure = {"status": 0, "body": {"error": "The kernel is gone.", "next": "run the first cell again"}}
    page.evaluate(f"answers['PUT api/v1/bins/callbacks'] = {json.dumps(failure)}; 1")
    page.evaluate(f"document.querySelector('.bn-choices [value=\"503\"]').click(); {FRAME}")
    told = page.evaluate("document.querySelector('.bn-head [role=alert]').innerText")
    assert told == "The kernel is gone. run the first cell again"
    assert page.evaluate("document.querySelector('.bn-choices :checked').value") == "200"


def test_a_lost_inspector_and_a_deleted_bin_are_told(page: BrowserTab) -> None:
    show(page, [request(1)], state="lost")
    assert "does not answer" in page.evaluate("document.querySelector('.bn-head').innerText")
    assert page.evaluate(f"{ROWS}.length") == 1, "what had arrived stays"
    show(page, [], state="missing")
    assert "deleted" in page.evaluate("document.querySelector('.bn-head').innerText")


def test_an_earlier_moment_shows_what_had_arrived(page: BrowserTab) -> None:
    show(page, [request(30), request(20), request(10)])
    page.evaluate(f"bin.setNow(Date.parse('2027-01-15T08:00:25Z') / 1000); {FRAME}")
    assert page.evaluate(f"{ROWS}.length") == 2
    page.evaluate(f"bin.setNow(null); {FRAME}")
    assert page.evaluate(f"{ROWS}.length") == 3


@pytest.mark.parametrize("width", [1280, 420])
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    page: BrowserTab, width: int, *, dark: bool
) -> None:
    page.look(width=width, dark=dark)
    show(page, [])
    assert violations(page) == []
    document(page, 3, status=None, body="text " * 200)
    requests = [request(3, status=None), request(2, function_status=500, status=503), request(1, status=0)]
    page.evaluate("bin.setPage('http://127.0.0.1:8888/user/x/labkit/#/bins/callbacks')")
    show(page, requests, hold=True, rules=2)
    page.evaluate(f"{ROWS}[0].querySelector('button').click(); {FRAME}")
    page.wait_for("!!document.querySelector('.bn-detail pre')")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_destroy_leaves_nothing(page: BrowserTab) -> None:
    show(page, [request(1)])
    page.evaluate(f"bin.destroy(); {FRAME}")
    assert page.evaluate("document.getElementById('root').childElementCount") == 0
