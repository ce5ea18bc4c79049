"""What spoils a measured run is said in its result, on a real lab; and can be cancelled."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator

import pytest
from eventually import eventually
from labs import start_lab, until_running

from labkit import Lab
from labkit.errors import GatewayError
from labkit.lab.background_loop import background_loop
from labkit.views.measurement import Measurement
from labkit_services.call_record.log import CallState
from labkit_services.contract.errors import LabTimeoutError

QUEUE = "faas-request"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose queue nobody else uses."""
    lab = start_lab(tmp_path_factory.mktemp("own"))
    yield lab
    lab.stop()


@pytest.fixture
def nap(own: Lab) -> Iterator[str]:
    own.deploy("nap", fprocess="sleep 0.2")
    own.invoke("nap")
    own.set_max_inflight(1)
    own.queue().cancel_calls()
    eventually(lambda: own.queue().in_flight == 0)
    yield "nap"
    own.queue().cancel_calls()


def facts(run: Measurement) -> str:
    return "; ".join(note.fact for note in run.notes)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_run_in_a_quiet_lab_has_no_note(own: Lab, nap: str, mode: str) -> None:
    assert own.measure(nap, calls=2, mode=mode, progress=False).notes == ()  # type: ignore[arg-type]


def test_earlier_calls_in_the_queue_are_said_before_the_run_and_in_its_result(
    own: Lab, nap: str, capfd: pytest.CaptureFixture[str]
) -> None:
    calls = [own.invoke_async(nap) for _ in range(5)]
    until_running(calls[0])
    run = own.measure(nap, calls=2, mode="async")

    assert "earlier calls" in facts(run)
    assert "they ran first" in facts(run)
    assert run.drained_after is not None
    assert run.drained_after > 1
    assert "Note: queue faas-request held" in "".join(capfd.readouterr())


def test_a_synchronous_run_says_that_asynchronous_calls_ran_beside_it(own: Lab, nap: str) -> None:
    for _ in range(5):
        own.invoke_async(nap)

    assert "ran beside it" in facts(own.measure(nap, calls=2, progress=False))


def test_purge_cancels_the_earlier_calls_first(own: Lab, nap: str) -> None:
    own.deploy("long", fprocess="sleep 20")
    calls = [own.invoke_async("long") for _ in range(3)]
    until_running(calls[0])
    run = own.measure(nap, calls=2, mode="async", purge=True, progress=False)

    assert facts(run) == "cancelled before the run: 3 earlier calls"
    assert run.drained_after is not None
    assert run.drained_after < 2
    assert {call.wait(10).state for call in calls} == {"cancelled"}


def test_purge_looks_at_the_queue_of_the_function(own: Lab, nap: str) -> None:
    own.deploy("apart", fprocess="sleep 20", annotations={"com.openfaas.queue": "apart"})
    call = own.invoke_async("apart")
    own.measure(nap, calls=1, mode="async", purge=True, progress=False)
    assert call.status().state != "cancelled"

    with pytest.raises(LabTimeoutError) as raised:
        own.measure("apart", calls=1, mode="async", timeout=1, progress=False)
    assert "the pending calls stay queued" in raised.value.next_step
    assert "lab.queue('apart').cancel_calls()" in raised.value.next_step
    assert own.queue("apart").cancel_calls() == 2
    assert call.wait(10).state == "cancelled"


def test_cancel_calls_counts_every_call_of_the_queue(own: Lab, nap: str) -> None:
    own.deploy("long", fprocess="sleep 20")
    calls = [own.invoke_async("long") for _ in range(200)]
    until_running(calls[0])

    assert own.queue().cancel_calls() == 200
    assert own.queue().cancel_calls() == 0
    eventually(lambda: own.queue().in_flight == 0)
    assert (own.queue().pending, own.queue().waiting_for_retry) == (0, 0)
    with pytest.raises(GatewayError, match="could not cancel"):
        own.queue("no-such-queue").cancel_calls()


def test_earlier_retries_are_noted(own: Lab, nap: str) -> None:
    own.deploy("broken", fprocess="false", annotations={"com.openfaas.retry.min_wait": "20s"})
    own.invoke_async("broken")
    eventually(lambda: own.queue().waiting_for_retry == 1)

    assert "(1 to be retried)" in facts(own.measure(nap, calls=1, mode="async", progress=False))


def test_a_paused_queue_worker_is_noted(own: Lab, nap: str) -> None:
    with own.worker.paused():
        run = own.measure(nap, calls=1, mode="async", wait=False, progress=False)

    assert "no queue-worker answered for queue faas-request" in facts(run)
    assert "fault injected: queue-worker pause, from before the run to after its end" in facts(run)


def test_several_queue_workers_are_noted(own: Lab, nap: str) -> None:
    own.scale_workers(2)
    try:
        eventually(lambda: len(own.queue().workers) == 2)
        run = own.measure(nap, calls=2, mode="async", progress=False)
    finally:
        own.scale_workers(1)
    assert "2 queue-workers served the queue, with max_inflight 1 + 1" in facts(run)
    eventually(lambda: len(own.queue().workers) == 1)


def test_what_changes_during_a_run_is_noted(own: Lab, nap: str) -> None:
    def change() -> None:
        eventually(lambda: own.queue().submitted > before)
        own.set_max_inflight(3)
        own.invoke_async(nap)

    before = own.queue().submitted
    changing = threading.Thread(target=change)
    changing.start()
    run = own.measure(nap, calls=12, mode="async", progress=False)
    changing.join()

    assert "max_inflight changed from 1 to 3 during the run" in facts(run)
    assert "1 other call came into queue faas-request during the run" in facts(run)


def test_a_fault_during_a_run_is_noted(own: Lab, nap: str) -> None:
    fault = own.fault("worker", "kill", after=0.5)
    run = own.measure(nap, calls=8, mode="async", progress=False)
    fault.wait()

    assert "fault injected: queue-worker kill, from 0." in facts(run)
    assert [(each.service, each.kind) for each in run.faults] == [("queue-worker", "kill")]
    picture = own.plot(run)
    assert re.search(r"queue-worker killed: \d\.\d+ s, from 0\.\d+ s on", picture.alt)
    drawn = [text.get_text() for text in picture.figure.axes[0].texts]
    assert any(text.startswith("queue-worker killed: ") for text in drawn)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_cold_start_is_noted(own: Lab, nap: str, mode: str) -> None:
    own.deploy("cold", fprocess="cat")
    scaling = {"serviceName": "cold", "replicas": 0}
    gateway = own.aio.connections.gateway
    response = background_loop().run(gateway.request("POST", "/system/scale-function/cold", json=scaling), 10)
    assert response.status_code in (200, 202)
    run = own.measure("cold", calls=1, mode=mode, progress=False)  # type: ignore[arg-type]

    assert "the function had no ready replica" in facts(run)
    own.remove("cold")


def test_a_run_lets_a_function_start_that_was_just_deployed(own: Lab) -> None:
    for number in range(5):
        own.deploy(f"new-{number}", fprocess="cat")
        assert "ready replica" not in facts(own.measure(f"new-{number}", calls=1, progress=False))
        own.remove(f"new-{number}")


def test_a_function_that_is_removed_during_a_run_is_noted(own: Lab, nap: str) -> None:
    own.deploy("leaving", fprocess="sleep 0.3")
    own.invoke("leaving")
    removing = threading.Timer(0.5, own.remove, ["leaving"])
    removing.start()
    run = own.measure("leaving", calls=4, progress=False)
    removing.join()

    assert facts(run) == "the function leaving was removed during the run"
    assert run.states[CallState.FAILED] > 0


def test_a_run_without_nats_server_is_measured_all_the_same(own: Lab, nap: str) -> None:
    with own.nats.paused():
        began = time.monotonic()
        run = own.measure(nap, calls=1, progress=False)
        assert time.monotonic() - began < 10
    assert run.accepted_after is not None
    assert run.accepted_after < 2
