"""The page of a running lab: queues, dead letters, logs, and sending calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import BrowserTab, Chromium
from eventually import eventually
from inspector_page import CONNECTED, choose_radio, click, enter, text_of, violations
from labs import start_lab

from labkit import Lab
from labkit.errors import NoResultError

CLOSED = "!document.querySelector('dialog')"
CARD = "document.querySelector('[data-queue=\"{}\"]')"
SOON = {"com.openfaas.retry.attempts": "2", "com.openfaas.retry.min_wait": "50ms"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with start_lab(tmp_path_factory.mktemp("lab")) as lab:
        lab.deploy("echo", fprocess="cat")
        lab.deploy("slow", fprocess="sleep 20")
        lab.deploy("broken", fprocess="false", annotations={"com.openfaas.queue": "doomed", **SOON})
        yield lab


@pytest.fixture
def page(browser: Chromium, lab: Lab) -> Iterator[BrowserTab]:
    state = lab.aio.state
    page = browser.open(f"{state.inspector_url}/?token={state.inspector_token}#/queues")
    page.wait_for(CONNECTED)
    yield page
    problems = [each for each in page.problems if "/api/v1/record" not in each]  # no record is open
    page.close()
    assert problems == []


def gauge(page: BrowserTab, queue: str, name: str) -> str:
    return f"{CARD.format(queue)}?.querySelector('[data-gauge={name}]').textContent"


def test_the_limit_of_a_queue_is_that_of_each_of_several_workers(page: BrowserTab, lab: Lab) -> None:
    card = CARD.format("faas-request")
    lab.scale_workers(3)
    page.wait_for(f"{card}?.querySelectorAll('.workers .badge').length === 3")
    page.evaluate(f"{card}.querySelector('input[type=range]').focus()")
    page.press("ArrowRight")

    eventually(lambda: [worker.max_inflight for worker in lab.queue().status().workers] == [2] * 3)
    assert page.evaluate(f"{card}.querySelector('input[type=number]').value") == "2"
    page.evaluate("new Promise((done) => setTimeout(done, 2500))")  # values are read again after an edit
    assert page.evaluate(f"{card}.querySelector('input[type=range]').value") == "2"
    lab.set_max_inflight(1)
    lab.scale_workers(1)
    page.wait_for(f"{card}.querySelector('input[type=range]').value === '1'")


def test_a_queue_shows_its_depth_its_workers_and_the_theory(page: BrowserTab, lab: Lab) -> None:
    calls = [lab.invoke_async("slow") for _ in range(5)]
    queue = "faas-request"
    page.wait_for(f"{gauge(page, queue, 'in_flight')} === '1' && {gauge(page, queue, 'queue_depth')} === '4'")
    card = CARD.format(queue)
    assert "runs 1" in page.evaluate(f"{card}.querySelector('.workers').innerText")
    assert "5 calls, 1 at a time" in page.evaluate(f"{card}.querySelector('.theory').innerText")
    # The limit is changed by keyboard; the workers follow.
    page.evaluate(f"{card}.querySelector('input[type=range]').focus()")
    page.press("ArrowRight")
    page.press("ArrowRight")
    page.wait_for(f"{gauge(page, queue, 'in_flight')} === '3' && {gauge(page, queue, 'queue_depth')} === '2'")
    assert lab.queue(queue).max_inflight == 3
    assert "5 calls, 3 at a time" in page.evaluate(f"{card}.querySelector('.theory').innerText")
    page.wait_for(f"{card}.querySelector('.ga-line .ga-depth').getAttribute('d').length > 30")
    for dark in (False, True):
        page.look(dark=dark)
        assert violations(page) == []
    for call in calls:
        call.cancel()
    enter(page, "[data-queue=faas-request] input[type=number]", "1")
    page.wait_for(f"{gauge(page, queue, 'in_flight')} === '0' && {gauge(page, queue, 'queue_depth')} === '0'")


def test_dead_letters_are_redriven_deleted_and_purged(page: BrowserTab, lab: Lab) -> None:
    for body in ("one", "two", "three"):
        with pytest.raises(NoResultError):
            lab.invoke_async("broken", body).result(20)
    card = CARD.format("doomed")
    rows = f"{card}.querySelectorAll('.dead-letters tbody tr').length"
    page.wait_for(f"{card} && {rows} === 3")
    assert "broken" in page.evaluate(f"{card}.querySelector('.dead-letters').innerText")
    assert violations(page) == []

    lab.deploy("broken", fprocess="cat", annotations={"com.openfaas.queue": "doomed", **SOON})
    call_id = page.evaluate(f"{card}.querySelector('.dead-letters tbody tr').dataset.callId")
    page.evaluate(f"{card}.querySelector('.dead-letters tbody button').click()")
    page.wait_for(f"{rows} === 2")
    assert lab.call(call_id).result(20).status == 200
    page.evaluate(f"{card}.querySelector('.dead-letters tbody button.quiet').click()")
    click(page, "dialog .danger")
    page.wait_for(f"{CLOSED} && {rows} === 1")
    page.evaluate(f"{card}.querySelector('.dead .danger').click()")
    assert "Delete all 1 dead letters" in text_of(page, "dialog")
    click(page, "dialog .danger")
    page.wait_for(f"{CLOSED} && {gauge(page, 'doomed', 'dead_letter')} === '0'")
    assert lab.queue("doomed").dead == 0


def test_a_call_is_sent_with_headers_and_a_callback_to_a_bin(page: BrowserTab, lab: Lab) -> None:
    bin_ = lab.bin("from-the-form")
    page.wait_for("Number(document.querySelector('.views [data-view=bins] .count').textContent) >= 1")
    click(page, "#send-call")
    page.wait_for("document.querySelectorAll('dialog datalist option').length >= 3")
    enter(page, "dialog [name=function]", "echo")
    enter(page, "dialog [name=body]", "from the page")
    enter(page, "dialog [name=headers]", "X-Kind: form")
    enter(page, "dialog [name=callback]", "from-the-form")
    click(page, "dialog .primary")
    page.wait_for("document.querySelector('.send-result strong')?.textContent === '202'")
    call_id = text_of(page, ".send-result a")
    request = bin_.wait(call_id=call_id, timeout=20)
    assert request.text == "from the page"

    choose_radio(page, "dialog [name=mode]", "sync")
    assert page.evaluate("document.querySelector('.callback-field').hidden") is True
    enter(page, "dialog [name=headers]", "no colon")
    click(page, "dialog .primary")
    page.wait_for("document.querySelector('.send-result .error')?.textContent.includes('no colon')")
    enter(page, "dialog [name=headers]", "")
    click(page, "dialog .primary")
    page.wait_for("document.querySelector('.send-result pre')?.textContent === 'from the page'")
    link = page.evaluate("document.querySelector('.send-result a').getAttribute('href')")
    click(page, ".send-result a")
    page.wait_for(f"{CLOSED} && location.hash === {link!r}")


def test_a_callback_to_the_name_of_a_new_bin_makes_the_bin(page: BrowserTab, lab: Lab) -> None:
    click(page, "#send-call")
    enter(page, "dialog [name=function]", "echo")
    enter(page, "dialog [name=body]", "to a new bin")
    enter(page, "dialog [name=callback]", "made-by-its-name")
    click(page, "dialog .primary")
    page.wait_for("document.querySelector('.send-result strong')?.textContent === '202'")
    request = lab.bin("made-by-its-name").wait(call_id=text_of(page, ".send-result a"), timeout=20)
    assert request.text == "to a new bin"


def test_the_call_behind_a_request_is_in_its_tab(page: BrowserTab, lab: Lab) -> None:
    bin_ = lab.bin("results")
    call = lab.invoke_async("echo", "hello", callback=bin_)
    bin_.wait(call_id=call.id, timeout=20)
    page.evaluate("location.hash = '#/bins/results'")
    click(page, "[data-tab=call]")
    page.wait_for("document.querySelector('.call-tab .call-state')?.textContent === 'done'")
    facts = text_of(page, ".call-tab")
    assert call.id in facts
    assert "end to end" in facts
    assert violations(page) == []
    click(page, ".call-tab p a")
    page.wait_for(f"location.hash === '#/calls/{call.id}/echo'")


def test_logs_of_all_services_are_merged_filtered_and_followed(page: BrowserTab, lab: Lab) -> None:
    page.evaluate("location.hash = '#/logs'")
    page.wait_for("document.querySelectorAll('.log-line').length > 3")
    call = lab.invoke_async("echo", "hello")
    call.result(20)
    page.wait_for(
        f"[...document.querySelectorAll('.log-line a')].some((a) => a.hash === '#/calls/{call.id}')"
    )
    at_end = "(frame => frame.scrollHeight - frame.scrollTop - frame.clientHeight < 24)"
    assert page.evaluate(f"{at_end}(document.querySelector('.log-frame'))"), "it follows the newest line"
    services = page.evaluate(
        "[...document.querySelectorAll('.service-chip .lg-name')].map((name) => name.textContent)"
    )
    assert {"gateway", "queue-worker"} <= {service.partition("-1")[0] for service in services}, services
    shown = "parseInt(document.querySelector('.lg-count').textContent)"
    before = page.evaluate(shown)
    click(page, ".service-chip")
    assert page.evaluate(shown) < before
    click(page, ".service-chip")
    enter(page, ".lg [type=search]", call.id)
    page.wait_for("document.querySelectorAll('.log-line').length >= 1")
    assert page.evaluate(
        "[...document.querySelectorAll('.log-line')].every((line) => line.querySelector('a'))"
    )
    enter(page, ".lg [type=search]", "no line has this")
    page.wait_for("document.querySelector('.lg-message').innerText.includes('No line matches')")
    enter(page, ".lg [type=search]", "")
    for dark in (False, True):
        page.look(dark=dark)
        assert violations(page) == []
    page.look(width=420)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_palette_finds_a_call_by_the_beginning_of_its_id(page: BrowserTab, lab: Lab) -> None:
    call = lab.invoke_async("echo", "find me")
    call.result(20)
    page.press("k", ctrl=True)
    page.wait_for("!!document.querySelector('dialog.palette')")
    page.type(call.id[:12])
    page.wait_for(f"document.querySelector('[role=option]').innerText.includes('{call.id}')")
    page.press("Enter")
    page.wait_for(f"{CLOSED} && location.hash === '#/calls/{call.id}'")


def test_the_controls_change_the_lab_as_in_a_notebook(page: BrowserTab, lab: Lab) -> None:
    page.evaluate("location.hash = '#/controls'")
    slider = "document.querySelector('[data-field=max_inflight] input')"
    page.wait_for(f"{slider} && !{slider}.disabled")
    page.evaluate(f"{slider}.focus()")
    page.press("ArrowRight")
    page.wait_for("document.querySelector('[data-field=max_inflight] .pn-real').textContent === 'now 2'")
    assert lab.queue().max_inflight == 2
    lab.set_max_inflight(1)
    page.wait_for("document.querySelector('[data-field=max_inflight] .pn-real').textContent === 'now 1'")
    click(page, "[data-action='send.sync']")
    page.wait_for("document.querySelector('.pn-batches li')?.dataset.state === 'done'")
    for width in (1280, 420):
        for dark in (False, True):
            page.look(width=width, dark=dark)
            assert violations(page) == []
    page.look()
    page.evaluate("location.hash = '#/queues'")
    page.wait_for("!document.querySelector('.pn')")
