"""Calls, measured runs, logs and exercise folders, through ``Lab``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from labs import until_running

from labkit import Lab, LabError
from labkit.clients.gateway import FunctionRequest, GatewayClient
from labkit.errors import GatewayError, LabGoneError, WorkspaceError
from labkit_services.call_record.log import CallState
from labkit_services.contract.errors import InvalidValueError, LabTimeoutError


@pytest.fixture
def nap(lab: Lab) -> str:
    lab.deploy("nap-lab", fprocess="sleep 0.1")
    lab.invoke("nap-lab")
    return "nap-lab"


def test_a_synchronous_run_takes_the_sum_of_its_calls(lab: Lab, nap: str) -> None:
    run = lab.measure(nap, calls=5, progress=False)

    assert run.mode == "sync"
    assert 0.5 <= run.total < 2
    assert run.per_call is not None
    assert 0.1 <= run.per_call < 0.4
    assert [call.state for call in run.calls] == [CallState.DONE] * 5
    assert all(call.accepted == 200 for call in run.calls)


@pytest.mark.alone
def test_an_asynchronous_run_accepts_calls_fast_and_waits_for_their_ends(lab: Lab, nap: str) -> None:
    run = lab.measure(nap, calls=5, mode="async", progress=False)

    assert run.accepted_after is not None
    assert run.drained_after is not None
    assert run.accepted_after < run.drained_after / 2
    assert run.drained_after >= 0.5
    assert all(call.accepted == 202 and call.status == 200 for call in run.calls)
    assert all(call.waited_in_queue is not None for call in run.calls)


def test_a_run_draws_a_progress_bar(lab: Lab, nap: str, capfd: pytest.CaptureFixture[str]) -> None:
    lab.measure(nap, calls=3)

    shown = capfd.readouterr().err
    assert "3 synchronous calls of nap-lab" in shown
    assert "3/3" in shown


def test_labkit_ci_draws_no_progress_bar(
    lab: Lab, nap: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_CI", "1")

    lab.measure(nap, calls=3)

    assert capfd.readouterr() == ("", "")


def test_a_run_of_an_unknown_function_ends_with_404_or_dead_calls(lab: Lab) -> None:
    sync = lab.measure("nobody-lab", calls=2, progress=False)
    async_ = lab.measure("nobody-lab", calls=2, mode="async", progress=False)

    # Each run says so at once, before its first call.
    assert str(sync.notes[0]).startswith("there is no function nobody-lab: each call is answered with 404")
    assert "then retried, then dead-lettered" in str(async_.notes[0])
    assert [call.status for call in sync.calls] == [404, 404]
    # A missing function is a platform error: retried, then dead-lettered.
    assert [call.state for call in async_.calls] == [CallState.DEAD] * 2
    assert sync.total < 3


@pytest.mark.parametrize(("calls", "mode"), [(0, "sync"), (-1, "async"), (100_000, "sync"), (1, "both")])
def test_an_invalid_run_is_rejected(lab: Lab, calls: int, mode: str) -> None:
    with pytest.raises(InvalidValueError):
        lab.measure("nap-lab", calls=calls, mode=mode, progress=False)  # type: ignore[arg-type]


def test_a_run_that_times_out_reports_completed_and_pending_calls(lab: Lab) -> None:
    lab.deploy("slow-lab", fprocess="sleep 3")
    lab.invoke_async("slow-lab")

    with pytest.raises(LabTimeoutError, match="0 completed, 2 pending"):
        lab.measure("slow-lab", calls=2, mode="async", timeout=1, progress=False)


def test_a_call_that_times_out_is_a_gateway_error(lab: Lab) -> None:
    lab.deploy("slow-lab", fprocess="sleep 3")

    with pytest.raises(GatewayError, match=r"a response within 0\.2 s"):
        lab.invoke("slow-lab", timeout=0.2)


def test_a_response_is_returned_whatever_its_status(lab: Lab) -> None:
    lab.deploy("false-lab", fprocess="false")

    answer = lab.invoke("false-lab")

    assert not answer.ok
    assert (answer.status, answer.text) == (500, "exit status 1\n")


def test_a_rejected_deploy_gives_the_reason(lab: Lab) -> None:
    with pytest.raises(GatewayError, match="must be a valid DNS entry"):
        lab.deploy("Not_A_Name", fprocess="cat")


def test_calls_include_those_of_other_clients(lab: Lab, nap: str) -> None:
    accepted = lab.invoke_async(nap)
    accepted.wait(timeout=10)

    assert accepted.id in {call.id for call in lab.calls()}


def test_methods_of_aio_can_be_awaited_from_another_event_loop(lab: Lab, nap: str) -> None:
    async def both() -> tuple[int, int]:
        first, second = await asyncio.gather(lab.aio.invoke(nap), lab.aio.invoke(nap))
        return first.status, second.status

    assert asyncio.run(both()) == (200, 200)


def test_a_log_is_shown_line_by_line(lab: Lab) -> None:
    assert "Listening on [faas-request]" in repr(lab.logs("queue-worker", tail=10_000))
    with pytest.raises(LabError):
        lab.logs("nobody-lab")


def test_a_missing_gateway_is_an_error_with_a_next_step(lab: Lab) -> None:
    client = GatewayClient("http://127.0.0.1:1", "", "")

    with pytest.raises(LabGoneError, match="run the notebook's first cell"):
        asyncio.run(client.invoke(FunctionRequest("x")))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


def test_an_exercise_folder_is_emptied_each_time(lab: Lab, here: Path) -> None:
    first = lab.folder("lab7")
    (first / "stack.yaml").touch()
    (first / "deep").mkdir()

    again = lab.folder("lab7")

    assert again == first == here / "lab7" == Path.cwd()
    assert [path.name for path in again.iterdir()] == [".labkit-folder"]


def test_a_folder_with_other_files_is_not_emptied(lab: Lab, here: Path) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "work").touch()

    with pytest.raises(WorkspaceError, match="choose another name"):
        lab.folder("mine")
    assert (here / "mine" / "work").exists()


def test_the_bar_of_a_run_that_failed_is_red(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    red, reset = "\x1b[31m", "\x1b[0m"

    lab.measure("nobody-lab", calls=2)
    out, failed = capfd.readouterr()
    lab.deploy("echo-lab", fprocess="cat")
    lab.measure("echo-lab", calls=2)
    done = capfd.readouterr().err

    assert "Note: there is no function nobody-lab" in out
    assert red in failed
    assert reset in failed
    assert "2 failed" in failed
    assert red not in done


def test_a_call_that_is_not_over_in_time_is_described_by_its_state(lab: Lab) -> None:
    lab.deploy("slow-lab", fprocess="sleep 3")
    call = lab.invoke_async("slow-lab")
    until_running(call)

    with pytest.raises(LabTimeoutError) as running:
        call.wait(timeout=0.2)
    with pytest.raises(LabTimeoutError) as accepted:
        lab.invoke_async("slow-lab").wait(timeout=0)
    with pytest.raises(LabTimeoutError) as unknown:
        lab.call("no-such-call").wait(timeout=0.2)

    assert running.value.headline == "timed out after 0.2 s"
    assert running.value.seen.startswith("the call is running, for ")
    assert accepted.value.seen.startswith(("it was accepted with 202", "the call is queued"))
    assert "the event log has no event of it" in unknown.value.seen
    call.wait()
