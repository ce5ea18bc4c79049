"""The inspector's page in a browser: updates, escaping, prefix, colours."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from chromium import BrowserTab, Chromium
from inspector_page import (
    BANNER,
    BODY,
    CALLBACK,
    CONNECTED,
    EMPTY,
    ROWS,
    PrefixProxy,
    check_page,
    choose,
    click,
    open_bin,
    post,
    problems_of,
    serve_in_thread,
    text_of,
)
from inspectors import Inspector, inspector

from labkit_services.http import Request, Response


@pytest.fixture
def running() -> Iterator[Inspector]:
    with inspector() as running:
        yield running


@pytest.fixture
def page(browser: Chromium, running: Inspector) -> Iterator[BrowserTab]:
    """The page at a bin, connected; it must not have logged a problem."""
    page = open_bin(browser, running)
    yield page
    check_page(page, running)


def test_a_captured_banner_appears_by_itself_and_unchanged(page: BrowserTab, running: Inspector) -> None:
    post(f"{running.url}/r/callbacks", BANNER, CALLBACK)
    page.wait_for(f"{BODY}?.includes('____')")
    assert page.evaluate(BODY) == BANNER
    assert text_of(page, ".openfaas") == "figlet returned 200, ran 0.003 s, call ab12cd34"
    assert "figlet 200" in text_of(page, "#requests .function-status")
    # All letters must have the same width, or the banner is distorted.
    style = "getComputedStyle(document.querySelector('.detail pre.body'))"
    assert page.evaluate(f"{style}.whiteSpace").startswith("pre")
    widths = """(() => {
        const pen = document.createElement('canvas').getContext('2d');
        pen.font = getComputedStyle(document.querySelector('.detail pre.body')).font;
        return new Set(['_', '|', 'W', 'i', ' '].map((letter) => pen.measureText(letter).width)).size;
    })()"""
    assert page.evaluate(widths) == 1


def test_an_empty_page_shows_how_to_send_a_request_and_can_send_one(
    page: BrowserTab, running: Inspector
) -> None:
    page.wait_for(EMPTY)
    url = f"{running.url}/r/callbacks"
    assert text_of(page, "#bin-url") == url
    assert text_of(page, "#snippet-curl") == f"curl -d 'hello' {url}"
    click(page, "[data-tab=faas]")
    assert f'--header "X-Callback-Url: {url}"' in text_of(page, "#snippet-faas")
    click(page, "[data-tab=python]")
    assert 'lab.bin("callbacks")' in text_of(page, "#snippet-python")
    page.evaluate("document.getElementById('send-test').click()")
    page.wait_for(f"{BODY}?.includes('hello')")
    assert page.evaluate("document.getElementById('introduction').hidden") is True


def test_markup_in_body_headers_and_path_stays_text(page: BrowserTab, running: Inspector) -> None:
    markup = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    headers = {
        "X-Markup": markup,
        "X-Function-Name": markup,
        "X-Call-Id": markup,
        "Content-Type": "text/html",
    }
    post(f"{running.url}/r/callbacks/<b>?q=<i>", markup, headers)
    page.wait_for(f"{BODY}?.includes('alert')")
    assert page.evaluate(BODY) == markup
    assert markup in text_of(page, ".headers")
    assert page.evaluate("document.querySelectorAll('main img, main b, main i, main script').length") == 0
    page.evaluate("document.getElementById('new-name').value = '<b>'")
    page.evaluate("document.querySelector('#new-bin button').click()")
    page.wait_for("document.getElementById('new-error').textContent.includes('letters')")
    # The browser logs every 4xx response; this one is expected.
    assert all("422" in problem for problem in problems_of(page))
    page.problems.clear()
    raw = page.evaluate("document.querySelector('.raw').href")
    page.goto(raw)
    assert page.evaluate("document.contentType") == "text/plain"


def test_the_list_grows_at_the_top_and_the_selection_is_kept(page: BrowserTab, running: Inspector) -> None:
    for number in range(3):
        post(f"{running.url}/r/callbacks?n={number}", f"body {number}")
    page.wait_for(f"{ROWS} === 3 && {BODY} === 'body 2'")
    where = "[...document.querySelectorAll('#requests .where')].map((each) => each.textContent)"
    assert page.evaluate(where) == ["#3 /?n=2", "#2 /?n=1", "#1 /?n=0"]
    # An older request stays selected until "Newest".
    page.evaluate("document.querySelectorAll('#requests .request')[2].click()")
    page.wait_for(f"{BODY} === 'body 0'")
    post(f"{running.url}/r/callbacks?n=3", "body 3")
    page.wait_for(f"{ROWS} === 4")
    assert page.evaluate(BODY) == "body 0"
    page.evaluate("document.getElementById('newest').click()")
    page.wait_for(f"{BODY} === 'body 3'")
    # Another bin does not interfere; deleting and clearing show at once.
    post(f"{running.url}/r/other", "elsewhere")
    page.wait_for("document.querySelectorAll('#bins a').length === 2")
    assert page.evaluate(BODY) == "body 3"
    click(page, ".delete")
    page.wait_for(f"{ROWS} === 3 && {BODY} === 'body 2'")
    click(page, "#bin-menu")
    choose(page, "Clear")
    click(page, "dialog .danger")
    page.wait_for(EMPTY)
    page.evaluate("location.hash = '#other'")
    page.wait_for(f"{BODY} === 'elsewhere'")


def test_many_concurrent_requests_are_all_listed(page: BrowserTab, running: Inspector) -> None:
    threads = [
        threading.Thread(target=lambda: [post(f"{running.url}/r/callbacks", "x") for _ in range(25)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    page.wait_for(f"{ROWS} === 100")
    where = page.evaluate(
        "[...document.querySelectorAll('#requests .where')].map((each) => each.textContent)"
    )
    assert where == [f"#{number} /" for number in range(100, 0, -1)]


def test_a_binary_body_is_shown_in_hex(page: BrowserTab, running: Inspector) -> None:
    post(f"{running.url}/r/callbacks", b"\x00\xff" + b"A" * 3000)
    page.wait_for(f"{BODY}?.startsWith('000000  00 ff 41')")
    assert "first 1024 bytes" in page.evaluate(BODY)


def test_the_page_reconnects_after_a_restart_of_the_inspector(browser: Chromium) -> None:
    with inspector() as first:
        page = browser.open(f"{first.url}/#/bins")
        page.wait_for(CONNECTED)
    page.wait_for("document.getElementById('connection').dataset.state === 'lost'")
    with inspector(port=first.url.rpartition(":")[2], port_fallback="false") as second:
        page.wait_for(CONNECTED)
        post(f"{second.url}/r/callbacks", "back again")
        page.wait_for(f"{BODY} === 'back again'")
        page.goto("about:blank")


def test_a_restart_of_a_moment_is_shown_as_such_and_not_as_trouble(browser: Chromium) -> None:
    with inspector() as first:
        page = browser.open(f"{first.url}/#/bins")
        page.wait_for(CONNECTED)
        page.evaluate(
            "window.states = []; new MutationObserver(() => states.push(document.getElementById('connection')"
            ".dataset.state)).observe(document.getElementById('connection'), {attributes: true})"
        )
    page.wait_for("states.at(-1) === 'reconnecting'")
    assert page.evaluate("document.getElementById('connection').innerText") == "reconnecting\u2026"
    with inspector(port=first.url.rpartition(":")[2], port_fallback="false"):
        page.wait_for(CONNECTED)
        assert set(page.evaluate("states")) == {"reconnecting", "live"}
        page.goto("about:blank")


def test_the_link_with_the_token_opens_the_page_and_hides_the_token(browser: Chromium) -> None:
    with inspector(inspector_token="s3cret") as locked:
        page = browser.open(f"{locked.url}/?token=s3cret#/bins")
        page.wait_for(CONNECTED)
        assert page.evaluate("location.href.split('#')[0]") == f"{locked.url}/"
        post(f"{locked.url}/r/callbacks", "seen")
        page.wait_for(f"{BODY} === 'seen'")
        page.goto(f"{locked.url}/#/bins")
        page.wait_for(CONNECTED)
        page.goto("about:blank")


def test_a_link_on_another_site_opens_the_page(browser: Chromium) -> None:
    """The browser does not send the strict cookie with the first request.

    JupyterLab at localhost is another site than 127.0.0.1.
    """
    with inspector(inspector_token="s3cret") as locked, serve_in_thread(_links_to(locked.url)) as elsewhere:
        page = browser.open(elsewhere.replace("127.0.0.1", "localhost"))
        page.evaluate("document.querySelector('a').click()")
        page.wait_for(f"location.hostname === '127.0.0.1' && {CONNECTED}")
        assert page.evaluate("location.search") == ""
        post(f"{locked.url}/r/callbacks", "seen")
        page.wait_for(f"{BODY} === 'seen'")
        page.goto("about:blank")


def test_the_page_works_under_the_prefix_of_a_proxy(browser: Chromium) -> None:
    prefix = "/user/jo/proxy/8090"
    with (
        inspector(inspector_token="s3cret") as locked,
        serve_in_thread(PrefixProxy(locked.url, prefix)) as outside,
    ):
        page = browser.open(f"{outside}{prefix}/?token=s3cret#/bins")
        page.wait_for(CONNECTED)
        assert page.evaluate("location.href.split('#')[0]") == f"{outside}{prefix}/"
        click(page, "#send-test")
        page.wait_for(f"{BODY}?.includes('hello')")
        assert text_of(page, "#bin-url") == f"{locked.url}/r/callbacks", "the URL for the queue-worker"
        page.goto(page.evaluate("document.querySelector('.raw').href"))
        assert "hello" in page.evaluate("document.body.innerText")
        assert all(url.startswith(f"{outside}{prefix}/") for url in page.requested)
        page.goto("about:blank")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("full", [False, True])
def test_every_text_has_enough_contrast_in_both_colour_schemes(
    page: BrowserTab, running: Inspector, tmp_path: Path, *, dark: bool, full: bool
) -> None:
    page.look(dark=dark)
    if full:
        post(f"{running.url}/r/callbacks", "exit status 1", {**CALLBACK, "X-Function-Status": "500"})
        post(f"{running.url}/r/callbacks", BANNER, CALLBACK)
        page.wait_for(f"{ROWS} === 2 && {BODY}?.includes('____')")
        page.wait_for("document.getAnimations().length === 0")
    else:
        page.wait_for(EMPTY)
    assert page.evaluate(_CONTRAST) == []
    page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


# The texts whose contrast with the background is less than 4.5:1 (WCAG 2.2, 1.4.3).
_CONTRAST = """(() => {
    const luminance = (color) => {
        const [red, green, blue] = color.match(/[\\d.]+/g).map(Number).map((part) => part / 255)
            .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (element) => {
        for (; element; element = element.parentElement) {
            const color = getComputedStyle(element).backgroundColor;
            if (!/, 0\\)$/.test(color)) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const poor = [];
    for (const element of document.body.querySelectorAll('*')) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || !element.checkVisibility()) continue;
        const colors = [getComputedStyle(element).color, behind(element)];
        const [low, high] = colors.map(luminance).sort((a, b) => a - b);
        const ratio = (high + 0.05) / (low + 0.05);
        if (ratio < 4.5) poor.push(`${element.tagName} ${element.className} ${element.id}: ${ratio}`);
    }
    return poor;
})()"""


def _links_to(url: str):  # type: ignore[no-untyped-def]
    async def links(_request: Request) -> Response:
        html = f'<!doctype html><title>elsewhere</title><a href="{url}/?token=s3cret">inspector</a>'
        return Response(200, [("Content-Type", "text/html")], html.encode())

    return links


def test_a_click_on_a_bin_s_url_shows_the_bin_and_adds_nothing_to_it(
    browser: Chromium, running: Inspector
) -> None:
    post(f"{running.url}/r/first", "of another bin")
    post(f"{running.url}/r/clicked", "the only request")
    for path in ("/r/clicked", "/r/clicked/some/path", "/clicked"):
        page = browser.open(f"{running.url}{path}")
        page.wait_for(f"{CONNECTED} && {BODY} === 'the only request'")
        assert page.evaluate("location.pathname + location.hash") == "/#/bins/clicked"
        assert problems_of(page) == []
    assert running.get("/bins/clicked")["received"] == 1


def test_the_url_of_a_bin_without_requests_shows_how_to_send_the_first(
    browser: Chromium, running: Inspector
) -> None:
    post(f"{running.url}/r/first", "of another bin")
    page = browser.open(f"{running.url}/r/later")
    page.wait_for("document.getElementById('bin-name')?.textContent === 'later'")
    page.wait_for(EMPTY)
    assert text_of(page, "#snippet-curl") == f"curl -d 'hello' {running.url}/r/later"
    assert [each["name"] for each in running.get("/bins")["bins"]] == ["first"]
    post(f"{running.url}/r/later", "the first")
    page.wait_for(f"{BODY} === 'the first'")
    assert problems_of(page) == []


@pytest.mark.parametrize("site", ["localhost", "127.0.0.1"])
def test_with_the_cookie_the_link_of_a_bin_opens_from_any_site_and_without_it_from_none(
    browser: Chromium, site: str
) -> None:
    with inspector(inspector_token="s3cret") as locked, notebook(f"{locked.url}/r/clicked") as port:
        post(f"{locked.url}/r/clicked", "the only request")
        page = browser.open(f"http://{site}:{port}/")
        page.evaluate("document.querySelector('a').click()")
        page.wait_for("document.body?.innerText.includes('labkit status')")
        assert page.evaluate(BODY) is None

        browser.open(f"{locked.url}/?token=s3cret").wait_for(CONNECTED)
        page.goto(f"http://{site}:{port}/")
        page.evaluate("document.querySelector('a').click()")
        page.wait_for(f"{BODY} === 'the only request'")
        assert page.evaluate("location.href") == f"{locked.url}/#/bins/clicked"
        assert locked.get("/bins/clicked")["received"] == 1


@contextlib.contextmanager
def notebook(link: str) -> Iterator[int]:
    """Serve a page with a link, as a notebook has one; yield its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<link rel="icon" href="data:,"><a href="{link}">bin</a>'.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
