"""The ``labkit`` commands for queues, calls, faults and workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import labkit_command
import pytest
from eventually import eventually
from labkit_command import next_line, wait_for_error_line
from labs import start_lab, until_running
from marked_processes import assert_gone

from labkit import Lab
from labkit.errors import NoResultError


def labkit(lab: Lab, *arguments: str, code: int = 0) -> str:
    return labkit_command.labkit(lab.workspace, "--workspace", str(lab.workspace), *arguments, code=code)


def running(lab: Lab, *arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return labkit_command.running(lab.workspace, "--workspace", str(lab.workspace), *arguments)


@pytest.fixture
def dead_id(lab: Lab) -> Iterator[str]:
    """The id of a call that is a dead letter of the queue ``cli``."""
    lab.deploy(
        "dead-c",
        fprocess="false",
        annotations={"com.openfaas.queue": "cli", "com.openfaas.retry.attempts": "1"},
    )
    call = lab.invoke_async("dead-c", "its body")
    with pytest.raises(NoResultError):
        call.result(20)
    call.wait(20)
    yield call.id
    lab.queue("cli").purge()


def test_queue_shows_one_queue_or_all(lab: Lab, dead_id: str) -> None:
    everything = labkit(lab, "queue")
    assert "faas-request" in everything
    assert "\ncli " in everything
    one = json.loads(labkit(lab, "queue", "cli", "--json"))

    assert (one["name"], one["dead"], len(one["workers"])) == ("cli", 1, 1)
    assert {queue["name"] for queue in json.loads(labkit(lab, "queue", "--json"))} >= {"cli", "faas-request"}
    assert "no queue nowhere" in labkit(lab, "queue", "nowhere", code=1)


def test_queue_changes_max_inflight(lab: Lab, dead_id: str) -> None:
    labkit(lab, "queue", "cli", "--max-inflight", "5")
    assert lab.queue("cli").max_inflight == 5
    assert "from 1 to 1000" in labkit(lab, "queue", "cli", "--max-inflight", "0", code=1)


def test_dead_lists_shows_redrives_and_purges(lab: Lab, dead_id: str) -> None:
    of_queue = ("--queue", "cli")
    assert dead_id in labkit(lab, "dead", "list", *of_queue)
    listed = json.loads(labkit(lab, "dead", "list", *of_queue, "--json"))
    assert [letter["callId"] for letter in listed] == [dead_id]
    shown = labkit(lab, "dead", "show", dead_id, *of_queue)
    assert "status 500 after 1 attempt" in shown
    assert "its body" in shown
    assert json.loads(labkit(lab, "dead", "show", dead_id, *of_queue, "--json"))["kind"] == "invocation"

    assert "1 redriven" in labkit(lab, "dead", "redrive", dead_id, *of_queue)
    eventually(lambda: lab.queue("cli").dead == 1, within=20, what="dead-lettered again")
    assert "1 deleted" in labkit(lab, "dead", "purge", "--all", *of_queue)
    assert "no dead letters" in labkit(lab, "dead", "list", *of_queue)
    assert "no dead letter of call" in labkit(lab, "dead", "redrive", dead_id, *of_queue, code=1)


@pytest.mark.parametrize("verb", ["redrive", "purge"])
def test_redrive_and_purge_need_a_call_or_all(lab: Lab, verb: str) -> None:
    assert "use --all" in labkit(lab, "dead", verb, code=2)
    assert "use --all" in labkit(lab, "dead", verb, "x", "--all", code=2)


def test_call_waits_for_the_end_and_writes_the_result(lab: Lab) -> None:
    lab.deploy("echo-c", fprocess="cat")
    call = lab.invoke_async("echo-c", "exactly\nthis")

    assert labkit(lab, "call", call.id, "--result", "--wait", "20") == "exactly\nthis"
    shown = labkit(lab, "call", call.id, "--wait", "20")
    assert "state     done, status 200" in shown
    assert "function  echo-c, async" in shown
    document = json.loads(labkit(lab, "call", call.id, "--json"))
    assert (document["state"], document["settled"], len(document["attempts"])) == ("done", True, 1)


def test_call_without_a_result_and_unknown_call_are_errors(lab: Lab, dead_id: str) -> None:
    error = labkit(lab, "call", dead_id, "--result", code=1)
    assert "was dead-lettered" in error
    assert f"labkit dead redrive {dead_id} --queue cli" in error
    unknown = labkit(lab, "call", "unknown", code=1)
    assert "is unknown" in unknown
    assert "next:     the ids of calls: lab.calls(), or kubectl logs deployment/queue-worker" in unknown


def test_cancel_ends_a_running_call(lab: Lab) -> None:
    lab.deploy("long-c", fprocess="sleep 30", annotations={"com.openfaas.queue": "cli-cancel"})
    call = lab.invoke_async("long-c")
    until_running(call)

    assert "is cancelled" in labkit(lab, "cancel", call.id)
    assert "state     cancelled" in labkit(lab, "call", call.id, "--wait", "20")
    assert "is unknown" in labkit(lab, "cancel", "unknown", code=1)
    calls = [lab.invoke_async("long-c") for _ in range(3)]
    assert labkit(lab, "cancel", "--all", "--queue", "cli-cancel") == "3 of cli-cancel cancelled\n"
    assert {call.wait(20).state for call in calls} == {"cancelled"}
    assert "use --all" in labkit(lab, "cancel", code=2)


# -- faults


@pytest.fixture
def own(workspace: Path) -> Iterator[Lab]:
    with start_lab(workspace, ack_wait="1s") as lab:
        yield lab


def test_faults_begin_and_end(own: Lab) -> None:
    assert "worker kill is over" in labkit(own, "fault", "worker", "kill", "--after", "0.1")
    assert own.status().service("queue-worker").restarts == 1
    assert "nats stop, for 0.3 s" in labkit(own, "fault", "nats", "stop", "--for", "0.3")
    labkit(own, "fault", "network", "slow", "--delay", "0.05", "--for", "0.1")
    assert "bin/x down is over" in labkit(own, "fault", "bin/x", "down", "--for", "0.1")

    assert own.status().state == "ready"
    assert own.status().faults == ()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_fault_without_a_duration_lasts_until_the_terminal_ends_it(own: Lab, number: int) -> None:
    with running(own, "fault", "inspector", "stop") as process:
        assert next_line(process) == "inspector stop, until Ctrl-C\n"
        assert own.status().service("inspector").state == "stopped"
        process.send_signal(number)
        assert process.wait(20) == -number

    assert own.status().service("inspector").state == "ready"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("nobody", "kill"), "nats, gateway, worker"),
        (("worker", "slow"), "the network"),
        (("worker", "down"), "bin/NAME"),
        (("worker", "die"), "'kill'"),
    ],
)
def test_unknown_fault_is_rejected(lab: Lab, arguments: tuple[str, str], named: str) -> None:
    error = labkit(lab, "fault", *arguments, code=1 if arguments[0] == "nobody" else 2)

    assert named in error


# -- one more worker


def test_worker_joins_the_lab_and_finishes_its_calls_when_interrupted(own: Lab) -> None:
    own.deploy("nap", fprocess="sleep 2")
    own.invoke_async("nap").result(20)
    with running(own, "worker", "--max-inflight", "2") as process:
        assert next_line(process).startswith("Works on *; metrics http://127.0.0.1:")
        assert sorted(worker.max_inflight for worker in own.queue().workers) == [1, 2]
        with own.worker.stopped():
            call = own.invoke_async("nap")
            until_running(call)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == -signal.SIGINT
            assert [attempt.status for attempt in call.wait(10).attempts] == [200]


def test_second_interrupt_returns_the_calls_of_a_worker_to_the_queue(own: Lab) -> None:
    own.deploy("long", fprocess="sleep 20")
    with running(own, "worker") as process, own.worker.stopped():
        next_line(process)
        call = own.invoke_async("long")
        until_running(call)
        process.send_signal(signal.SIGINT)
        wait_for_error_line(process, "Running calls may finish")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
        assert time.monotonic() - began < 5
    eventually(
        lambda: len(call.status().attempts) == 2, within=20, what="redelivered to the lab's own worker"
    )


def test_worker_ends_with_its_terminal(own: Lab, mark: str) -> None:
    with running(own, "worker") as process:
        next_line(process)
        workers = len(own.queue().workers)
        os.kill(process.pid, signal.SIGKILL)
        eventually(lambda: len(own.queue().workers) == workers - 1, within=10)
    own.stop()
    assert_gone(mark)


def test_worker_without_a_nats_server_fails(lab: Lab) -> None:
    began = time.monotonic()
    error = labkit(lab, "worker", "--nats", "nats://127.0.0.1:1", code=1)

    assert "nats://127.0.0.1:1" in error
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "command",
    [
        *("up", "down", "status", "logs", "reset", "doctor", "demo", "lab", "queue", "dead", "dead list"),
        *("dead show", "dead redrive", "dead purge", "call", "cancel", "fault", "faults", "worker"),
    ],
)
def test_each_command_has_help(lab: Lab, command: str) -> None:
    assert labkit(lab, *command.split(), "--help").startswith(f"Usage: labkit {command}")


def test_timeline_draws_the_latest_calls_or_one_and_writes_a_picture(lab: Lab, tmp_path: Path) -> None:
    lab.deploy("drawn", fprocess="cat")
    call = lab.invoke_async("drawn", "x")
    call.wait(20)

    text = labkit(lab, "timeline", "--function", "drawn")
    assert "drawn 1" in text
    assert "done" in text
    assert "the caller has its answer" in labkit(lab, "timeline", call.id)
    [document] = json.loads(labkit(lab, "timeline", call.id, "--json"))
    assert document["callId"] == call.id
    labkit(lab, "timeline", "--svg", str(tmp_path / "run.svg"))
    assert (tmp_path / "run.svg").read_text().startswith("<svg")
    assert "drawn 1" in str(lab.timeline("drawn"))
    assert call.timeline()._repr_svg_().startswith("<svg")
