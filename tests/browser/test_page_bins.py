"""The view of bins: tabs, search, marks, replay, hold, rules, verification."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from chromium import BrowserTab, Chromium
from inspector_page import (
    BANNER,
    BODY,
    CALLBACK,
    ROWS,
    check_page,
    choose,
    click,
    enter,
    open_bin,
    post,
    text_of,
)
from inspectors import Inspector, inspector

TABS = "[...document.querySelectorAll('.detail [role=tab]')].map((tab) => tab.dataset.tab)"
STATUS = "document.querySelector('#requests .status')?.textContent"
CLOSED = "!document.querySelector('dialog')"


@pytest.fixture(scope="module")
def running() -> Iterator[Inspector]:
    with inspector() as running:
        yield running


@pytest.fixture
def url(running: Inspector, request: pytest.FixtureRequest) -> str:
    """A bin of the test's own."""
    return f"{running.url}/r/{hashlib.sha1(request.node.name.encode()).hexdigest()[:12]}"


@pytest.fixture
def page(browser: Chromium, running: Inspector, url: str) -> Iterator[BrowserTab]:
    page = open_bin(browser, running, url.rpartition("/")[2])
    yield page
    check_page(page, running)


def paint_times(page: BrowserTab, url: str) -> list[float]:
    """Return milliseconds from each of 20 arrivals to the frame that shows it, sorted."""
    page.evaluate("""(() => {
        window.painted = [];
        new MutationObserver((changes) => changes.forEach(({addedNodes}) => addedNodes.forEach((row) => {
            const at = Date.parse(row.querySelector('time').dateTime);
            requestAnimationFrame(() => setTimeout(() => painted.push(Date.now() - at)));
        }))).observe(document.getElementById('requests'), {childList: true});
    })()""")
    for number in range(20):
        post(url, f"number {number}", CALLBACK)
        time.sleep(0.02)
    page.wait_for("painted.length === 20")
    return sorted(page.evaluate("painted"))


@pytest.mark.alone
def test_a_request_is_painted_within_200_ms_of_its_arrival(page: BrowserTab, url: str) -> None:
    post(url, "the first")
    page.wait_for(f"{ROWS} === 1")
    rounds = []
    for _ in range(3):  # another program may have the processor for a while
        rounds.append(paint_times(page, url))
        if rounds[-1][18] < 200:
            break
    times = rounds[-1]
    print(f"arrival to paint: median {times[10]} ms, 19 of 20 within {times[18]} ms")
    assert times[0] >= 0
    assert times[18] < 200, rounds


def test_every_tab_shows_its_part_of_the_exchange(page: BrowserTab, url: str) -> None:
    post(f"{url}/a?n=1", '{"big": 12345678901234567890, "list": []}', {"Content-Type": "application/json"})
    page.wait_for(f"{BODY}?.includes('big')")
    assert page.evaluate(TABS) == ["came_in", "answered", "timing", "call", "raw"]
    assert page.evaluate(BODY) == '{\n  "big": 12345678901234567890,\n  "list": []\n}', "no digit is lost"
    click(page, "[data-kind=text]")
    assert page.evaluate(BODY) == '{"big": 12345678901234567890, "list": []}'
    click(page, "[data-kind=hex]")
    assert page.evaluate(BODY).startswith("000000  7b 22 62 69 67")
    click(page, "[data-kind=json]")

    click(page, "[data-tab=answered]")
    facts = text_of(page, ".detail .facts")
    assert "200" in facts
    assert "default" in facts
    assert '"ok"' in page.evaluate(BODY)

    click(page, "[data-tab=timing]")
    stamps = page.evaluate("[...document.querySelectorAll('[data-stamp]')].map((row) => row.dataset.stamp)")
    assert stamps == ["first_byte", "body_complete", "response_start", "response_end"]
    assert text_of(page, "[data-stamp=response_end]").count("ms") == 2

    click(page, "[data-tab=call]")
    assert "no X-Call-Id" in text_of(page, ".detail .tab-panel")

    click(page, "[data-tab=raw]")
    assert page.evaluate(BODY).startswith(f"POST /r/{url.rpartition('/')[2]}/a?n=1 HTTP/1.1\n")
    assert "7b 22 62 69 67" in text_of(page, "pre.hex")
    # The tab stays when another request is shown.
    post(url, "another")
    page.wait_for("document.querySelector('[data-tab=raw]').getAttribute('aria-selected') === 'true'")


def test_a_form_a_compressed_and_an_empty_body_are_readable(page: BrowserTab, url: str) -> None:
    post(url, "a=1&b=two+words", {"Content-Type": "application/x-www-form-urlencoded"})
    page.wait_for("document.querySelector('.form-fields')?.innerText.includes('two words')")
    post(
        url,
        gzip.compress(b'{"packed": true}'),
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )
    page.wait_for(f"{BODY}?.includes('\"packed\": true')")
    assert "gzip" in text_of(page, ".body-kind")
    post(url, "")
    page.wait_for("document.querySelector('.body-kind')?.innerText === 'No body'")


def test_search_and_filters_narrow_the_list_and_stay_live(page: BrowserTab, url: str) -> None:
    for number in range(3):
        post(url, f"body {number}", {**CALLBACK, "X-Call-Id": f"call-{number}"})
    post(url, "other", {**CALLBACK, "X-Function-Status": "500"})
    page.wait_for(f"{ROWS} === 4")
    enter(page, "#search", "body 1")
    page.wait_for(f"{ROWS} === 1 && {BODY} === 'body 1'")
    enter(page, "#search", "")
    page.wait_for(f"{ROWS} === 4")
    click(page, "#add-filter")
    page.evaluate("document.querySelector('.add-filter select').value = 'function_status'")
    enter(page, ".add-filter input", "500")
    click(page, ".add-filter button")
    page.wait_for(f"{ROWS} === 1 && {BODY} === 'other'")
    post(url, "matches, too", {**CALLBACK, "X-Function-Status": "500"})
    post(url, "does not", CALLBACK)
    page.wait_for(f"{ROWS} === 2")
    click(page, ".chips .chip")
    page.wait_for(f"{ROWS} === 6")
    # What is typed as field:value becomes a filter.
    page.evaluate("document.getElementById('search').focus()")
    page.type("call_id:call-2")
    page.press("Enter")
    page.wait_for(f"{ROWS} === 1 && {BODY} === 'body 2'")
    enter(page, "#search", "nothing like it")
    page.wait_for("!document.getElementById('no-match').hidden")


def test_older_requests_are_loaded_on_request(
    page: BrowserTab, running: Inspector, url: str, browser: Chromium
) -> None:
    name = url.rpartition("/")[2]
    running.api.put(f"/api/v1/bins/{name}", json={"capacity": 150})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: post(url, f"{number}"), range(160)))
    page.wait_for("document.getElementById('dropped')?.textContent === '10 older dropped'")
    fresh = open_bin(browser, running, name)
    fresh.wait_for(f"{ROWS} === 100 && !document.getElementById('older').hidden")
    click(fresh, "#older")
    fresh.wait_for(f"{ROWS} === 150 && document.getElementById('older').hidden")
    numbers = fresh.evaluate(
        "[...document.querySelectorAll('#requests .where')].map((row) => parseInt(row.textContent.slice(1)))"
    )
    assert numbers == sorted(numbers, reverse=True) == list(range(160, 10, -1))
    check_page(fresh, running)


def test_note_mark_and_pin_are_kept_and_shown_in_the_list(
    page: BrowserTab, running: Inspector, url: str
) -> None:
    post(url, "to be marked")
    page.wait_for(f"{ROWS} === 1 && !!document.querySelector('.note input')")
    enter(page, ".note input", "look at this")
    page.wait_for("document.querySelector('#requests .flags').textContent === '✎'")
    click(page, "[data-action=mark-red]")
    page.wait_for("document.querySelector('#requests li').dataset.mark === 'red'")
    click(page, "[data-action=pin]")
    page.wait_for("document.querySelector('#requests .flags').textContent === '📌 ✎'")
    record = running.get(f"/bins/{url.rpartition('/')[2]}/requests/latest")
    assert (record["note"], record["mark"], record["pinned"]) == ("look at this", "red", True)
    page.wait_for("document.querySelector('[data-action=mark-red]').getAttribute('aria-checked') === 'true'")


def test_a_request_is_copied_in_five_forms(page: BrowserTab, url: str) -> None:
    post(url, "copy me", CALLBACK)
    page.wait_for(f"{BODY} === 'copy me'")
    page.evaluate(
        "navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }"
    )
    for form, part in (
        ("curl", "curl"),
        ("Python", "import"),
        ("HTTPie", "http"),
        ("HTTP text", "POST /r/"),
        ("HAR", '"log"'),
    ):
        page.evaluate("window.copied = ''")
        click(page, ".toolbar .menu-button button")
        choose(page, form)
        page.wait_for("copied !== ''")
        assert part in page.evaluate("copied"), form
        assert "copy me" in page.evaluate("copied"), form


def test_replay_with_changes_shows_what_differs(page: BrowserTab, running: Inspector, url: str) -> None:
    post(f"{url}/path", '{"n": 1}', {"Content-Type": "application/json", "X-Keep": "kept"})
    page.wait_for(f"{ROWS} === 1")
    click(page, "[data-action=replay]")
    enter(page, "dialog textarea[name=body]", '{"n": 2}')
    enter(page, "dialog input[name=times]", "2")
    click(page, "dialog .primary")
    page.wait_for("!!document.querySelector('.replay-result .comparison')")
    assert "body.n" in text_of(page, ".replay-result")
    assert page.evaluate("document.querySelector('.replay-result del').textContent") == "1"
    assert page.evaluate("document.querySelector('.replay-result ins').textContent") == "2"
    page.wait_for(f"{ROWS} === 3")
    click(page, ".replay-result a")
    page.wait_for(f"{CLOSED} && {BODY}?.includes('\"n\": 2')")
    assert "replay of another request" in text_of(page, ".metadata")
    again = running.get(f"/bins/{url.rpartition('/')[2]}/requests/latest")
    assert ["X-Keep", "kept"] in again["headers"]
    assert again["replay_of"]


def test_two_requests_are_compared(page: BrowserTab, url: str) -> None:
    post(url, "same\nold line\n", {"X-Same": "1", "Content-Type": "text/plain"})
    post(url, "same\nnew line\n", {"X-Same": "1", "Content-Type": "text/plain", "X-More": "yes"})
    page.wait_for(f"{ROWS} === 2 && {BODY}?.includes('new')")
    click(page, "[data-action=compare]")
    page.wait_for("!document.querySelector('.pick-hint').hidden")
    page.press("ArrowDown")
    page.press("Enter")
    page.wait_for("!!document.querySelector('dialog .diff')")
    diff = text_of(page, "dialog .diff")
    assert "-new line" in diff
    assert "+old line" in diff
    assert "headers.X-More" in text_of(page, "dialog .differences")
    page.press("Escape")
    page.wait_for(CLOSED)


def test_a_held_request_is_answered_by_hand_and_dropped(page: BrowserTab, url: str) -> None:
    post(url, "before")
    page.wait_for(f"{ROWS} === 1")
    click(page, "#hold")
    page.wait_for("document.getElementById('hold').getAttribute('aria-pressed') === 'true'")
    replies: list[bytes] = []
    sender = threading.Thread(target=lambda: replies.append(post(url, "hold me", status=503)))
    sender.start()
    page.wait_for(f"{ROWS} === 2 && {STATUS} === 'still open…'")
    page.wait_for("document.getElementById('open-clock')?.textContent.startsWith('still open, ')")
    click(page, "[data-answer=custom]")
    enter(page, "dialog [name=status]", "503")
    enter(page, "dialog [name=headers]", "Retry-After: 7")
    enter(page, "dialog [name=body]", "come back")
    click(page, "dialog .primary")
    sender.join(20)
    assert replies == [b"come back"]
    page.wait_for(f"{STATUS} === '503'")
    click(page, "[data-tab=answered]")
    page.wait_for("document.querySelector('.detail .facts')?.innerText.includes('by hand')")
    assert "Retry-After" in text_of(page, ".detail .tab-panel")
    assert "Held" in text_of(page, ".detail .facts")

    cut: list[BaseException] = []

    def send() -> None:
        try:
            post(url, "drop me")
        except OSError as error:
            cut.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    page.wait_for(f"{ROWS} === 3 && !!document.querySelector('[data-answer=drop]')")
    click(page, "[data-answer=drop]")
    sender.join(20)
    assert len(cut) == 1
    page.wait_for(f"{STATUS} === 'closed'")
    click(page, "#hold")
    page.wait_for("document.getElementById('hold').getAttribute('aria-pressed') === 'false'")
    post(url, "answered at once")


def test_a_replay_into_a_bin_that_holds_is_told_to_be_open(page: BrowserTab, url: str) -> None:
    post(url, "once")
    page.wait_for(f"{ROWS} === 1")
    click(page, "#hold")
    page.wait_for("document.getElementById('hold').getAttribute('aria-pressed') === 'true'")
    click(page, "[data-action=replay]")
    click(page, "dialog .primary")
    page.wait_for("document.querySelector('.replay-result strong')?.textContent.includes('still open')")
    assert "No difference" not in text_of(page, ".replay-result")
    click(page, ".replay-result a")
    page.wait_for(f"{CLOSED} && !!document.querySelector('[data-answer=\"200\"]')")
    click(page, "[data-answer='200']")
    page.wait_for(f"{STATUS} === '200'")
    click(page, "#hold")


def test_a_request_and_a_bin_that_go_while_they_are_shown(
    page: BrowserTab, running: Inspector, url: str
) -> None:
    path = f"/api/v1/bins/{url.rpartition('/')[2]}"
    for body in ("one", "two"):
        post(url, body)
    page.wait_for(f"{ROWS} === 2 && {BODY}?.includes('two')")
    latest = running.api.get(f"{path}/requests/latest").json()["id"]
    running.api.delete(f"{path}/requests/{latest}")
    page.wait_for(f"{ROWS} === 1 && {BODY}?.includes('one')")
    running.api.delete(path)
    page.wait_for(f"!location.hash.includes({url.rpartition('/')[2]!r})")


@pytest.mark.alone
def test_200_requests_a_second_leave_the_page_smooth_and_complete(page: BrowserTab, url: str) -> None:
    post(url, "the first")
    page.wait_for(f"{ROWS} === 1")
    page.evaluate("""(() => {
        window.long = [];
        new PerformanceObserver((list) => list.getEntries().forEach((each) => long.push(each.duration)))
            .observe({entryTypes: ['longtask']});
    })()""")

    def send(sender: int) -> None:
        begin = time.monotonic()
        for number in range(200):
            post(url, f"{sender}/{number}")
            time.sleep(max(0.0, begin + (number + 1) / 50 - time.monotonic()))

    with ThreadPoolExecutor(4) as senders:
        list(senders.map(send, range(4)))
    # 500 are kept, so 500 are shown, the newest first and shown on the right.
    page.wait_for(
        f"{ROWS} === 500 && document.querySelector('.request .where').textContent.startsWith('#801 ')"
    )
    page.wait_for("document.querySelector('.detail .metadata')?.textContent.startsWith('#801 ')")
    numbers = page.evaluate(
        "[...document.querySelectorAll('.request .where')].map((each) => parseInt(each.textContent.slice(1)))"
    )
    assert numbers == list(range(801, 301, -1))
    assert page.evaluate("document.getElementById('dropped').hidden") is False
    assert page.evaluate("Math.max(0, ...long)") < 500, "one task of the page"


def test_a_sequence_of_rules_is_edited_in_the_form_and_as_json(
    page: BrowserTab, running: Inspector, url: str
) -> None:
    post(f"{url}/orders", "make a rule of me")
    page.wait_for(f"{ROWS} === 1")
    click(page, "[data-action=rule]")
    page.wait_for("document.querySelectorAll('dialog .rule').length === 1")
    enter(page, "dialog .step input[type=number]", "503")
    enter(page, "dialog .step-numbers label:nth-child(2) input", "2")
    click(page, "dialog .add-step")
    click(page, "#save-rules")
    page.wait_for(CLOSED)
    post(f"{url}/orders", "1", status=503)
    post(f"{url}/orders", "2", status=503)
    post(f"{url}/orders", "3", status=200)
    post(f"{url}/elsewhere", "4", status=200)
    page.wait_for(f"{ROWS} === 5")
    click(page, "#rules")
    click(page, "dialog [data-tab=json]")
    rules = json.loads(page.evaluate("document.querySelector('dialog [role=tabpanel] textarea').value"))
    assert rules[0]["when"]["subpath"] == "/orders"
    assert rules[0]["then"] == [{"status": 200}]
    enter(page, "dialog [role=tabpanel] textarea", '[{"status": 418, "nonsense": 1}]')
    click(page, "#save-rules")
    page.wait_for("document.querySelector('dialog .error').textContent.includes('nonsense')")
    page.problems.clear()  # the browser logs the response 422
    enter(page, "dialog [role=tabpanel] textarea", '[{"status": 418}]')
    click(page, "#save-rules")
    page.wait_for(CLOSED)
    post(url, "5", status=418)
    assert [rule["status"] for rule in running.get(f"/bins/{url.rpartition('/')[2]}/responses")["rules"]] == [
        418
    ]


def test_verification_names_what_matched_and_what_nearly_did(page: BrowserTab, url: str) -> None:
    post(url, "x", {**CALLBACK, "X-Function-Status": "500"})
    page.wait_for(f"{ROWS} === 1")
    click(page, "#verify")
    enter(page, "[data-match=function]", "figlet")
    enter(page, "[data-match=function_status]", "200")
    click(page, "#run-verify")
    page.wait_for("document.getElementById('verdict')?.textContent === 'not verified'")
    assert "function_status was 500, expected 200" in text_of(page, ".near-misses")
    enter(page, "[data-match=function_status]", "500")
    click(page, "#run-verify")
    page.wait_for("document.getElementById('verdict')?.textContent === 'verified'")
    assert "1 request matched" in text_of(page, ".verdicts")


def test_settings_forward_and_secret_are_changed(page: BrowserTab, running: Inspector, url: str) -> None:
    name = url.rpartition("/")[2]
    post(url, "the first")
    page.wait_for(f"{ROWS} === 1")

    def open_menu(item: str) -> None:
        click(page, "#bin-menu")
        choose(page, item)

    open_menu("Capacity, answer, note…")
    enter(page, "dialog [name=capacity]", "7")
    enter(page, "dialog [name=note]", "for lesson 7")
    click(page, "dialog .primary")
    page.wait_for("document.querySelector('.bin-note')?.textContent === 'for lesson 7'")
    assert running.get(f"/bins/{name}")["capacity"] == 7

    open_menu("Forward…")
    enter(page, "dialog [name=url]", "http://198.51.100.1/")
    click(page, "dialog .primary")
    page.wait_for("document.querySelector('dialog .error').textContent !== ''")
    page.problems.clear()  # the browser logs the refusal
    enter(page, "dialog [name=url]", f"{running.url}/r/{name}-target")
    click(page, "dialog .primary")
    page.wait_for(f"{CLOSED} && document.querySelector('#bin-head').innerText.includes('forwards')")
    post(url, "forward me")
    open_menu("Forward…")
    click(page, "dialog .danger")
    page.wait_for(f"{CLOSED} && !document.querySelector('#bin-head').innerText.includes('forwards')")
    assert running.get(f"/bins/{name}-target/requests/latest")["body"] == "forward me"

    open_menu("Webhook secret…")
    enter(page, "dialog [name=secret]", "s3cret")
    click(page, "dialog .primary")
    page.wait_for(CLOSED)
    body = b'{"signed": true}'
    right = hmac.new(b"s3cret", body, "sha256").hexdigest()
    post(url, body, {"X-Hub-Signature-256": f"sha256={right}"})
    page.wait_for("document.getElementById('signature')?.textContent === 'signature good'")
    post(url, body, {"X-Hub-Signature-256": f"sha256={right[::-1]}"})
    page.wait_for("document.getElementById('signature')?.textContent === 'signature bad'")
    page.evaluate("document.getElementById('signature').focus()")
    page.evaluate("document.getElementById('signature').click()")


def test_a_bin_is_exported_made_and_deleted(page: BrowserTab, running: Inspector, url: str) -> None:
    name = url.rpartition("/")[2]
    post(url, BANNER, CALLBACK)
    page.wait_for(f"{ROWS} === 1")
    links = page.evaluate("[...document.querySelectorAll('#bin-head .menu a')].map((link) => link.href)")
    assert [link.rpartition("=")[2] for link in links] == ["har", "jsonl", "csv"]
    har = page.evaluate(f"fetch({links[0]!r}).then((response) => response.json())")
    assert har["log"]["entries"][0]["request"]["postData"]["text"] == BANNER
    enter(page, "#new-name", f"{name}-new")
    click(page, "#new-bin button")
    page.wait_for(f"document.getElementById('bin-name').textContent === '{name}-new'")
    click(page, "#bin-menu")
    choose(page, "Delete the bin")
    page.wait_for("!!document.querySelector('dialog .danger')")
    assert page.evaluate("document.activeElement.textContent") == "Cancel", "Enter deletes nothing"
    click(page, "dialog .danger")
    page.wait_for(f"!document.querySelector('#bins').innerText.includes('{name}-new')")
    assert running.api.get(f"/api/v1/bins/{name}-new").status_code == 404
