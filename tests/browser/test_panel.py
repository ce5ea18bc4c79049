"""The control panel in a browser against a real lab: controls, both ways to the lab, errors, themes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from chromium import BrowserTab, Chromium
from inspector_page import click, enter, text_of, violations
from labs import start_lab
from panel_server import PanelServer, panel_server

from labkit import Lab
from tests.eventually import eventually

TIMES = "\u00d7"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with start_lab(tmp_path_factory.mktemp("panel")) as lab:
        deploy(lab)
        yield lab


def deploy(lab: Lab) -> None:
    lab.deploy("echo", fprocess="cat")
    lab.deploy("nap", fprocess="sleep 1")
    lab.bin("callbacks")


@pytest.fixture
def server(lab: Lab) -> Iterator[PanelServer]:
    with panel_server(lab) as server:
        yield server
    state = lab.aio.state
    headers = {"Authorization": f"Bearer {state.inspector_token}"}
    ended = httpx.delete(f"{state.inspector_url}/api/v1/faults", headers=headers, trust_env=False, timeout=30)
    assert ended.status_code == 204


@pytest.fixture
def page(browser: Chromium, server: PanelServer) -> Iterator[BrowserTab]:
    page = open_panel(browser, server)
    yield page
    problems = [each for each in page.problems if '"level": "error"' not in each]  # 404s are part of it
    page.close()
    assert problems == []


def open_panel(browser: Chromium, server: PanelServer, query: str = "") -> BrowserTab:
    page = browser.open(f"{server.url}/{query}")
    page.wait_for("window.ready && document.querySelectorAll('.pn-send option').length > 2")
    page.wait_for("!document.querySelector('[data-field=replicas] input').disabled")
    return page


def select(page: BrowserTab, field: str, value: str) -> None:
    chooser = f"document.querySelector('[data-field={json.dumps(field)}] select')"
    page.wait_for(f"[...{chooser}.options].some((each) => each.value === {value!r})")
    page.evaluate(f"{chooser}.value = {value!r}; {chooser}.dispatchEvent(new Event('change'))")


def action(page: BrowserTab, name: str) -> None:
    click(page, f'[data-action="{name}"]')


def status(page: BrowserTab, place: str) -> str:
    """Return an expression for the state and the text of a control's status line."""
    line = f"document.querySelector({place!r}).querySelector('.pn-status')"
    return f"`${{{line}.dataset.state}}: ${{{line}.innerText}}`"


def slide(page: BrowserTab, field: str, value: int, least: int = 1) -> None:
    """Drag a slider's thumb to a value with the mouse."""
    slider = f"document.querySelector('[data-field={field}] input')"
    page.evaluate(f"{slider}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    # Until nothing moves any more: a notebook lays out its outputs for a while.
    page.evaluate(
        f"""(async () => {{
            for (let before = NaN, still = 0; still < 10; ) {{
                await new Promise((done) => requestAnimationFrame(done));
                const {{ top }} = {slider}.getBoundingClientRect();
                still = top === before && !{slider}.disabled ? still + 1 : 0;
                before = top;
            }}
        }})()"""
    )
    left, top, width, height, now, most = page.evaluate(
        f"(() => {{ const b = {slider}.getBoundingClientRect();"
        f" return [b.left, b.top, b.width, b.height, Number({slider}.value), Number({slider}.max)]; }})()"
    )
    thumb = 16

    def x(at: float) -> float:
        return float(left + thumb / 2 + (width - thumb) * (at - least) / (most - least))

    y = top + height / 2
    page.call("Input.dispatchMouseEvent", type="mousePressed", x=x(now), y=y, button="left", clickCount=1)
    for step in range(1, 6):
        at = x(now + (value - now) * step / 5)
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=at, y=y, button="left", buttons=1)
    assert page.evaluate(f"{slider}.value") == str(value)
    page.call("Input.dispatchMouseEvent", type="mouseReleased", x=x(value), y=y, button="left", clickCount=1)


def real(page: BrowserTab, field: str, text: str) -> None:
    page.wait_for(f"document.querySelector('[data-field={field}] .pn-real').textContent === {text!r}")


# -- send calls


def test_ten_synchronous_calls_are_sent_and_their_progress_is_shown(page: BrowserTab, lab: Lab) -> None:
    select(page, "function", "nap")
    action(page, "times.10")
    assert text_of(page, ".pn-send .pn-python") == 'lab.measure("nap", calls=10)'
    action(page, "send.sync")

    page.wait_for("document.querySelector('.pn-batches li')?.innerText.includes('2 answered')")
    assert page.evaluate("document.querySelector('.pn-batches progress').value") == 2
    action(page, "batch.stop")
    page.wait_for("document.querySelector('.pn-batches li').dataset.state === 'error'")
    assert "stopped after" in text_of(page, ".pn-batches")
    assert len([call for call in lab.calls() if call.function == "nap"]) < 10


def test_any_number_of_asynchronous_calls_with_a_callback(page: BrowserTab, lab: Lab) -> None:
    bin_ = lab.bin("callbacks")
    bin_.clear()
    select(page, "function", "echo")
    select(page, "callback", "callbacks")
    action(page, "times.custom")
    enter(page, '[data-field="times.number"] input', "7")
    action(page, "send.async")

    page.wait_for("document.querySelector('.pn-batches li')?.dataset.state === 'done'")
    assert f"7 {TIMES} 202" in text_of(page, ".pn-batches")
    eventually(lambda: len(bin_.requests()) == 7)
    assert page.evaluate("announced.at(-1)").startswith(f"7 {TIMES} async echo")


@pytest.mark.parametrize("number", ["0", "1001", "2.5", ""])
def test_what_is_no_number_of_calls_is_said_beside_the_button(page: BrowserTab, number: str) -> None:
    action(page, "times.custom")
    enter(page, '[data-field="times.number"] input', number)
    action(page, "send.sync")

    assert page.evaluate(status(page, ".pn-send")).startswith("error: This is no number of calls.")
    assert "a whole number from 1 to 1000" in text_of(page, ".pn-send .pn-status")
    assert page.evaluate("sent.filter(([method]) => method === 'POST').length") == 0


# -- limits


def test_dragging_max_inflight_puts_two_calls_in_flight_while_they_run(page: BrowserTab, lab: Lab) -> None:
    calls = [lab.invoke_async("nap") for _ in range(6)]
    eventually(lambda: lab.queue().in_flight == 1)
    slide(page, "max_inflight", 2)

    page.wait_for(f"{status(page, '[data-field=max_inflight]')} === 'done: applied: 2'")
    real(page, "max_inflight", "now 2")
    assert lab.queue().max_inflight == 2
    eventually(lambda: lab.queue().in_flight == 2, within=5)
    for call in calls:
        call.wait(30)
    assert page.evaluate("sent.filter(([method, path]) => method === 'PUT').length") == 1
    lab.set_max_inflight(1)
    real(page, "max_inflight", "now 1")
    assert page.evaluate("document.querySelector('[data-field=max_inflight] input').value") == "1"
    # What was applied holds no more.
    assert page.evaluate(status(page, "[data-field=max_inflight]")) == ": "


def test_max_inflight_is_that_of_each_of_several_workers(page: BrowserTab, lab: Lab) -> None:
    lab.scale_workers(3)
    real(page, "workers", "now 3")
    slide(page, "max_inflight", 11)

    page.wait_for(f"{status(page, '[data-field=max_inflight]')} === 'done: applied: 11'")
    real(page, "max_inflight", "now 11")
    assert [worker.max_inflight for worker in lab.queue().status().workers] == [11] * 3
    assert page.evaluate("document.querySelector('[data-field=max_inflight] input').value") == "11"
    lab.set_max_inflight(1)
    lab.scale_workers(1)
    real(page, "max_inflight", "now 1")
    real(page, "workers", "now 1")


def test_workers_and_replicas_are_changed_with_the_keyboard(page: BrowserTab, lab: Lab) -> None:
    select(page, "function", "echo")
    page.evaluate("document.querySelector('[data-field=workers] input').focus()")
    page.press("ArrowRight")
    real(page, "workers", "now 2")
    assert len([each for each in lab.status().services if each.name.startswith("queue-worker")]) == 2
    page.wait_for("document.querySelector('[data-field=worker]').hidden === false")
    page.press("ArrowLeft")
    real(page, "workers", "now 1")

    page.evaluate("document.querySelector('[data-field=replicas] input').focus()")
    page.press("ArrowRight")
    page.press("ArrowRight")
    real(page, "replicas", "now 3")
    assert next(each["replicas"] for each in lab.functions() if each["name"] == "echo") == 3
    lab.scale("echo", 1)
    real(page, "replicas", "now 1")


def test_a_refused_change_shows_expected_seen_and_next_and_the_old_value(page: BrowserTab, lab: Lab) -> None:
    lab.deploy("gone", fprocess="cat")
    select(page, "function", "gone")
    real(page, "replicas", "now 1")
    page.evaluate("panel.setFunctions = () => {}")  # the page has not heard of it yet
    lab.remove("gone")
    page.evaluate("document.querySelector('[data-field=replicas] input').focus()")
    page.press("ArrowRight")
    page.wait_for(f"{status(page, '[data-field=replicas]')}.startsWith('error')")
    assert "gone" in page.evaluate(status(page, "[data-field=replicas]"))

    answer = page.evaluate("api.send('PUT', 'api/v1/workers', {count: 40})")
    assert (answer["status"], answer["body"]["expected"]) == (400, "a whole number from 1 to 16")


# -- answers of a bin


def test_a_bin_that_another_program_makes_is_offered(page: BrowserTab, lab: Lab) -> None:
    bins = "[...document.querySelectorAll('[data-field=bin] option')].map((each) => each.value)"
    assert "made-elsewhere" not in page.evaluate(bins)
    lab.bin("made-elsewhere")

    page.wait_for(f"{bins}.includes('made-elsewhere')")


def test_a_bin_answers_200_503_or_holds(page: BrowserTab, lab: Lab) -> None:
    bin_ = lab.bin("callbacks")
    bin_.respond(418)
    page.evaluate("document.querySelector('[data-field=bin] select').focus()")
    page.wait_for("document.querySelector('.pn-answers .pn-note').hidden === false")

    action(page, "answer.503")
    page.wait_for("document.querySelector('[data-action=\"answer.503\"]').ariaPressed === 'true'")
    assert httpx.post(bin_.url, trust_env=False).status_code == 503
    assert text_of(page, ".pn-answers .pn-python") == 'with lab.bin("callbacks").down(503): ...'

    action(page, "answer.hold")
    page.wait_for("document.querySelector('[data-action=\"answer.hold\"]').ariaPressed === 'true'")
    answers: list[int] = []
    post = threading.Thread(
        target=lambda: answers.append(httpx.post(bin_.url, trust_env=False, timeout=30).status_code)
    )
    post.start()
    page.wait_for("document.querySelector('.pn-held').textContent === 'held: 1'")
    assert answers == []
    page.evaluate("document.querySelectorAll('[data-action=\"held.answer\"]')[1].click()")
    post.join(20)
    assert answers == [503]

    action(page, "answer.200")
    page.wait_for("document.querySelector('[data-action=\"answer.200\"]').ariaPressed === 'true'")
    assert httpx.post(bin_.url, trust_env=False).status_code == 200


# -- faults


def test_a_fault_shows_its_seconds_and_is_ended_at_once(page: BrowserTab, lab: Lab) -> None:
    select(page, "duration", "30")
    action(page, "fault.pause")
    row = "document.querySelector('[data-fault=\"pause:queue-worker\"]')"
    page.wait_for(f"/(29|30) s left/.test({row}?.innerText)")
    page.wait_for(f"/2[0-8] s left/.test({row}.innerText)")
    page.evaluate(f"{row}.querySelector('button').click()")
    page.wait_for(f"!{row}")
    assert lab.invoke_async("echo", "on").result(20).text == "on"
    page.wait_for("document.querySelector('.pn-faults .pn-help:not([hidden])') !== null")

    action(page, "fault.pause")
    page.wait_for(f"!!{row}")
    select(page, "duration", "5")
    action(page, "fault.pause")  # a second one is refused: said beside the button
    page.wait_for("document.querySelector('.pn-faults .pn-error')?.innerText.includes('already')")
    page.evaluate(f"{row}.querySelector('button').click()")
    page.wait_for(f"!{row}")


def test_a_killed_worker_is_seen_to_restart(page: BrowserTab, lab: Lab) -> None:
    before = lab.status().service("queue-worker")
    action(page, "fault.kill")

    page.wait_for(
        f"document.querySelector('.pn-state').textContent.includes('restarts: {before.restarts + 1}')"
    )
    page.wait_for("document.querySelector('.pn-state').textContent.startsWith('queue-worker: ready')")
    assert lab.status().service("queue-worker").pid != before.pid


def test_nats_stops_and_comes_back_by_itself(page: BrowserTab, lab: Lab) -> None:
    select(page, "duration", "30")  # longer than the inspector and then the gateway try to store something
    action(page, "fault.nats")
    row = "document.querySelector('[data-fault=\"stop:nats-server\"]')"
    page.wait_for(f"/\\d s left/.test({row}?.innerText)")
    select(page, "function", "echo")
    action(page, "times.1")
    action(page, "send.async")
    page.wait_for(
        "/\\u00d7 5\\d\\d|without a response/.test(document.querySelector('.pn-batches').innerText)"
    )
    page.wait_for(f"!{row}")
    assert lab.invoke_async("echo", "on").result(20).text == "on"


def test_the_network_is_slow_until_it_is_ended(page: BrowserTab, lab: Lab) -> None:
    select(page, "duration", "60")
    action(page, "fault.slow")
    row = "document.querySelector('[data-fault=\"slow:queue-worker\"]')"
    page.wait_for(f"!!{row}")
    began = time.monotonic()
    lab.invoke_async("echo", "x").wait(20)
    assert time.monotonic() - began > 0.5
    page.evaluate(f"{row}.querySelector('button').click()")
    page.wait_for(f"!{row}")


# -- the way to the lab


def test_without_a_proxy_commands_go_through_the_kernel(
    browser: Chromium, server: PanelServer, lab: Lab
) -> None:
    server.has_proxy = False
    page = open_panel(browser, server)
    page.evaluate("document.querySelector('[data-field=workers] input').focus()")
    page.press("ArrowRight")
    real(page, "workers", "now 2")
    assert ("PUT", "api/v1/workers") in server.relayed
    assert server.proxied == []
    assert set(page.evaluate("sent.map(([, , , via]) => via)")) == {"kernel"}
    page.press("ArrowLeft")
    real(page, "workers", "now 1")
    page.close()


def test_a_busy_kernel_is_said_and_the_command_is_served_when_it_is_free(
    browser: Chromium, server: PanelServer, lab: Lab
) -> None:
    server.has_proxy = False
    page = open_panel(browser, server)
    server.kernel_free.clear()
    page.evaluate("document.querySelector('[data-field=max_inflight] input').focus()")
    page.press("ArrowRight")
    page.wait_for(f"{status(page, '[data-field=max_inflight]')}.startsWith('queued: The kernel is busy')")
    real(page, "max_inflight", "still 1")
    assert lab.queue().max_inflight == 1

    server.kernel_free.set()
    page.wait_for(f"{status(page, '[data-field=max_inflight]')} === 'done: applied: 2'")
    assert lab.queue().max_inflight == 2
    lab.set_max_inflight(1)
    page.close()


def test_a_proxy_that_goes_is_noticed_and_used_again_when_it_is_back(
    page: BrowserTab, server: PanelServer
) -> None:
    via = "api.send('GET', 'api/v1/workers').then(({status, via}) => `${status} ${via}`)"
    assert page.evaluate(via) == "200 proxy"
    server.has_proxy = False
    assert page.evaluate(via) == "200 kernel"
    call = "{function: 'echo', count: 1}"
    post = via.replace("'GET', 'api/v1/workers'", f"'POST', 'api/v1/batches', {call}")
    assert page.evaluate(post) == "202 kernel"
    server.has_proxy = True
    eventually(lambda: page.evaluate(via) == "200 proxy", within=20)


def test_the_proxy_of_another_lab_gets_no_command(browser: Chromium, server: PanelServer) -> None:
    server.run_id = "0123456789abcdef"  # that of the page's lab, which has ended; another runs now
    page = open_panel(browser, server)
    answer = page.evaluate("api.send('PUT', 'api/v1/workers', {count: 2})")
    assert answer["via"] == "kernel"
    assert {path for method, path in server.proxied if method != "GET"} == set()
    assert {path for _, path in server.proxied} == {"api/v1/version"}
    server.lab.scale_workers(1)
    page.close()


@pytest.mark.parametrize(
    "request_",
    [
        "'GET', 'metrics'",
        "'GET', '/api/v1/bins'",
        "'GET', 'api/v1/../metrics'",
        "'GET', 'api/v1/bins#x'",
        "'TRACE', 'api/v1/bins'",
        "'PUT', 'api/v1/bins/x', {note: 'x'.repeat(300000)}",
    ],
)
def test_a_request_outside_of_the_api_is_not_sent(
    page: BrowserTab, server: PanelServer, request_: str
) -> None:
    before = len(server.proxied) + len(server.relayed)
    answer = page.evaluate(f"api.send({request_})")
    assert (answer["status"], answer["body"]["error"]) == (0, "The request can't be sent.")
    assert len(server.proxied) + len(server.relayed) == before


# -- reset


def test_the_lab_is_reset_after_a_question(page: BrowserTab, lab: Lab) -> None:
    action(page, "reset.open")
    assert page.evaluate("document.activeElement.dataset.action") == "reset.cancel"
    page.press("Escape")
    assert page.evaluate("document.activeElement.dataset.action") == "reset.open"
    assert page.evaluate("sent.some(([method, path]) => path === 'api/v1/reset')") is False

    action(page, "reset.open")
    action(page, "reset.confirm")
    page.wait_for(f"{status(page, '.pn-reset')}.startsWith('done: The lab was reset in')")
    assert lab.functions() == []
    page.wait_for("document.querySelectorAll('[data-field=function] option').length === 0")
    page.wait_for("document.querySelector('[data-action=\"bin.create\"]').hidden === false")
    action(page, "bin.create")
    page.wait_for("document.querySelector('[data-field=bin] select').value === 'callbacks'")
    deploy(lab)
    page.wait_for("document.querySelectorAll('[data-field=function] option').length === 2")


# -- look


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_rule_of_axe_is_broken_wide_and_narrow_light_and_dark(
    browser: Chromium, server: PanelServer, lab: Lab, language: str
) -> None:
    page = open_panel(browser, server, f"?lang={language}")
    action(page, "fault.pause")
    page.wait_for("!!document.querySelector('[data-fault]')")
    action(page, "times.custom")
    enter(page, '[data-field="times.number"] input', "0")
    action(page, "send.sync")
    action(page, "reset.open")
    for width in (1280, 420):
        for dark in (False, True):
            page.look(width=width, height=1000, dark=dark)
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            names = "[...document.querySelectorAll('.pn :is(input, select, button)')]"
            assert page.evaluate(f"{names}.every((each) => each.labels?.length || each.textContent.trim())")
    assert not page.evaluate("/panel\\.[a-z]/.test(document.body.innerText)")  # no missing word
    page.evaluate("document.querySelector('[data-fault] button').click()")
    page.wait_for("!document.querySelector('[data-fault]')")
    page.close()


def test_nothing_is_left_of_a_panel_that_was_destroyed(page: BrowserTab, server: PanelServer) -> None:
    waiting = "window.late = api.send('GET', 'api/v1/workers'); 0"
    server.has_proxy = False
    server.kernel_free.clear()
    page.evaluate("api.send('GET', 'api/v1/workers').then(() => {}); 0")
    page.evaluate(waiting)
    page.evaluate("end()")
    assert (
        page.evaluate("late.then(({status, body}) => `${status} ${body.error}`)") == "0 The view was closed."
    )
    assert page.evaluate("[document.getElementById('root').childElementCount, handlers.size]") == [0, 0]
