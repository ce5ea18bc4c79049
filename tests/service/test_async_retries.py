"""Failed calls are retried as in OpenFaaS Pro, then dead-lettered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from asynchronous import QUICK, accept, letters, new_function, script, settled, status, until_state
from eventually import eventually
from gateways import client
from receiver import receiver

from labkit import Lab


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http:
        yield http


def fails(folder: Path, times: int) -> str:
    """Return a command that fails in a call's first ``times`` attempts."""
    return script(folder, f"cat; echo attempt $Http_X_Attempt; [ $Http_X_Attempt -gt {times} ]\n")


@pytest.mark.row("2.6 retries")
def test_a_function_that_fails_twice_succeeds_at_the_third_attempt(
    http: httpx.Client, tmp_path: Path
) -> None:
    call_id = accept(http, new_function(http, fails(tmp_path, 2)), "body ")

    call = settled(http, call_id)

    assert call["state"] == "done"
    assert [attempt["status"] for attempt in call["attempts"]] == [500, 500, 200]
    assert [attempt["retryDelay"] for attempt in call["attempts"]] == [0.05, 0.1, None]
    assert http.get(f"/async-function/{call_id}/result").text == "body attempt 3\n"


def test_a_client_s_own_attempt_number_is_ignored(http: httpx.Client, tmp_path: Path) -> None:
    call_id = accept(http, new_function(http, fails(tmp_path, 0)), X_Attempt="7")

    settled(http, call_id)

    assert http.get(f"/async-function/{call_id}/result").text == "attempt 1\n"


def test_the_method_path_and_query_are_the_same_in_every_attempt(http: httpx.Client, tmp_path: Path) -> None:
    command = script(
        tmp_path, "echo $Http_Method $Http_Path $Http_Query $Http_X_Mine; [ $Http_X_Attempt -gt 1 ]\n"
    )
    call_id = accept(http, new_function(http, command) + "/a/b?c=d", X_Mine="e")

    settled(http, call_id)

    assert http.get(f"/async-function/{call_id}/result").text == "POST /a/b c=d e\n"


@pytest.mark.row("2.6 retries")
def test_a_call_without_attempts_left_is_dead_lettered_and_its_callback_posted(
    http: httpx.Client,
) -> None:
    with receiver() as target:
        call_id = accept(http, new_function(http, "false"), "hello", X_Callback_Url=target.url)
        (callback,) = target.wait()
        call = settled(http, call_id)

    assert (call["state"], call["deadReason"]) == ("dead", "status 500 after 3 attempts")
    assert (callback.headers["X-Retry"], callback.headers["X-Retry-Max"]) == ("2", "2")
    assert callback.headers["X-Function-Status"] == "500"
    assert len(target.requests) == 1
    (letter,) = letters(http, call_id)
    assert letter["kind"] == "invocation"
    assert letter["attempts"] == 3
    assert letter["request"]["body"] == "hello"
    assert (letter["response"]["status"], letter["response"]["body"]) == (500, "exit status 1\n")


def test_a_redriven_call_continues_its_attempt_numbers(http: httpx.Client, tmp_path: Path) -> None:
    call_id = accept(http, new_function(http, fails(tmp_path, 4)), "body ")
    assert settled(http, call_id)["state"] == "dead"

    redrive = http.post("/system/queues/faas-request/dead-letters/redrive", json={"callId": call_id})

    assert redrive.json() == {"redriven": 1}
    until_state(http, call_id, "done")
    assert [attempt["number"] for attempt in status(http, call_id)["attempts"]] == [1, 2, 3, 4, 5]
    assert http.get(f"/async-function/{call_id}/result").text == "body attempt 5\n"
    assert letters(http, call_id) == []


def test_all_dead_letters_of_a_queue_can_be_redriven_or_deleted(http: httpx.Client) -> None:
    queue = "dead-letters"
    function = new_function(http, "false", {**QUICK, "com.openfaas.queue": queue})
    ids = [accept(http, function) for _ in range(5)]
    for call_id in ids:
        settled(http, call_id)
    dead = f"/system/queues/{queue}/dead-letters"

    some = http.get(dead, params={"limit": 2}).json()
    rest = http.get(dead, params={"after": some[-1]["sequence"]}).json()
    assert [letter["callId"] for letter in some + rest] == ids
    assert http.post(dead + "/redrive", json={}).json() == {"redriven": 5}
    eventually(lambda: http.get(f"/system/queues/{queue}").json()["dead"] == 5)
    assert http.delete(f"{dead}/{ids[0]}").json() == {"purged": 1}
    assert http.delete(f"{dead}/{ids[0]}").status_code == 404
    assert http.delete(dead).json() == {"purged": 4}
    assert http.get(dead).json() == []


def test_an_unknown_queue_has_no_dead_letters(http: httpx.Client) -> None:
    assert http.get("/system/queues/nobody").status_code == 404
    assert http.get("/system/queues/nobody/dead-letters").status_code == 404
    assert http.post("/system/queues/nobody/dead-letters/redrive", json={}).status_code == 404
    assert http.delete("/system/queues/nobody/dead-letters").status_code == 404


@pytest.mark.row("2.6 retries")
def test_a_call_that_waits_for_a_retry_delays_no_other(http: httpx.Client, tmp_path: Path) -> None:
    slow = {"com.openfaas.retry.min_wait": "1m"}
    waiting = accept(http, new_function(http, "false", slow))
    until_state(http, waiting, "retrying")

    other = accept(http, new_function(http, "cat"), "quick")

    assert settled(http, other, 5)["state"] == "done"
    assert status(http, waiting)["state"] == "retrying"
    assert http.get("/system/queues/faas-request").json()["waitingForRetry"] >= 1
    assert http.delete(f"/async-function/{waiting}").status_code == 202


@pytest.mark.row("2.6 retries")
def test_a_status_that_is_not_in_retry_codes_is_not_retried(http: httpx.Client) -> None:
    function = new_function(http, "false", {**QUICK, "com.openfaas.retry.codes": "429"})
    call = settled(http, accept(http, function))

    assert call["state"] == "failed"
    assert len(call["attempts"]) == 1
    assert letters(http, call["callId"]) == []


def test_a_function_deployed_after_its_call_runs_it(http: httpx.Client) -> None:
    call_id = accept(http, "late-comer")
    until_state(http, call_id, "retrying")

    http.post(
        "/system/functions", json={"service": "late-comer", "image": "functions/alpine", "envProcess": "cat"}
    )

    assert settled(http, call_id)["state"] == "done"
