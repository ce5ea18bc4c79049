"""Failure drills: what goes wrong on purpose shows, is in the record, and loses no accepted call."""

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

from labkit import Lab
from labkit.clients.supervisor import ask
from labkit.errors import GatewayError, LabGoneError
from labkit.supervisor.slow_proxy import Relay
from labkit_services.call_record.log import CallState
from labkit_services.contract.errors import InvalidValueError, LabTimeoutError

SOON = {"com.openfaas.retry.min_wait": "100ms"}


@pytest.fixture
def drilled(workspace: Path) -> Iterator[Lab]:
    """A lab of the test's own, with ``cat`` and a nap of half a second."""
    with start_lab(workspace, ack_wait="1s") as lab:
        lab.deploy("cat", fprocess="cat")
        lab.deploy("nap", fprocess="sleep 0.5")
        lab.invoke("nap")
        yield lab


def noted(lab: Lab) -> list[tuple[str, str, str]]:
    """Return the supervisor's faults: what happened, kind and service."""
    rows = asyncio.run(ask(lab.aio.state, "events"))
    return [(row[1], row[5]["fault"], row[5]["service"]) for row in rows if row[1].startswith("fault.")]


def both(kind: str, service: str) -> list[tuple[str, str, str]]:
    return [("fault.started", kind, service), ("fault.ended", kind, service)]


# -- for a block's length


def test_without_nats_server_nothing_is_accepted_and_sync_calls_go_on(drilled: Lab) -> None:
    with drilled.nats.stopped():
        assert drilled.status().service("nats-server").state == "stopped"
        assert drilled.invoke("cat", "on").text == "on"
        with pytest.raises(GatewayError, match="was not accepted"):
            drilled.invoke_async("cat")

    assert drilled.invoke_async("cat", "again").result(30).text == "again"
    assert noted(drilled) == both("stop", "nats-server")


def test_calls_wait_for_a_worker_that_stands_still(drilled: Lab) -> None:
    pid = drilled.status().service("queue-worker").pid
    with drilled.worker.paused():
        eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, within=5)
        assert drilled.status().faults == ("pause of queue-worker",)
        assert "pause of queue-worker" in str(drilled.status())
        call = drilled.invoke_async("cat", "later")
        with pytest.raises(LabTimeoutError, match="the call is queued"):
            call.result(0.5)

    assert call.result(30).text == "later"
    assert drilled.status().service("queue-worker").pid == pid
    assert drilled.status().faults == ()
    assert noted(drilled) == both("pause", "queue-worker")


def test_a_stopped_gateway_is_waited_for_by_the_worker(drilled: Lab) -> None:
    calls = [drilled.invoke_async("nap") for _ in range(3)]
    with drilled.gateway.stopped(), pytest.raises(LabGoneError):
        drilled.invoke("cat")

    assert [call.result(60).status for call in calls] == [200, 200, 200]


def test_a_block_that_fails_ends_its_fault(drilled: Lab) -> None:
    with pytest.raises(ZeroDivisionError), drilled.inspector.stopped():
        raise ZeroDivisionError

    assert drilled.status().state == "ready"


def test_the_same_fault_twice_is_refused(drilled: Lab) -> None:
    with (
        drilled.worker.paused(),
        pytest.raises(InvalidValueError, match="has this fault already"),
        drilled.worker.paused(),
    ):
        pass


def test_blocks_and_faults_can_be_awaited(drilled: Lab) -> None:
    async def drill() -> str:
        async with drilled.aio.inspector.stopped():
            state = (await drilled.aio.status()).service("inspector").state
        await drilled.aio.fault("worker", "restart")
        return state

    assert asyncio.run(drill()) == "stopped"
    assert noted(drilled) == [*both("stop", "inspector"), *both("restart", "queue-worker")]


def test_a_reset_ends_what_was_wrong(drilled: Lab) -> None:
    drilled.worker.paused().__enter__()
    drilled.slow_network(0.1).__enter__()
    drilled.reset()

    assert drilled.status().faults == ()
    drilled.deploy("cat", fprocess="cat")
    assert drilled.invoke_async("cat", "new").result(30).text == "new"


def test_a_lab_with_a_service_that_stands_still_ends_as_any_other(workspace: Path, mark: str) -> None:
    lab = start_lab(workspace)
    lab.worker.paused().__enter__()
    lab.gateway.paused().__enter__()
    began = time.monotonic()
    lab.stop()

    assert time.monotonic() - began < GONE_SECONDS
    assert_gone(mark)


# -- at a moment


def test_a_killed_worker_comes_back_and_loses_no_call(drilled: Lab) -> None:
    with drilled.fault("worker", "kill", after=0.7) as fault:
        run = drilled.measure("nap", calls=4, mode="async", progress=False)
        assert "kill of worker" in repr(fault)

    assert run.states == {CallState.DONE: 4}
    assert drilled.status().service("queue-worker").restarts == 1
    assert noted(drilled) == both("kill", "queue-worker")


def test_every_fault_is_in_the_record_whoever_did_it(drilled: Lab) -> None:
    drilled.kill("gateway")
    eventually(lambda: drilled.status().state == "ready", within=20)
    drilled.restart("inspector")
    with drilled.bin("target").down():
        pass
    with drilled.worker.paused():
        eventually(lambda: [fault for fault in drilled.faults() if fault.ended is None], within=10)

    eventually(lambda: sum(fault.ended is not None for fault in drilled.faults()) == 4, within=10)
    seen = drilled.faults()
    assert [(fault.service, fault.kind) for fault in seen] == [
        ("gateway", "kill"),
        ("inspector", "restart"),
        ("inspector", "down"),
        ("queue-worker", "pause"),
    ]
    assert seen[2].how == {"bin": "target", "answer": 503}
    assert "gateway kill" in repr(drilled.faults())


def test_a_fault_without_delay_is_there_at_once_and_over_after_its_time(drilled: Lab) -> None:
    fault = drilled.fault("nats", "stop", seconds=0.5)
    assert drilled.status().service("nats-server").state == "stopped"
    with pytest.raises(LabTimeoutError, match="stop of nats is not over"):
        fault.wait(0.1)
    fault.wait()

    assert drilled.status().service("nats-server").state == "ready"


@pytest.mark.parametrize(
    ("service", "kind", "named"),
    [("wroker", "kill", "nats, gateway, worker"), ("worker", "kil", "kill, stop, pause")],
)
def test_a_fault_that_there_is_not_is_refused_at_once(lab: Lab, service: str, kind: str, named: str) -> None:
    with pytest.raises(InvalidValueError, match=named):
        lab.fault(service, kind, after=60)  # type: ignore[arg-type]


# -- a slow network


def test_a_slow_network_delays_calls_and_loses_none(drilled: Lab) -> None:
    before = [drilled.invoke_async("nap") for _ in range(2)]
    with drilled.slow_network(delay=0.4):
        began = time.monotonic()
        during = drilled.invoke_async("cat", "slow")
        assert [call.result(60).status for call in before] == [200, 200]
        assert during.result(60).text == "slow"
        assert time.monotonic() - began > 0.8
        after = drilled.invoke_async("nap")

    assert after.result(60).status == 200
    drilled.invoke_async("cat").wait(20)
    assert f"via: {drilled.gateway_url}" in drilled.logs("worker", tail=3), "straight again"
    assert noted(drilled) == both("slow", "queue-worker")


def test_a_gateway_that_is_away_behind_a_slow_network_costs_no_attempt(drilled: Lab) -> None:
    with drilled.slow_network(delay=0.1):
        with ExitStack() as standstill:
            standstill.enter_context(drilled.worker.paused())
            call = drilled.invoke_async("cat", "x")
            with drilled.gateway.stopped():
                standstill.close()
                time.sleep(1)

        assert call.result(60).text == "x"
        assert [attempt.status for attempt in call.wait(10).attempts] == [200]


@pytest.mark.anyio
async def test_the_relay_takes_its_time_each_way_and_keeps_the_rate() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    target = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = target.sockets[0].getsockname()[1]

    async def send(relay: Relay, body: bytes) -> float:
        address = (await relay.start()).removeprefix("http://").split(":")
        began = time.monotonic()
        reader, writer = await asyncio.open_connection(address[0], int(address[1]))
        writer.write(body)
        writer.write_eof()
        assert await reader.read() == body
        writer.close()
        await relay.stop()
        return time.monotonic() - began

    url = f"http://127.0.0.1:{port}"
    late = await send(Relay(url, delay=0.2, bandwidth=0.0), b"x" * 1_000_000)
    narrow = await send(Relay(url, delay=0.0, bandwidth=100_000.0), b"x" * 50_000)
    target.close()

    assert 0.4 <= late < 2.0, "a delay is no limit on the rate: 61 pieces would take 24 s one by one"
    assert narrow >= 0.5


@pytest.mark.anyio
async def test_the_relay_waits_for_a_target_that_is_away() -> None:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    away = await asyncio.start_server(hello, "127.0.0.1", 0)
    port = away.sockets[0].getsockname()[1]
    away.close()
    await away.wait_closed()
    relay = Relay(f"http://127.0.0.1:{port}", delay=0.0, bandwidth=0.0)
    address = (await relay.start()).removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(address[0], int(address[1]))
    await asyncio.sleep(0.2)
    back = await asyncio.start_server(hello, "127.0.0.1", port)

    assert await reader.read() == b"hello"
    writer.close()
    await relay.stop()
    back.close()


# -- functions and callbacks that fail


def test_a_flaky_function_succeeds_when_it_was_tried_often_enough(lab: Lab) -> None:
    lab.deploy_flaky("flaky-f", failures=2, annotations=SOON)
    call = lab.invoke_async("flaky-f", "hi")

    assert call.result(30).text == "hi"
    assert [attempt.status for attempt in call.wait(10).attempts] == [500, 500, 200]


@pytest.mark.parametrize("status", [503, 0])
def test_a_callback_is_tried_again_until_its_target_is_up(lab: Lab, status: int) -> None:
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


def test_workers_are_added_and_taken_away_while_calls_run(drilled: Lab) -> None:
    calls = [drilled.invoke_async("nap") for _ in range(6)]
    drilled.scale_workers(3)
    assert [worker.max_inflight for worker in drilled.queue().workers] == [1, 1, 1]
    assert drilled.status().service("queue-worker-3").state == "ready"
    drilled.scale_workers(1)

    assert [call.result(60).status for call in calls] == [200] * 6
    assert [len(call.wait(10).attempts) for call in calls] == [1] * 6, "those that went let theirs finish"
    eventually(lambda: len(drilled.queue().workers) == 1, within=10)
    with pytest.raises(KeyError):
        drilled.status().service("queue-worker-2")
    with pytest.raises(InvalidValueError, match="from 1 to 16"):
        drilled.scale_workers(0)


def test_a_lab_starts_with_as_many_workers_as_it_is_told(workspace: Path, mark: str) -> None:
    with start_lab(workspace, workers=2, max_inflight=3) as lab:
        eventually(lambda: [worker.max_inflight for worker in lab.queue().workers] == [3, 3])
        lab.reset()
        eventually(lambda: len(lab.queue().workers) == 2)
        metrics = [s.metrics for s in lab.status().services if s.name.startswith("queue-worker")]
        assert len(set(metrics)) == 2
    assert_gone(mark)
