"""The page for everybody: axe-core, keyboard only, narrow windows, contrast."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import BrowserTab, Chromium
from inspector_page import (
    BANNER,
    BODY,
    CALLBACK,
    EMPTY,
    ROWS,
    check_page,
    click,
    open_bin,
    post,
    violations,
)
from inspectors import Inspector, inspector

CLOSED = "!document.querySelector('dialog')"
FOCUS = "document.activeElement"
DIALOGS = {
    "send": "#send-call",
    "palette": "#palette",
    "shortcuts": "#help",
    "rules": "[data-action=rule]",
    "verify": "#verify",
    "replay": "[data-action=replay]",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Inspector]:
    with inspector() as running:
        post(f"{running.url}/r/callbacks", BANNER, CALLBACK)
        post(f"{running.url}/r/callbacks/a?x=1", '{"a": [1, 2]}', {"Content-Type": "application/json"})
        post(f"{running.url}/r/callbacks", "exit status 1", {**CALLBACK, "X-Function-Status": "500"})
        post(f"{running.url}/r/scratch", "\u202ea=1&b=2")
        yield running


@pytest.fixture
def page(browser: Chromium, running: Inspector) -> Iterator[BrowserTab]:
    page = open_bin(browser, running)
    page.wait_for(f"{ROWS} === 3 && {BODY}?.includes('exit')")
    yield page
    check_page(page, running)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
def test_axe_finds_nothing_in_any_tab(page: BrowserTab, *, width: int, dark: bool) -> None:
    page.look(width=width, dark=dark)
    for tab in ("came_in", "answered", "timing", "call", "raw"):
        click(page, f"[data-tab={tab}]")
        if tab == "call":
            page.wait_for("document.querySelector('.call-tab .notice') !== null")
            page.problems.clear()  # this inspector has no calls: 404
        assert violations(page) == [], tab


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("dialog", list(DIALOGS))
def test_axe_finds_nothing_in_any_dialog(page: BrowserTab, dialog: str, *, dark: bool) -> None:
    page.look(dark=dark)
    click(page, DIALOGS[dialog])
    page.wait_for("!!document.querySelector('dialog[open]')")
    assert violations(page) == []
    page.press("Escape")
    page.wait_for(CLOSED)
    assert page.evaluate(f"{FOCUS} === document.body") is False, "the focus goes back"
    page.problems.clear()  # this inspector has no functions to list: 404


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("view", ["calls", "queues", "logs", "bins/empty-one"])
def test_axe_finds_nothing_in_any_view(page: BrowserTab, view: str, *, dark: bool) -> None:
    page.look(dark=dark)
    page.evaluate(f"location.hash = '#/{view}'")
    page.wait_for(EMPTY if "/" in view else "!!document.querySelector('#view .notice, #view .empty')")
    assert violations(page) == []
    page.problems.clear()  # this inspector has no calls, queues or logs: 404


def test_everything_is_reached_and_done_by_keyboard(page: BrowserTab, running: Inspector) -> None:
    page.evaluate("document.activeElement.blur()")
    seen: list[str] = []
    for _ in range(100):
        page.press("Tab")
        names = (
            "dataset.action",
            "dataset.tab",
            "dataset.view",
            "id",
            "dataset.term",
            "className",
            "tagName",
        )
        here = page.evaluate(" || ".join(f"{FOCUS}.{name}" for name in names))
        if here == "BODY" or (seen and here == seen[0]):
            break
        seen.append(here)
        # The focus is visible: an outline is drawn around it.
        assert page.evaluate(f"getComputedStyle({FOCUS}).outlineStyle") == "solid", here
    assert seen[0] == "skip", "the first stop leads past the header"
    expected = ["calls", "bins", "pause", "send-call", "palette", "language", "theme", "new-name", "hold"]
    expected += ["rules", "verify", "bin-menu", "search", "request", "replay", "delete", "note", "came_in"]
    assert [each for each in seen if each in expected] == expected
    # A list is one stop; arrows move in it.
    page.evaluate("document.querySelector('.request[tabindex=\"0\"]').focus()")
    page.press("ArrowDown")
    page.wait_for(f"{BODY}?.includes('\"a\"')")
    assert page.evaluate(f"{FOCUS}.getAttribute('aria-current')") == "true"
    page.press("End")
    page.wait_for(f"{BODY}?.includes('____')")
    page.press("Home")
    page.wait_for(f"{BODY}?.includes('exit')")
    # So are tabs and menus.
    page.evaluate("document.querySelector('[data-tab=came_in]').focus()")
    page.press("ArrowRight")
    assert page.evaluate(f"{FOCUS}.dataset.tab") == "answered"
    page.press("End")
    assert page.evaluate(f"{FOCUS}.dataset.tab") == "raw"
    page.evaluate("document.getElementById('bin-menu').focus()")
    page.press("Enter")
    page.press("ArrowDown")
    assert page.evaluate(f"{FOCUS}.getAttribute('role')") == "menuitem"
    page.press("Escape")
    assert page.evaluate(f"{FOCUS}.id") == "bin-menu"


def test_a_dialog_keeps_the_focus(page: BrowserTab) -> None:
    click(page, "#verify")
    page.wait_for("!!document.querySelector('dialog[open]')")
    for _ in range(40):
        page.press("Tab")
        inside = page.evaluate(f"{FOCUS} === document.body || {FOCUS}.closest('dialog') !== null")
        assert inside, page.evaluate(f"{FOCUS}.outerHTML")
    page.press("Escape")
    page.wait_for(f"{CLOSED} && {FOCUS}.id === 'verify'")


@pytest.mark.parametrize("width", [420, 768, 1024])
def test_no_window_is_too_narrow(page: BrowserTab, width: int) -> None:
    page.look(width=width)
    for view in ("bins/callbacks", "queues", "logs", "calls"):
        page.evaluate(f"location.hash = '#/{view}'")
        page.wait_for("document.querySelector('#view').childElementCount > 0")
        page.evaluate("new Promise((resolve) => setTimeout(resolve, 200))")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, view
    page.evaluate("location.hash = '#/bins/callbacks'")
    page.wait_for(f"{ROWS} === 3")
    for selector in DIALOGS.values():
        if not page.evaluate(f"document.querySelector({selector!r})?.checkVisibility() ?? false"):
            continue
        click(page, selector)
        page.wait_for("!!document.querySelector('dialog[open]')")
        wide = "(dialog => dialog.scrollWidth - dialog.clientWidth)(document.querySelector('dialog'))"
        assert page.evaluate(wide) <= 0, selector
        page.press("Escape")
        page.wait_for(CLOSED)
    page.problems.clear()  # 404 for what this inspector does not have


def test_reduced_motion_is_respected(page: BrowserTab, running: Inspector) -> None:
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    page.evaluate("location.hash = '#/bins/nothing-yet'")
    page.wait_for(EMPTY)
    assert page.evaluate("document.getAnimations().length") == 0
