"""The page's frame: palette, language, colours, pause, explanations, shortcuts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import BrowserTab, Chromium
from inspector_page import (
    BODY,
    CALLBACK,
    CONNECTED,
    EMPTY,
    ROWS,
    PrefixProxy,
    check_page,
    click,
    enter,
    open_bin,
    post,
    problems_of,
    serve_in_thread,
    text_of,
)
from inspectors import Inspector, inspector

PALETTE = "!!document.querySelector('dialog.palette')"
CLOSED = "!document.querySelector('dialog')"
PREFIX = "/user/x/proxy/8090"


@pytest.fixture
def running() -> Iterator[Inspector]:
    with inspector() as running:
        yield running


@pytest.fixture
def page(browser: Chromium, running: Inspector) -> Iterator[BrowserTab]:
    page = open_bin(browser, running)
    page.evaluate("localStorage.clear()")
    yield page
    page.evaluate("localStorage.clear()")
    check_page(page, running)


def test_the_palette_finds_bins_and_actions_by_keyboard(page: BrowserTab, running: Inspector) -> None:
    post(f"{running.url}/r/orders", "x")
    page.wait_for("document.querySelector('#bins').innerText.includes('orders')")
    page.press("k", ctrl=True)
    page.wait_for(PALETTE)
    page.type("or")
    page.wait_for(
        "document.querySelector('[role=option][aria-selected=true]').innerText.startsWith('orders')"
    )
    active = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
    assert page.evaluate(f"{active}.innerText").startswith("orders")
    page.press("Enter")
    page.wait_for(f"{CLOSED} && location.hash === '#/bins/orders' && {BODY} === 'x'")

    page.press("k", ctrl=True)
    page.wait_for(PALETTE)
    page.type("pau")
    page.press("Enter")
    page.wait_for(f"{CLOSED} && document.getElementById('connection').dataset.state === 'paused'")
    page.press("k", ctrl=True)
    page.type("snd")
    page.wait_for("document.querySelector('[role=option]').innerText.startsWith('Send a call')")
    page.press("ArrowUp")
    page.press("ArrowDown")
    page.press("Escape")
    page.wait_for(CLOSED)


def test_pause_holds_everything_back_and_resume_shows_it(page: BrowserTab, running: Inspector) -> None:
    post(f"{running.url}/r/callbacks", "before")
    page.wait_for(f"{ROWS} === 1")
    click(page, "#pause")
    assert page.evaluate("document.getElementById('pause').getAttribute('aria-pressed')") == "true"
    assert text_of(page, "#connection-text") == "paused"
    post(f"{running.url}/r/callbacks", "while paused")
    post(f"{running.url}/r/other", "while paused")
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 500))")
    assert page.evaluate(ROWS) == 1
    assert "other" not in text_of(page, "#bins")
    click(page, "#pause")
    page.wait_for(f"{ROWS} === 2 && document.querySelector('#bins').innerText.includes('other')")
    assert text_of(page, "#connection-text") == "live"


def test_the_language_is_switched_at_once_and_remembered(page: BrowserTab, running: Inspector) -> None:
    post(f"{running.url}/r/callbacks", "x", CALLBACK)
    page.wait_for(f"{ROWS} === 1")
    page.evaluate("document.getElementById('language').focus()")
    page.press("Enter")
    page.wait_for("document.documentElement.lang === 'zh-CN'")
    page.wait_for("document.querySelector('.views').innerText.includes('请求收集箱')")
    page.wait_for("document.querySelector('[data-tab=came_in]')?.innerText === '收到'")
    assert page.evaluate("document.activeElement.id") == "language", "the focus stays"
    page.goto(f"{running.url}/#/bins")
    page.evaluate("location.reload()")
    page.wait_for(f"{CONNECTED} && document.documentElement.lang === 'zh-CN'")
    # No English is left over, apart from names.
    known = {"labkit", "Ctrl K", "English", "curl", "Python", "HTTPie", "HTTP 文本", "HAR"}
    texts = page.evaluate(
        "[...document.querySelectorAll('#top *, .toolbar button')].filter((each) => !each.children.length)"
        ".map((each) => each.textContent.trim()).filter((text) => /[A-Za-z]{3}/.test(text))"
    )
    assert set(texts) <= known
    click(page, "#language")
    page.wait_for("document.documentElement.lang === 'en'")


def test_a_page_whose_script_was_cut_off_loads_again_by_itself(browser: Chromium, running: Inspector) -> None:
    """As a browser does when the computer joins another network."""
    page = browser.open()
    page.call("Network.enable")
    page.call("Network.setBlockedURLs", urls=["*/inspector/page/strip.js"])
    page.goto(f"{running.url}/#/bins")
    page.wait_for("sessionStorage.getItem('labkit-reloads')")
    page.call("Network.setBlockedURLs", urls=[])
    page.wait_for(f"{CONNECTED} && document.getElementById('trouble').hidden")
    assert page.evaluate("sessionStorage.getItem('labkit-reloads')") is None
    page.close()


def test_a_page_without_one_of_its_scripts_says_so(browser: Chromium, running: Inspector) -> None:
    page = browser.open()
    page.call("Network.enable")
    page.call("Network.setBlockedURLs", urls=["*/inspector/page/strip.js"])
    page.goto(f"{running.url}/#/bins")
    page.wait_for("document.getElementById('reload')?.checkVisibility()")
    assert "could not be loaded completely" in text_of(page, "#trouble")
    page.call("Network.setBlockedURLs", urls=[])
    click(page, "#reload")
    page.wait_for(f"{CONNECTED} && document.getElementById('trouble').hidden")
    page.close()


def test_a_browser_in_chinese_is_shown_chinese(browser: Chromium, running: Inspector) -> None:
    page = browser.open()
    page.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="Object.defineProperty(navigator, 'languages', {get: () => ['fr', 'zh-TW', 'en']})",
    )
    page.goto(f"{running.url}/#/bins")
    page.wait_for("document.documentElement.lang === 'zh-CN'")
    check_page(page, running)


def test_the_colours_follow_the_system_or_the_choice(page: BrowserTab) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    page.look(dark=True)
    assert page.evaluate(paper) == "rgb(20, 23, 27)"
    page.look(dark=False)
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    click(page, "#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    click(page, "#theme")
    assert page.evaluate(paper) == "rgb(20, 23, 27)"
    assert page.evaluate("document.getElementById('theme').getAttribute('aria-label')") == "Dark colours"


def test_every_term_is_explained_on_focus_and_on_hover_and_escape_hides_it(page: BrowserTab) -> None:
    tooltip = "document.getElementById('tooltip')"
    page.wait_for(EMPTY)
    terms = page.evaluate("document.querySelectorAll('.term').length")
    assert terms >= 3
    page.press("Tab")  # from now on the focus is visible
    for number in range(terms):
        page.evaluate(f"document.querySelectorAll('.term')[{number}].focus()")
        assert page.evaluate(f"{tooltip}.hidden") is False
        assert len(page.evaluate(f"{tooltip}.textContent")) > 20
        assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tooltip"
        assert page.evaluate(f"{tooltip}.getBoundingClientRect().right <= innerWidth")
    page.press("Escape")
    assert page.evaluate(f"{tooltip}.hidden") is True
    box = page.evaluate("document.querySelector('[data-term=worker_url]').getBoundingClientRect().toJSON()")
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=box["x"] + 5, y=box["y"] + 5)
    page.wait_for(f"!{tooltip}.hidden && {tooltip}.textContent.includes('X-Callback-Url')")
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=640, y=700)
    page.wait_for(f"{tooltip}.hidden")


def test_shortcuts_lead_everywhere_but_not_while_typing(page: BrowserTab, running: Inspector) -> None:
    page.press("g")
    page.press("b")
    page.press("?", shift=True)
    page.wait_for("document.querySelector('dialog')?.innerText.includes('command palette')")
    page.press("Escape")
    page.wait_for(CLOSED)
    page.press("n")
    page.wait_for("document.querySelector('dialog')?.innerText.includes('Send a call')")
    page.press("Escape")
    page.wait_for(CLOSED)
    page.problems.clear()  # this inspector has no functions to list
    post(f"{running.url}/r/callbacks", "x")
    page.wait_for(f"{ROWS} === 1")
    page.press("/")
    page.type("pn?")
    assert page.evaluate("document.activeElement.value") == "pn?"
    assert page.evaluate(CLOSED)
    assert text_of(page, "#connection-text") == "live"


def test_old_links_lead_to_the_bin_and_the_address_names_the_request(
    browser: Chromium, running: Inspector
) -> None:
    for number in range(2):
        post(f"{running.url}/r/callbacks", f"number {number}")
    first = running.get("/bins/callbacks/requests/first")["id"]
    page = browser.open(f"{running.url}/#callbacks")
    page.wait_for(f"{BODY} === 'number 1' && location.hash === '#/bins/callbacks'")
    page.evaluate("document.querySelectorAll('.request')[1].click()")
    page.wait_for(f"{BODY} === 'number 0' && location.hash === '#/bins/callbacks/{first}'")
    again = browser.open(f"{running.url}/#/bins/callbacks/{first}")
    again.wait_for(f"{BODY} === 'number 0'")
    check_page(again, running)


def test_what_this_inspector_does_not_have_is_said_clearly(page: BrowserTab) -> None:
    for view, text in (("queues", "Queues are not available"), ("logs", "Logs are not available")):
        click(page, f".views [data-view={view}]")
        page.wait_for(f"document.getElementById('view').innerText.includes({text!r})")
    click(page, "#send-call")
    enter(page, "dialog [name=function]", "figlet")
    click(page, "dialog .primary")
    page.wait_for(
        "document.querySelector('.send-result').innerText.includes(\"Calls can't be sent from here\")"
    )
    page.problems.clear()  # the browser logs each response 404


def test_the_page_works_under_a_prefix_and_without_a_network(browser: Chromium) -> None:
    with (
        inspector(inspector_token="s3cret") as locked,
        serve_in_thread(PrefixProxy(locked.url, PREFIX)) as outside,
    ):
        page = browser.open()
        page.call("Network.setBlockedURLs", urls=["*://*.com/*", "*://*.org/*", "*://*.net/*", "*://*.io/*"])
        page.goto(f"{outside}{PREFIX}/?token=s3cret#/bins/callbacks")
        page.wait_for(CONNECTED)
        click(page, "#send-test")
        page.wait_for(f"{BODY}?.includes('hello')")
        assert text_of(page, "#bin-url") == f"{locked.url}/r/callbacks", "for the queue-worker"
        assert text_of(page, "#browser-url") == f"{outside}{PREFIX}/r/callbacks", "for this browser"
        click(page, "#language")
        page.wait_for("document.documentElement.lang === 'zh-CN'")
        page.evaluate("localStorage.clear()")
        assert all(url.startswith(f"{outside}{PREFIX}/") for url in page.requested), page.requested
        assert problems_of(page) == []
        page.goto(page.evaluate("document.getElementById('browser-url').href"))
        page.wait_for(f"location.pathname === '{PREFIX}/' && {BODY}?.includes('hello')")
        page.goto("about:blank")
