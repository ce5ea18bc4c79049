"""Injected faults are visible and lose no accepted call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from eventually import eventually
from labs import start_lab
from marked_processes import GONE_SECONDS, assert_gone
from supervisor_events import supervisor_events

from labkit import Lab
from labkit.errors import GatewayError, LabGoneError
from labkit_services.call_record.log import CallState
from labkit_services.contract.errors import InvalidValueError, LabTimeoutError

SOON = {"com.openfaas.retry.min_wait": "100ms"}


@pytest.fixture
def fault_lab(workspace: Path) -> Iterator[Lab]:
    """A lab with the functions ``cat`` and ``nap`` (half a second)."""
    with start_lab(workspace, ack_wait="1s") as lab:
        lab.deploy("cat", fprocess="cat")
        lab.deploy("nap", fprocess="sleep 0.5")
        lab.invoke("nap")
        yield lab


def fault_events(lab: Lab) -> list[tuple[str, str, str]]:
    """Return the fault events of the supervisor: type, kind and service."""
    events = supervisor_events(lab)
    return [
        (event.type, event.data["fault"], event.data["service"])
        for event in events
        if event.type.startswith("fault.")
    ]


def begin_end(kind: str, service: str) -> list[tuple[str, str, str]]:
    return [("fault.started", kind, service), ("fault.ended", kind, service)]


# -- for the duration of a block


def test_without_nats_server_only_synchronous_calls_work(fault_lab: Lab) -> None:
    with fault_lab.nats.stopped():
        assert fault_lab.status().service("nats-server").state == "stopped"
        assert fault_lab.invoke("cat", "on").text == "on"
        with pytest.raises(GatewayError, match="was not accepted"):
            fault_lab.invoke_async("cat")

    assert fault_lab.invoke_async("cat", "again").result(30).text == "again"
    eventually(lambda: fault_events(fault_lab) == begin_end("stop", "nats-server"), within=5)


def test_calls_wait_for_a_paused_worker(fault_lab: Lab) -> None:
    pid = fault_lab.status().service("queue-worker").pid
    with fault_lab.worker.paused():
        eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, within=5)
        assert fault_lab.status().faults == ("pause of queue-worker",)
        assert "pause of queue-worker" in str(fault_lab.status())
        call = fault_lab.invoke_async("cat", "later")
        with pytest.raises(LabTimeoutError, match="the call is queued"):
            call.result(0.5)

    assert call.result(30).text == "later"
    assert fault_lab.status().service("queue-worker").pid == pid
    assert fault_lab.status().faults == ()
    eventually(lambda: fault_events(fault_lab) == begin_end("pause", "queue-worker"), within=5)


def test_the_worker_waits_for_a_stopped_gateway(fault_lab: Lab) -> None:
    calls = [fault_lab.invoke_async("nap") for _ in range(3)]
    with fault_lab.gateway.stopped(), pytest.raises(LabGoneError):
        fault_lab.invoke("cat")

    assert [call.result(60).status for call in calls] == [200, 200, 200]


def test_a_block_that_raises_ends_its_fault(fault_lab: Lab) -> None:
    with pytest.raises(ZeroDivisionError), fault_lab.inspector.stopped():
        raise ZeroDivisionError

    assert fault_lab.status().state == "ready"


def test_beginning_an_active_fault_is_an_error(fault_lab: Lab) -> None:
    with (
        fault_lab.worker.paused(),
        pytest.raises(InvalidValueError, match="has this fault already"),
        fault_lab.worker.paused(),
    ):
        pass


def test_faults_of_aio_can_be_awaited(fault_lab: Lab) -> None:
    async def inject() -> str:
        async with fault_lab.aio.inspector.stopped():
            state = (await fault_lab.aio.status()).service("inspector").state
        await fault_lab.aio.fault("worker", "restart")
        return state

    assert asyncio.run(inject()) == "stopped"
    expected = [*begin_end("stop", "inspector"), *begin_end("restart", "queue-worker")]
    eventually(lambda: fault_events(fault_lab) == expected, within=5)


def test_a_reset_ends_all_faults(fault_lab: Lab) -> None:
    fault_lab.worker.paused().__enter__()
    fault_lab.slow_network(0.1).__enter__()
    fault_lab.reset()

    assert fault_lab.status().faults == ()
    fault_lab.deploy("cat", fprocess="cat")
    assert fault_lab.invoke_async("cat", "new").result(30).text == "new"


def test_a_lab_with_paused_services_stops_in_time(workspace: Path, mark: str) -> None:
    lab = start_lab(workspace)
    lab.worker.paused().__enter__()
    lab.gateway.paused().__enter__()
    began = time.monotonic()
    lab.stop()

    assert time.monotonic() - began < GONE_SECONDS
    assert_gone(mark)


# -- scheduled


def test_a_killed_worker_is_restarted_and_loses_no_call(fault_lab: Lab) -> None:
    with fault_lab.fault("worker", "kill", after=0.7) as fault:
        run = fault_lab.measure("nap", calls=4, mode="async", progress=False)
        assert "kill of worker" in repr(fault)

    assert run.states == {CallState.DONE: 4}
    assert fault_lab.status().service("queue-worker").restarts == 1
    eventually(lambda: fault_events(fault_lab) == begin_end("kill", "queue-worker"), within=5)


def test_faults_of_every_origin_are_listed(fault_lab: Lab) -> None:
    fault_lab.kill("gateway")
    eventually(lambda: fault_lab.status().state == "ready", within=20)
    fault_lab.restart("inspector")
    with fault_lab.bin("target").down():
        pass
    with fault_lab.worker.paused():
        eventually(lambda: [fault for fault in fault_lab.faults() if fault.ended is None], within=10)

    eventually(lambda: sum(fault.ended is not None for fault in fault_lab.faults()) == 4, within=10)
    seen = fault_lab.faults()
    assert [(fault.service, fault.kind) for fault in seen] == [
        ("gateway", "kill"),
        ("inspector", "restart"),
        ("inspector", "down"),
        ("queue-worker", "pause"),
    ]
    assert seen[2].how == {"bin": "target", "answer": 503}
    assert "gateway kill" in repr(fault_lab.faults())


def test_a_fault_without_delay_is_active_at_once_and_ends_after_its_time(fault_lab: Lab) -> None:
    fault = fault_lab.fault("nats", "stop", seconds=0.5)
    assert fault_lab.status().service("nats-server").state == "stopped"
    with pytest.raises(LabTimeoutError, match="stop of nats is not over"):
        fault.wait(0.1)
    fault.wait()

    assert fault_lab.status().service("nats-server").state == "ready"


@pytest.mark.parametrize(
    ("service", "kind", "named"),
    [("wroker", "kill", "nats, gateway, worker"), ("worker", "kil", "kill, stop, pause")],
)
def test_an_unknown_service_or_fault_is_rejected(lab: Lab, service: str, kind: str, named: str) -> None:
    with pytest.raises(InvalidValueError, match=named):
        lab.fault(service, kind, after=60)


# -- a slow network


def test_a_slow_network_delays_calls_and_loses_none(fault_lab: Lab) -> None:
    before = [fault_lab.invoke_async("nap") for _ in range(2)]
    with fault_lab.slow_network(delay=0.4):
        began = time.monotonic()
        during = fault_lab.invoke_async("cat", "slow")
        assert [call.result(60).status for call in before] == [200, 200]
        assert during.result(60).text == "slow"
        assert time.monotonic() - began > 0.8
        after = fault_lab.invoke_async("nap")

    assert after.result(60).status == 200
    fault_lab.invoke_async("cat").wait(20)
    assert f"via: {fault_lab.gateway_url}" in fault_lab.logs("worker", tail=3), "no proxy any more"
    eventually(lambda: fault_events(fault_lab) == begin_end("slow", "queue-worker"), within=5)


def test_a_stopped_gateway_behind_a_slow_network_uses_up_no_attempt(fault_lab: Lab) -> None:
    with fault_lab.slow_network(delay=0.1):
        with ExitStack() as pause:
            pause.enter_context(fault_lab.worker.paused())
            call = fault_lab.invoke_async("cat", "x")
            with fault_lab.gateway.stopped():
                pause.close()
                time.sleep(1)

        assert call.result(60).text == "x"
        assert [attempt.status for attempt in call.wait(10).attempts] == [200]


# -- functions and callbacks that fail


def test_a_flaky_function_succeeds_after_enough_attempts(lab: Lab) -> None:
    lab.deploy_flaky("flaky-f", failures=2, annotations=SOON)
    call = lab.invoke_async("flaky-f", "hi")

    assert call.result(30).text == "hi"
    assert [attempt.status for attempt in call.wait(10).attempts] == [500, 500, 200]


@pytest.mark.parametrize("status", [503, 0])
def test_a_callback_is_retried_until_its_target_is_up(lab: Lab, status: int) -> None:
    lab.deploy("cat-f", fprocess="cat")
    target = lab.bin(f"target-{status}")
    with target.down(status):
        call = lab.invoke_async("cat-f", "kept", callback=target)
        assert target.wait(call_id=call.id, timeout=20).text == "kept"
    arrived = target.wait_all(2, call_id=call.id, timeout=30)

    assert [request.text for request in arrived] == ["kept", "kept"]
    record = call.wait(20)
    assert record.state is CallState.DONE
    assert [callback.status for callback in record.callbacks] == [status or None, 200]


# -- several workers


def test_workers_are_added_and_removed_while_calls_run(fault_lab: Lab) -> None:
    calls = [fault_lab.invoke_async("nap") for _ in range(6)]
    fault_lab.scale_workers(3)
    assert [worker.max_inflight for worker in fault_lab.queue().workers] == [1, 1, 1]
    assert fault_lab.status().service("queue-worker-3").state == "ready"
    fault_lab.scale_workers(1)

    assert [call.result(60).status for call in calls] == [200] * 6
    assert [len(call.wait(10).attempts) for call in calls] == [1] * 6, "removed workers finished their calls"
    eventually(lambda: len(fault_lab.queue().workers) == 1, within=10)
    with pytest.raises(KeyError):
        fault_lab.status().service("queue-worker-2")
    with pytest.raises(InvalidValueError, match="from 1 to 16"):
        fault_lab.scale_workers(0)


def test_a_lab_starts_with_the_given_number_of_workers(workspace: Path, mark: str) -> None:
    with start_lab(workspace, workers=2, max_inflight=3) as lab:
        eventually(lambda: [worker.max_inflight for worker in lab.queue().workers] == [3, 3])
        lab.reset()
        eventually(lambda: len(lab.queue().workers) == 2)
        metrics = [s.metrics for s in lab.status().services if s.name.startswith("queue-worker")]
        assert len(set(metrics)) == 2
    assert_gone(mark)
