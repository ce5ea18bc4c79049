"""The Calls view in a browser: what a lab's calls look like, filters, detail, links, player."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import timeline_data as data
from calls_server import CallsApi, calls_server
from chromium import BrowserTab, Chromium
from labs import start_lab, until_running

from labkit import Lab
from labkit.lifecycle import environment
from labkit_services.call_record.log import CallState
from tests.eventually import eventually

ROWS = "[...document.querySelectorAll('.tl-row')]"
DETAIL = "document.querySelector('.call-detail:not([hidden])')?.innerText"
FLAKY = data.one_of_each()[3]
LINES = [
    {"service": "queue-worker", "time": "", "level": "info", "text": text, "call_id": call_id}
    for text, call_id in (("Invoked: flaky", FLAKY["callId"]), ("Received", None))
]
NUMBERS = """Object.fromEntries([...document.querySelectorAll('.strip-number')].map(
    (each) => [each.dataset.count, each.querySelector('b').textContent]))"""
CLICK = "new MouseEvent('click', {bubbles: true})"
HOSTILE = "<img src=x onerror=alert(1)></script>\u202e" + "a" * 10_000


@pytest.fixture
def api() -> Iterator[CallsApi]:
    with calls_server(calls=data.one_of_each(), lines=LINES) as api:
        yield api


@pytest.fixture
def page(browser: Chromium, api: CallsApi) -> Iterator[BrowserTab]:
    page = browser.open(f"{api.url}/")
    page.wait_for(f"{ROWS}.length === 11")
    yield page
    assert page.problems == []
    assert all(url.startswith((api.url, "data:")) for url in page.requested)
    page.goto("about:blank")


@pytest.fixture(scope="module")
def real_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that gives up after two attempts, and whose leases are short."""
    lab = start_lab(
        tmp_path_factory.mktemp("view"),
        max_retry_attempts=2,
        initial_retry_wait="300ms",
        max_retry_wait="300ms",
        ack_wait="2s",
    )
    environment.leave(lab.aio.state)
    lab.deploy("echo", fprocess="cat")
    lab.deploy("fails", fprocess="false")
    lab.deploy("slow", fprocess="sleep 1.5")
    lab.deploy("hangs", fprocess="sleep 60")
    lab.deploy_flaky("flaky-once", failures=1)
    yield lab
    lab.stop()


def click(page: BrowserTab, selector: str) -> None:
    page.evaluate(f"document.querySelector({selector!r}).click()")


def select(page: BrowserTab, function: str) -> str:
    """Click a call's row; return the text of its detail."""
    page.evaluate(f"{ROWS}.find((each) => each.textContent.startsWith({function!r})).click()")
    return str(page.wait_for(f"{DETAIL}?.startsWith({function!r}) && {DETAIL}"))


def test_calls_of_every_fate_in_a_real_lab(browser: Chromium, real_lab: Lab, tmp_path: Path) -> None:
    """Synchronous, asynchronous with a callback, retried, dead, cancelled, redelivered."""
    lab = real_lab
    state = lab.aio.state
    page = browser.open(f"{state.inspector_url}/?token={state.inspector_token}")
    page.wait_for("document.querySelector('.empty')?.innerText.includes('faas-cli')")

    lab.invoke("echo", "now")
    lost = lab.invoke_async("slow")
    until_running(lost)
    lab.kill("queue-worker")
    retried = lab.invoke_async("flaky-once", "x", callback=lab.bin("callbacks"))
    dead = lab.invoke_async("fails")
    assert lost.wait(30).state is CallState.DONE
    assert retried.wait(20).state is CallState.DONE
    eventually(lambda: dead.status().state is CallState.DEAD, within=20)
    cancelled = lab.invoke_async("hangs")
    until_running(cancelled)
    # By the page's own button.
    page.wait_for(f"{ROWS}.length === 5")
    select(page, "hangs")
    page.wait_for(f"{DETAIL}?.includes('attempt 1 starts')")
    click(page, ".call-actions .danger")
    eventually(lambda: cancelled.status().state is CallState.CANCELLED, within=20)

    def label(function: str, part: str) -> str:
        row = f"{ROWS}.find((each) => each.textContent.startsWith({function!r}))?.getAttribute('aria-label')"
        return str(page.wait_for(f"{row}?.includes({part!r}) && {row}"))

    assert "synchronous, done" in label("echo", "done")
    assert "waits for the broker's lease" in label("slow", "done")
    assert "the attempt is lost" in label("slow", "done")
    assert "the function fails" in label("flaky-once", "captured in bin callbacks")
    assert "waits for back-off" in label("flaky-once", "done")
    assert "dead letter" in label("fails", "dead")
    assert "cancelled" in label("hangs", "cancelled")

    detail = select(page, "flaky-once")
    assert "Succeeded at attempt 2" in detail
    assert "2 attempts compared" in detail
    assert "X-Duration-Seconds says" in detail
    assert page.evaluate("document.querySelector('.call-events a').hash").startswith("#/bins/callbacks/")
    page.wait_for(f"({NUMBERS}).done === '3'")
    numbers = page.evaluate(NUMBERS)
    assert (numbers["accepted"], numbers["dead"], numbers["redelivered"]) == ("4", "1", "1")
    assert page.evaluate("document.querySelectorAll('.call-log li').length") > 0
    page.look(height=1000)
    page.screenshot(tmp_path / "calls.png")
    assert page.problems == []
    page.goto("about:blank")


def test_a_new_call_is_painted_within_200_milliseconds(page: BrowserTab, api: CallsApi) -> None:
    page.evaluate(
        "window.seen = new Promise((done) => { const look = () => document.querySelector('[data-call=late]')"
        " ? requestAnimationFrame(() => done(Date.now())) : requestAnimationFrame(look); look(); }); 1"
    )
    now = data.NOW + 1
    late = data.call(12, "late", "queued", [data.span("queued", now - data.BEGIN, None)], callId="late")
    sent = time.time()
    api.push(late, now=now)

    assert page.evaluate("seen") / 1000 - sent < 0.2


@pytest.mark.parametrize("where", [".strip", ".fl"])
def test_a_number_filters_the_calls_and_is_pressed_in_strip_and_flow(page: BrowserTab, where: str) -> None:
    name = "data-count" if where == ".strip" else "data-name"
    page.evaluate(f"document.querySelector('{where} [{name}=dead]').dispatchEvent({CLICK})")

    page.wait_for(f"{ROWS}.length === 1")

    assert page.evaluate(f"{ROWS}[0].textContent").startswith("broken")
    assert "1 of 11 calls" in page.evaluate("document.querySelector('.calls-main [role=status]').textContent")
    assert (
        page.evaluate("document.querySelector('.strip [data-count=dead]').getAttribute('aria-pressed')")
        == "true"
    )
    assert (
        page.evaluate("document.querySelector('.fl [data-name=dead]').getAttribute('aria-pressed')") == "true"
    )
    click(page, ".strip [data-count=dead]")
    page.wait_for(f"{ROWS}.length === 11")


def test_a_search_narrows_the_rows(page: BrowserTab) -> None:
    page.evaluate("document.querySelector('.calls-main input[type=search]').focus()")
    page.type("notify")
    page.wait_for(f"{ROWS}.length === 3")


def test_the_strip_is_on_every_view_and_leads_to_the_calls(page: BrowserTab) -> None:
    page.evaluate("location.hash = '#/logs'; 1")
    page.wait_for("document.querySelector('.view-logs')?.isConnected")
    click(page, ".strip [data-count=failed]")
    page.wait_for(f"location.hash === '#/calls' && {ROWS}.length === 1")


@pytest.mark.parametrize(("width", "height"), [(720, 640), (420, 640), (326, 500)])
def test_with_little_room_nothing_is_cut_and_the_flow_has_the_numbers(
    page: BrowserTab, width: int, height: int
) -> None:
    page.look(width=width, height=height)
    page.wait_for("document.getElementById('strip').offsetHeight === 0")
    room = page.evaluate("document.querySelector('.calls-timeline').getBoundingClientRect().top")
    if width == 720:
        assert room < 0.75 * height
    over = (
        "[...document.querySelectorAll('#top, .views, .views a, .strip, .strip-number')]"
        ".filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.className)"
    )
    assert page.evaluate(over) == []
    picture = "document.querySelector('.fl-picture').getBoundingClientRect()"
    texts = "[...document.querySelectorAll('.fl-part')].map((each) => [each.querySelector('rect'), each])"
    outside = (
        f"{texts}.flatMap(([box, part]) => [...part.querySelectorAll('text')].filter((text) => "
        "text.textContent && !text.closest('.fl-badge') && (text.getBoundingClientRect().right > "
        f"Math.min(box.getBoundingClientRect().right, {picture}.right) + 1 || "
        "text.getBoundingClientRect().left < box.getBoundingClientRect().left - 1))"
        ".map((text) => text.textContent))"
    )
    page.wait_for(f"{outside}.length === 0")  # the flow takes its new size a moment after the page
    page.evaluate("location.hash = '#/logs'; 1")
    page.wait_for("document.getElementById('strip').offsetHeight > 0")
    assert page.evaluate(over) == []
    page.look()


def test_detail_explains_outcome_durations_events_and_attempts(page: BrowserTab, api: CallsApi) -> None:
    outcome = {
        "hop": "function",
        "code": "no_such_code",
        "reason": "It succeeded at attempt 3.",
        "next": "Nothing to do.",
    }
    runs = ((1, 500, 0.5, 1.5, 1), (2, 500, 0.4, 2.4, 1), (3, 200, 0.6, None, 0))
    names = ("number", "status", "ran", "retryDelay")
    attempts = [
        {
            **dict(zip(names, run, strict=False)),
            "error": "",
            "started": None,
            "process": {"pid": 1, "exitCode": run[4]},
        }
        for run in runs
    ]
    api.push({**FLAKY, "outcome": outcome, "attempts": attempts, "callbacks": []})

    detail = select(page, "flaky")

    assert "It succeeded at attempt 3." in detail
    assert "Next: Nothing to do." in detail
    for row in (
        "caller waited\n3 ms",
        "in the queue\n2.5 s",
        "back-off\n3.9 s",
        "callback\n0.5 s",
        "end to end\n8.4 s",
    ):
        assert row in detail
    assert "X-Duration-Seconds says 0.6 s" in detail
    assert (
        "It leaves out: earlier attempts 0.9 s, in the queue 2.5 s, back-off 3.9 s, callback 0.5 s." in detail
    )
    assert "+2.500 attempt 1 starts" in detail
    assert "+3.000 attempt 1 fails: 500" in detail
    assert "3 attempts compared" in detail
    assert page.evaluate("document.querySelectorAll('.compare tbody tr').length") == 3
    assert page.evaluate("location.hash") == f"#/calls/{FLAKY['callId']}/flaky"
    assert page.evaluate("document.querySelector('.tl-row[aria-selected=true]').textContent").startswith(
        "flaky"
    )
    click(page, "[data-part=close]")
    page.wait_for("document.querySelector('.call-detail').hidden")


def test_a_captured_request_is_linked_and_a_queued_call_can_be_cancelled(
    page: BrowserTab, api: CallsApi
) -> None:
    page.evaluate(f"document.querySelector('[data-call=\"{data.one_of_each()[2]['callId']}\"]').click()")
    page.wait_for("document.querySelector('.call-events a')?.hash === '#/bins/callbacks/01J5'")
    queued = data.one_of_each()[10]
    page.evaluate(f"location.hash = '#/calls/{queued['callId']}/notify'; 1")
    page.wait_for("document.querySelector('.call-actions .danger')?.isConnected")

    click(page, ".call-actions .danger")

    eventually(lambda: api.asked, within=5)
    assert api.asked == [f"DELETE /api/v1/calls/{queued['callId']}?function=notify"]


def test_a_log_line_and_its_bar_point_at_each_other(page: BrowserTab) -> None:
    page.look(height=1200)  # every row is in view
    page.wait_for("document.querySelectorAll('.call-log li').length === 2")
    row = f"{ROWS}.find((each) => each.textContent.startsWith('flaky')).getBoundingClientRect()"
    box = page.evaluate(f"[{row}.left + 20, {row}.top + 12]")
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])
    page.wait_for("document.querySelector('.call-log .marked')?.textContent.includes('flaky')")
    page.evaluate("document.querySelector('.call-log li').click()")
    page.wait_for(f"{DETAIL}?.startsWith('flaky')")


def test_pause_holds_the_timeline_still(page: BrowserTab, api: CallsApi) -> None:
    click(page, "#pause")
    at = "document.querySelector('.tl-count b').textContent"
    before = page.evaluate(at)
    api.push(data.call(13, "held", "queued", [data.span("queued", 10, None)]))
    time.sleep(0.5)
    assert page.evaluate(f"{ROWS}.length") == 11
    assert page.evaluate(at) == before
    click(page, "#pause")
    page.wait_for(f"{ROWS}.length === 12")


def test_a_recorded_run_can_be_played_stepped_and_scrubbed(browser: Chromium) -> None:
    spans = [span for call in data.one_of_each() for span in call["spans"]]
    moments = sorted({time for span in spans for time in (span["start"], span["end"]) if time})
    set_value = (
        "document.querySelector('.player {0}').value = {1};"
        "document.querySelector('.player {0}').dispatchEvent(new Event('{2}'));"
    )
    record = {"start": moments[0], "end": data.NOW, "steps": moments}
    with calls_server(calls=data.one_of_each(), record=record) as api:
        page = browser.open(f"{api.url}/")
        page.wait_for("document.querySelector('.player')?.isConnected")
        assert page.evaluate("document.querySelectorAll('.player button').length") == 4
        click(page, "[data-player=first]")
        page.wait_for(f"{ROWS}.length === 1")
        click(page, "[data-player=forward]")
        click(page, "[data-player=forward]")
        label = "document.querySelector('.player output').textContent"
        assert page.evaluate(label).startswith("20 ms / ")
        page.evaluate(set_value.format("input", 385, "input"))
        page.wait_for(f"{ROWS}.some((each) => each.dataset.state === 'retrying')")
        page.wait_for("document.querySelector('.strip [data-count=retrying] b').textContent === '1'")
        page.evaluate(set_value.format("select", 10, "change"))
        click(page, "[data-player=play]")
        stopped = "document.querySelector('[data-player=play]').dataset.playing === 'false'"
        page.wait_for(f"{ROWS}.length === 11 && {stopped}")
        assert page.evaluate("document.querySelector('.call-actions .danger')") is None
        assert len(page.problems) == 1
        assert "409 (Conflict)" in page.problems[0], "a record has no services"
        page.goto("about:blank")


def test_a_recorded_call_is_told_as_it_was_and_nothing_can_be_changed(browser: Chromium) -> None:
    begin = min(span["start"] for span in FLAKY["spans"])
    attempts = [
        {"number": number, "status": 500, "ran": 0.1, "process": None, "from": begin + after}
        for number, after in ((1, 2.5), (2, 4.0), (3, 6.0))
    ]
    call = {**FLAKY, "attempts": attempts}
    times = [begin, begin + 3, begin + 5, begin + 8]
    with calls_server(calls=[call], record={"steps": times}) as api:
        page = browser.open(f"{api.url}/#/calls/{FLAKY['callId']}/flaky")
        page.wait_for(f"{DETAIL}?.includes('3 attempts until then.')")
        for step, text in (("first", "0 attempts"), ("forward", "1 attempts"), ("forward", "2 attempts")):
            click(page, f"[data-player={step}]")
            page.wait_for(f"{DETAIL}?.includes('{text} until then.')")
        assert "2 attempts compared" in page.evaluate(DETAIL)
        assert page.evaluate("document.getElementById('connection').innerText") == "recorded run"
        shown = "['send-call', 'pause'].filter((id) => document.getElementById(id).offsetParent)"
        assert page.evaluate(shown) == []
        page.evaluate("document.activeElement.blur()")
        page.press("n")
        page.press("p")
        assert page.evaluate("document.querySelector('dialog')") is None
        assert page.evaluate("document.getElementById('connection').innerText") == "recorded run"
        assert page.problems == []
        page.goto("about:blank")


def test_the_first_call_takes_the_place_of_the_lesson(browser: Chromium) -> None:
    lesson = "document.querySelector('.empty')?.innerText"
    with calls_server() as api:
        page = browser.open(f"{api.url}/")
        page.wait_for(f"{lesson}?.includes('no function yet')")
        api.functions = ["resize"]
        page.wait_for(f"{lesson}?.includes('{api.gateway}/async-function/resize')")
        click(page, ".empty p button")
        page.wait_for("document.querySelector('dialog [name=function]')?.value === 'resize'")
        page.evaluate("location.hash = '#/calls'; document.querySelector('dialog')?.close(); 1")

        api.push(data.one_of_each()[0])

        page.wait_for(f"{ROWS}.length === 1")
        assert page.evaluate("getComputedStyle(document.querySelector('.tl-empty')).display") == "none"
        assert page.evaluate("document.querySelector('.empty')") is None
        assert page.problems == []
        page.goto("about:blank")


def test_a_call_is_copied_as_curl_and_invoked_again(page: BrowserTab, api: CallsApi) -> None:
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }; 1")
    callback = "http://127.0.0.1:5/r/it's"
    api.push({**FLAKY, "callbacks": [{"attempt": 1, "url": callback, "status": 200}]})
    select(page, "flaky")
    page.wait_for("!!document.querySelector('[data-part=callbacks]')")  # what was pushed has come
    click(page, "[data-part=curl]")
    page.wait_for("window.copied")
    quoted = "'X-Callback-Url: http://127.0.0.1:5/r/it'\\''s'"
    assert page.evaluate("copied") == (f"curl -i '{api.gateway}/async-function/flaky' -d '' -H {quoted}")

    click(page, "[data-part=again]")
    page.wait_for("document.querySelector('dialog [name=function]')?.value === 'flaky'")
    assert page.evaluate("document.querySelector('dialog [name=callback]').value") == callback
    click(page, "dialog .primary")
    page.wait_for("document.querySelector('.send-result strong')?.textContent === '202'")
    expected = {"function": "flaky", "mode": "async", "body": "", "headers": [], "callback": callback}
    method, path, body = api.asked[-1].split(" ", 2)
    assert (method, path, json.loads(body)) == ("POST", "/api/v1/calls", expected)
    click(page, "dialog .dialog-head button")
    page.wait_for("!document.querySelector('dialog')")


def test_a_dead_letter_is_redriven_from_its_call(page: BrowserTab, api: CallsApi) -> None:
    api.push({**FLAKY, "state": "dead"})
    select(page, "flaky")
    click(page, "[data-part=redrive]")
    eventually(lambda: api.asked, within=5)
    path = f"/api/v1/queues/faas-request/dead-letters/{FLAKY['callId']}/redrive"
    assert api.asked == [f"POST {path}?function=flaky {{}}"]


def test_an_outcome_with_phrases_in_it_is_told_in_chinese(page: BrowserTab, api: CallsApi) -> None:
    ending = {"code": "function_exit.ending", "values": {"status": 500, "exit": 1}}
    attempts = {"code": "attempts", "values": {"n": 2, "numbers": [1, 2], "ending": ending}}
    values = {"n": 2, "history": [attempts], "call": "ab", "queue": "faas-request"}
    api.push({**FLAKY, "outcome": {"hop": "function", "code": "dead", "values": values}})
    click(page, "#language")
    page.wait_for("document.documentElement.lang === 'zh-CN'")
    page.wait_for(f"{ROWS}.length === 11")
    detail = select(page, "flaky")
    assert "[object" not in detail
    assert "失败在函数里" in detail
    click(page, "#language")
    page.wait_for("document.documentElement.lang === 'en'")


def test_what_comes_under_a_resting_pointer_is_not_explained(page: BrowserTab) -> None:
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=640, y=400)
    style = "document.querySelector('.strip-number').style.cssText"
    page.evaluate(f"{style} = 'position: fixed; left: 600px; top: 380px; z-index: 9'")
    time.sleep(0.6)  # longer than the delay of a tooltip
    assert page.evaluate("document.getElementById('tooltip').hidden") is True
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=642, y=401)
    page.wait_for("!document.getElementById('tooltip').hidden")
    page.evaluate(f"{style} = ''")


def test_a_dialog_closes_when_the_address_leads_elsewhere(page: BrowserTab) -> None:
    click(page, "#send-call")
    page.wait_for("document.querySelector('dialog[open]') && 1")
    page.evaluate("location.hash = '#/bins'; 1")
    page.wait_for("!document.querySelector('dialog')")


def test_hostile_calls_stay_text_in_the_whole_view(browser: Chromium) -> None:
    attempt = dict.fromkeys(("started", "ran", "retryDelay", "process"))
    hostile = data.call(
        1,
        HOSTILE,
        "failed",
        [data.span("queued", 0, 1, HOSTILE), data.span("fails", 1, 2, HOSTILE, 1)],
        callId=HOSTILE[:500],
        queue=HOSTILE,
        outcome={"hop": "function", "code": HOSTILE, "reason": HOSTILE, "next": HOSTILE},
        attempts=[{"number": n, "error": HOSTILE, "status": 500, **attempt} for n in (1, 2)],
        callbacks=[{"url": HOSTILE, "attempt": 1, "status": None, "error": HOSTILE, "redirectedTo": HOSTILE}],
        captured=[{"bin": HOSTILE, "id": HOSTILE, "seq": 1, "time": data.BEGIN + 1}],
    )
    lines = [{"service": "queue-worker", "time": "", "level": "info", "text": HOSTILE, "call_id": HOSTILE}]
    with calls_server(calls=[hostile], lines=lines) as api:
        page = browser.open(f"{api.url}/")
        page.wait_for(f"{ROWS}.length === 1")
        page.evaluate(f"{ROWS}[0].click()")
        page.wait_for(f"{DETAIL}?.startsWith('<img')")
        assert page.evaluate("document.querySelectorAll('main img, main script, main b b').length") == 0
        assert "\u202e" not in page.evaluate("document.querySelector('main').textContent")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.problems == []
        page.goto("about:blank")


def test_chinese_words_for_everything(page: BrowserTab) -> None:
    click(page, "#language")
    page.wait_for("document.querySelector('.tl-legend')?.innerText.includes('等待空闲的工作器')")
    page.wait_for(f"{ROWS}.length === 11")
    select(page, "flaky")
    text = page.evaluate("document.querySelector('main').innerText")
    assert not [
        word for word in text.split() if word.startswith(("timeline.", "span.", "state.", "call.", "event."))
    ]
    click(page, "#language")
    page.wait_for("document.querySelector('.tl-legend')?.innerText.includes('waits for a free worker')")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
def test_axe_finds_no_violation(page: BrowserTab, width: int, dark: bool, tmp_path: Path) -> None:
    pytest.importorskip("axe_playwright_python")
    page.look(width=width, height=900, dark=dark)
    select(page, "flaky")
    page.call("Page.setBypassCSP", enabled=True)
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8") + "; true")
    found = page.evaluate("axe.run().then((result) => result.violations)")
    page.screenshot(tmp_path / "calls.png")

    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.look()


def test_5000_calls_are_loaded_page_by_page(browser: Chromium) -> None:
    with calls_server(calls=data.many(5000, 600), now=data.BEGIN + 605) as api:
        page = browser.open(f"{api.url}/")
        page.wait_for("document.querySelector('.tl-row[aria-setsize=\"5000\"]')?.isConnected")
        assert page.evaluate("document.querySelectorAll('*').length") < 500
        assert page.problems == []
        page.goto("about:blank")
