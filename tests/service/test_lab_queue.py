"""Queues, asynchronous calls and dead letters, through ``Lab``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from eventually import eventually
from labs import start_lab, until_running

from labkit import Lab
from labkit.errors import GatewayError, NoResultError
from labkit.lab.call import CallHandle
from labkit.lab.queue import Queue
from labkit_services.call_record.log import CallState
from labkit_services.contract.errors import InvalidValueError, LabTimeoutError

SOON = {"com.openfaas.retry.attempts": "2", "com.openfaas.retry.min_wait": "50ms"}
"""Annotations of a function whose failing calls are dead-lettered quickly."""


def in_queue(name: str, **annotations: str) -> dict[str, str]:
    return {"com.openfaas.queue": name, **annotations}


def dead_call(lab: Lab, function: str, queue: str, body: str = "") -> CallHandle:
    """Make a call that is dead-lettered."""
    lab.deploy(function, fprocess="false", annotations={**in_queue(queue), **SOON})
    call = lab.invoke_async(function, body)
    with pytest.raises(NoResultError):
        call.result(20)
    return call


# -- a call's result


@pytest.fixture
def echo(lab: Lab) -> str:
    lab.deploy("echo-q", fprocess="cat")
    return "echo-q"


def test_a_result_is_the_function_s_answer(lab: Lab, echo: str) -> None:
    call = lab.invoke_async(echo, "hello")
    answer = call.result(20)

    assert (answer.status, answer.text, answer.call_id) == (200, "hello", call.id)
    assert call.accepted == 202
    assert call.status().state is CallState.DONE
    assert call.result(20).body == b"hello", "it stays stored"


def test_a_failure_that_is_not_retried_is_a_result(lab: Lab) -> None:
    lab.deploy("fail-q", fprocess="false", annotations={"com.openfaas.retry.codes": "503"})
    answer = lab.invoke_async("fail-q").result(20)

    assert (answer.status, answer.text) == (500, "exit status 1\n")


def test_a_result_does_not_wait_for_a_callback_whose_target_is_missing(lab: Lab, echo: str) -> None:
    call = lab.invoke_async(echo, "here", callback="http://127.0.0.1:1/")

    assert call.result(20).text == "here"
    assert call.status().state is CallState.CALLING_BACK
    lab.queue().purge()


def test_the_error_for_a_dead_call_gives_the_reason_and_the_redrive_command(lab: Lab) -> None:
    call = dead_call(lab, "dead-q", "dead-results")

    with pytest.raises(
        NoResultError, match=r"No attempt is left after 2 attempts. Attempt.* exit status 1"
    ) as caught:
        call.result()
    assert f"redrive('{call.id}')" in caught.value.next_step


def test_a_cancelled_call_does_not_run_and_has_no_result(lab: Lab) -> None:
    lab.deploy("long-q", fprocess="sleep 30", annotations=in_queue("cancels"))
    call = lab.invoke_async("long-q")
    until_running(call)
    call.cancel()

    with pytest.raises(NoResultError, match="was cancelled"):
        call.result(20)
    assert call.wait(20).state is CallState.CANCELLED
    call.cancel()  # idempotent


def test_a_finished_call_cannot_be_cancelled(lab: Lab, echo: str) -> None:
    call = lab.invoke_async(echo)
    # The call status service may read the end a moment after this process.
    url = f"{lab.gateway_url}/async-function/{call.id}"
    eventually(lambda: httpx.get(url).json()["settled"], within=20)

    with pytest.raises(GatewayError, match="it is done"):
        call.cancel()


def test_a_result_that_times_out_names_the_call_s_state(lab: Lab) -> None:
    lab.deploy("late-q", fprocess="sleep 30", annotations=in_queue("late"))
    call = lab.invoke_async("late-q")

    with pytest.raises(LabTimeoutError, match=r"the call is (queued|delivered|running)"):
        call.result(0.5)
    call.cancel()


def test_calls_and_queues_of_aio_can_be_awaited(lab: Lab, echo: str) -> None:
    async def use() -> tuple[str, CallState, int]:
        call = await lab.aio.invoke_async(echo, "async")
        result = await call.result(20)
        record = await call.wait(20)
        return result.text, record.state, (await lab.aio.queue().status()).submitted

    text, state, submitted = asyncio.run(use())

    assert (text, state) == ("async", CallState.DONE)
    assert submitted > 0


# -- queues


def test_a_queue_counts_pending_and_running_calls(lab: Lab) -> None:
    lab.deploy("nap-q", fprocess="sleep 1.5", annotations=in_queue("naps"))
    calls = [lab.invoke_async("nap-q") for _ in range(3)]
    queue = lab.queue("naps")
    seen = eventually(lambda: (now := queue.status()).in_flight and now, within=20)

    assert (seen.pending, seen.in_flight, seen.submitted, seen.dead) == (2, 1, 3, 0)
    assert seen.oldest_seconds > 0
    assert len(seen.workers) == 1
    queue.max_inflight = 3
    eventually(lambda: queue.in_flight == 3, within=20)
    assert [call.wait(30).state for call in calls] == [CallState.DONE] * 3
    assert (queue.pending, queue.in_flight, queue.oldest_seconds) == (0, 0, 0)


def test_a_call_that_waits_for_a_retry_is_counted_apart(lab: Lab) -> None:
    lab.deploy("retry-q", fprocess="false", annotations=in_queue("retries"))
    call = lab.invoke_async("retry-q")
    queue = lab.queue("retries")

    eventually(lambda: queue.waiting_for_retry == 1, within=20)
    assert (queue.pending, queue.in_flight) == (0, 0)
    call.cancel()


def test_queues_are_shown_as_tables(lab: Lab) -> None:
    queues = lab.queues()

    assert "faas-request" in [queue.name for queue in queues]
    for shown in (repr(queues), queues._repr_html_(), repr(lab.queue()), lab.queue()._repr_html_()):
        assert "faas-request" in shown
        assert "waiting for retry" in shown


def test_an_unknown_or_invalid_queue_name_is_an_error(lab: Lab) -> None:
    with pytest.raises(GatewayError, match="there is no queue nowhere"):
        lab.queue("nowhere").status()
    with pytest.raises(InvalidValueError, match="not a valid name"):
        lab.queue("no where")


def test_each_queue_keeps_its_max_inflight_over_a_worker_restart(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        lab.deploy("f", fprocess="cat", annotations=in_queue("slow"))
        lab.invoke_async("f").result(20)
        lab.queue("slow").max_inflight = 7
        lab.set_max_inflight(3)
        lab.restart("worker")

        assert (lab.queue("slow").max_inflight, lab.queue().max_inflight) == (7, 3)
        assert lab.status().max_inflight == 3


# -- dead letters


@pytest.fixture
def dead_queue(lab: Lab) -> Iterator[Queue]:
    """A queue with two dead letters, whose function succeeds from now on."""
    for body in ("one", "two"):
        dead_call(lab, "mends-q", "dead-queue", body)
    lab.deploy("mends-q", fprocess="cat", annotations={**in_queue("dead-queue"), **SOON})
    eventually(lambda: lab.invoke("mends-q", "well").text == "well", within=20)
    yield lab.queue("dead-queue")
    lab.queue("dead-queue").purge()


def test_dead_letters_are_listed_and_shown(dead_queue: Queue) -> None:
    letters = dead_queue.dead_letters()

    assert [letter.body for letter in letters] == ["one", "two"]
    assert dead_queue.dead == 2
    first = dead_queue.dead_letter(letters[0].call_id)
    assert (first.function, first.kind, first.attempts, first.status) == ("mends-q", "invocation", 2, 500)
    assert (first.reason, first.answer) == ("status 500 after 2 attempts", "exit status 1\n")
    assert len(dead_queue.dead_letters(limit=1)) == 1
    assert first.call_id in repr(letters)
    assert ">mends-q</td>" in letters._repr_html_()
    assert "one" in str(first)


def test_dead_letters_are_redriven_one_or_all(lab: Lab, dead_queue: Queue) -> None:
    first, second = dead_queue.dead_letters()
    assert dead_queue.redrive(first.call_id) == 1
    eventually(lambda: dead_queue.dead == 1 and dead_queue.status().pending == 0, within=20)
    assert dead_queue.redrive() == 1

    assert dead_queue.dead == 0
    for letter in (first, second):
        call = eventually(
            lambda letter=letter: next(
                (c for c in lab.calls() if c.id == letter.call_id and c.state is CallState.DONE), None
            ),
            within=20,
        )
        assert [attempt.status for attempt in call.attempts] == [500, 500, 200]
        assert call.requeued is not None
        assert call.requeued <= (call.attempts[2].delivered or 0), "requeued before it was delivered again"


def test_an_empty_call_id_is_an_error_and_does_not_mean_all(dead_queue: Queue) -> None:
    for change in (dead_queue.purge, dead_queue.redrive):
        with pytest.raises(InvalidValueError, match="the call id is empty"):
            change("")


def test_dead_letters_are_deleted_one_or_all(dead_queue: Queue) -> None:
    assert dead_queue.purge(dead_queue.dead_letters()[0].call_id) == 1
    assert [letter.body for letter in dead_queue.dead_letters()] == ["two"]
    assert dead_queue.purge() == 1
    assert repr(dead_queue.dead_letters()) == "no dead letters"
    with pytest.raises(GatewayError, match="no dead letter of call x"):
        dead_queue.redrive("x")
    with pytest.raises(GatewayError, match="no dead letter of call x"):
        dead_queue.dead_letter("x")


# -- unavailable services


def test_a_synchronous_call_works_without_the_event_log(workspace: Path) -> None:
    """Reading the event log needs nats-server; a synchronous call does not."""
    with start_lab(workspace) as lab:
        lab.deploy("cat", fprocess="cat")
        lab.kill("nats-server")
        began = time.monotonic()

        assert lab.invoke("cat", "on").text == "on"
        assert time.monotonic() - began < 10


def test_a_result_is_awaited_while_inspector_and_gateway_restart(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        lab.deploy("nap", fprocess="sh -c sleep${IFS}1;echo${IFS}up")
        call = lab.invoke_async("nap")
        lab.kill("inspector")
        lab.kill("gateway")

        assert call.result(40).status == 200
