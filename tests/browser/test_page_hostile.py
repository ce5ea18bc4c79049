"""Captured content is data: whatever it is, it is shown as text and does nothing."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator

import pytest
from chromium import BrowserTab, Chromium
from inspector_page import BODY, ROWS, check_page, click, open_bin, post, text_of
from inspectors import Inspector, inspector

MARKUP = "<script>alert(1)</script><img src=//evil.example/x onerror=alert(2)><svg onload=alert(3)>"
BODIES = {
    "script": MARKUP,
    "end of script": "</script></textarea></style>--><script>alert(4)</script>",
    "attribute": "\"'><a href=javascript:alert(5) autofocus onfocus=alert(6)>",
    "svg": "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(7)</script></svg>",
    "template": "{{constructor.constructor('alert(8)')()}} ${alert(9)}",
    "json": '{"__proto__": {"polluted": true}, "a": "<img src=x onerror=alert(10)>"}',
}


@pytest.fixture(scope="module")
def running() -> Iterator[Inspector]:
    with inspector() as running:
        yield running


@pytest.fixture
def page(browser: Chromium, running: Inspector) -> Iterator[BrowserTab]:
    page = open_bin(browser, running, "hostile")
    yield page
    check_page(page, running)  # no dialog, no error of the policy, no other server
    assert page.evaluate("'polluted' in {}") is False
    assert page.evaluate("document.querySelectorAll('#view img, #view script, #view iframe').length") == 0


def newest(page: BrowserTab, running: Inspector) -> None:
    """Wait until the newest request is shown."""
    latest = running.get("/bins/hostile/requests/latest")["id"]
    page.wait_for(f"document.querySelector('.detail .metadata')?.textContent.includes('{latest}')")


@pytest.mark.parametrize("name", list(BODIES))
def test_markup_stays_text_in_every_place_and_tab(page: BrowserTab, running: Inspector, name: str) -> None:
    body = BODIES[name]
    flat = body.replace("\n", " ")
    headers = {
        "X-Markup": flat,
        "X-Function-Name": flat,
        "X-Call-Id": flat,
        "Content-Type": "application/json" if name == "json" else f"text/html; {flat}",
    }
    post(f"{running.url}/r/hostile/<b>/%3Cimg%20src=x%3E?q=<i>", body, headers)
    newest(page, running)
    assert flat in text_of(page, ".headers")
    for tab in ("answered", "timing", "call", "raw", "came_in"):
        click(page, f"[data-tab={tab}]")
        page.evaluate("new Promise((resolve) => setTimeout(resolve, 50))")
    click(page, "[data-kind=text]")
    assert page.evaluate(BODY) == body
    page.problems = [each for each in page.problems if "/api/v1/calls/" not in each]  # it has no calls


def test_characters_that_hide_or_turn_text_are_made_visible(page: BrowserTab, running: Inspector) -> None:
    body = "safe\u202egnp.exe\u202c zero\u200bwidth \u2066x\u2069 \ufeffbom \U000e0041tag \x1b[31mred"
    post(f"{running.url}/r/hostile/%E2%80%AEpath", body)
    newest(page, running)
    shown = page.evaluate(BODY)
    for code in ("U+202E", "U+202C", "U+200B", "U+2066", "U+2069", "U+FEFF", "U+E0041"):
        assert code in shown, code
    hidden = "\u202e\u202c\u200b\u2066\u2069\ufeff"
    everything = page.evaluate("document.getElementById('view').textContent")
    assert not set(hidden) & set(everything)
    assert not set(hidden) & set(page.evaluate("document.querySelector('#requests').innerHTML"))
    # A family is one picture, and stays one.
    post(f"{running.url}/r/hostile", "\U0001f468\u200d\U0001f469\u200d\U0001f467 ok")
    newest(page, running)
    assert page.evaluate(BODY) == "\U0001f468\u200d\U0001f469\u200d\U0001f467 ok"


def test_bytes_that_are_no_text_and_bombs_are_shown_in_part(page: BrowserTab, running: Inspector) -> None:
    post(f"{running.url}/r/hostile", b"\xff\xfe\x00broken\xc3\x28")
    newest(page, running)
    page.wait_for(f"{BODY}?.startsWith('000000  ff fe 00')")
    bomb = gzip.compress(bytes(50_000_000))
    post(f"{running.url}/r/hostile", bomb, {"Content-Encoding": "gzip", "Content-Type": "text/plain"})
    newest(page, running)
    page.wait_for(f"!!({BODY})")
    assert len(page.evaluate("document.body.textContent")) < 3_000_000
    post(f"{running.url}/r/hostile", "x" * 1_500_000)
    newest(page, running)
    page.wait_for("document.querySelector('.cut')?.textContent.includes('SHA-256')")
    deep = "[" * 100_000 + "]" * 100_000
    post(f"{running.url}/r/hostile", deep, {"Content-Type": "application/json"})
    newest(page, running)
    page.wait_for(f"({BODY})?.startsWith('[[[[')")


def test_odd_headers_and_methods_keep_the_page_in_shape(page: BrowserTab, running: Inspector) -> None:
    head = (
        b"M-SEARCH /r/hostile/" + b"a" * 4000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"X-\x21dd: \xe2\x80\xaelatin \xff\r\nX-Long: " + b"b" * 6000 + b"\r\nX-Dup: 1\r\nx-dup: 2\r\n"
        b"Content-Length: 2\r\n\r\nok"
    )
    before = running.get("/bins")["bins"][0]["count"] if running.get("/bins")["bins"] else 0
    page.wait_for(f"{ROWS} === {before}")
    assert asyncio.run(running.raw(head)).status == 200
    page.wait_for(f"{ROWS} === {before} + 1")
    newest(page, running)
    rows = "[...document.querySelectorAll('.detail .headers th[scope=row]')]"
    names = page.evaluate(f"{rows}.map((each) => each.textContent)")
    assert names == ["Host", "X-!dd", "X-Long", "X-Dup", "x-dup", "Content-Length"]
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    detail = "document.querySelector('#detail')"
    assert page.evaluate(f"{detail}.scrollWidth - {detail}.clientWidth") <= 0


def test_the_policy_stops_a_script_that_got_into_the_page(page: BrowserTab) -> None:
    """What would happen if text became markup by a mistake: nothing."""
    page.evaluate("""(() => {
        window.ran = [];
        const inline = document.createElement('script');
        inline.textContent = 'ran.push("inline")';
        const frame = document.createElement('div');
        frame.innerHTML = '<img src="data:," onerror="ran.push(1)"><b style="color:red">styled</b>';
        document.body.append(inline, frame);
    })()""")
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 200))")
    assert page.evaluate("ran") == []
    assert page.evaluate("fetch('https://evil.example/').then(() => 'sent', () => 'refused')") == "refused"
    assert any("Content Security Policy" in each for each in page.problems)
    page.problems.clear()
    page.evaluate("document.body.lastElementChild.remove()")
