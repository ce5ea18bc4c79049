"""Every way to end a lab leaves no process and no temporary file behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from eventually import eventually
from labs import call_async, deploy, files_below, owner_code, owner_process, standin, start_lab
from marked_processes import GONE_SECONDS, assert_gone, marked

from labkit.clients.connections import Connections
from labkit.errors import LabGoneError
from labkit.supervisor.files import remove
from labkit.workspace import Workspace


def test_stop_leaves_no_process_and_no_temporary_file(workspace: Path, mark: str) -> None:
    lab = start_lab(workspace)
    lab.stop()

    assert marked(mark) == []
    kept = {name.split("/")[0] for name in files_below(workspace / ".labkit")}
    assert kept == {"lock", "logs", "jetstream", "inspector"}


def test_stop_is_idempotent_and_a_stopped_handle_names_the_next_step(workspace: Path) -> None:
    lab = start_lab(workspace)
    lab.stop()
    lab.stop()

    with pytest.raises(LabGoneError) as caught:
        lab.status()
    assert "Lab.start()" in caught.value.next_step


def test_a_service_that_ignores_sigterm_is_killed_after_the_grace_period(workspace: Path, mark: str) -> None:
    lab = start_lab(workspace, commands=standin("queue-worker", "stubborn"))
    began = time.monotonic()
    lab.stop()

    assert time.monotonic() - began < GONE_SECONDS
    assert marked(mark) == []


def test_a_connection_that_cannot_be_closed_does_not_keep_the_lab_alive(
    workspace: Path, mark: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Connections) -> None:
        raise TypeError("the transport is gone")

    lab = start_lab(workspace)
    monkeypatch.setattr(Connections, "close", fail)
    lab.stop()

    assert_gone(mark)
    assert "the transport is gone" in caplog.text


@pytest.mark.parametrize("wrapper", [False, True], ids=["prctl", "wrapper"])
def test_nothing_outlives_a_killed_owner(workspace: Path, mark: str, wrapper: bool) -> None:
    with owner_process(workspace, parent_death_wrapper=wrapper) as (owner, _):
        assert len(marked(mark)) >= 5
        owner.kill()
        assert_gone(mark)

    assert not (workspace / ".labkit/state.json").exists()


@pytest.mark.parametrize("wrapper", [False, True], ids=["prctl", "wrapper"])
def test_nothing_outlives_a_killed_supervisor(workspace: Path, mark: str, wrapper: bool) -> None:
    lab = start_lab(workspace, parent_death_wrapper=wrapper)
    os.kill(lab.aio.state.pid, signal.SIGKILL)
    assert_gone(mark)

    with pytest.raises(LabGoneError, match="is not running any more"):
        lab.status()
    lab.stop()


def running_functions(mark: str) -> list[psutil.Process]:
    return [process for process in marked(mark) if process.name() == "sleep"]


def test_stop_does_not_wait_for_running_calls(workspace: Path, mark: str) -> None:
    with start_lab(workspace) as lab:
        deploy(lab, "long-task", "sleep 60")
        call_async(lab, "long-task")
        eventually(lambda: running_functions(mark), within=10)
        began = time.monotonic()
        lab.stop()

        assert time.monotonic() - began < GONE_SECONDS


def test_restarting_the_queue_worker_lets_running_calls_finish(workspace: Path, mark: str) -> None:
    with start_lab(workspace) as lab:
        deploy(lab, "nap", "sleep 2")
        call = lab.invoke_async("nap")
        eventually(lambda: running_functions(mark), within=10)
        lab.restart("queue-worker")

        assert [attempt.status for attempt in call.wait(10).attempts] == [200]


@pytest.mark.parametrize("victim", ["owner", "supervisor", "gateway"])
def test_running_functions_do_not_outlive_a_kill(workspace: Path, mark: str, victim: str) -> None:
    with owner_process(workspace) as (owner, pid):
        lab = start_lab(workspace)
        deploy(lab, "long-task", "sleep 60")
        call_async(lab, "long-task")
        eventually(lambda: running_functions(mark), within=5)
        before = {process.pid for process in running_functions(mark)}
        if victim == "gateway":
            lab.kill("gateway")
            eventually(lambda: not before & {p.pid for p in running_functions(mark)}, within=GONE_SECONDS)
            # The worker still holds the call and runs it again.
            eventually(lambda: running_functions(mark), within=20)
            lab.stop(force=True)
        else:
            os.kill(owner.pid if victim == "owner" else pid, signal.SIGKILL)
        eventually(lambda: all(process.pid == owner.pid for process in marked(mark)), within=GONE_SECONDS)
        lab.stop()


def test_a_service_that_ignores_sigterm_does_not_outlive_a_killed_owner(workspace: Path, mark: str) -> None:
    with owner_process(workspace, commands=standin("gateway", "stubborn")) as (owner, _):
        owner.kill()
        assert_gone(mark)


def test_nothing_outlives_an_owner_that_exits_without_stopping_the_lab(workspace: Path, mark: str) -> None:
    code = owner_code(workspace)
    subprocess.run([sys.executable, "-c", code.replace("time.sleep(60)", "")], check=True, timeout=30)
    assert_gone(mark)


def test_sigterm_ends_the_lab(workspace: Path, mark: str) -> None:
    lab = start_lab(workspace)
    os.kill(lab.aio.state.pid, signal.SIGTERM)
    assert_gone(mark)
    lab.stop()


def test_sigint_to_every_process_group_is_ignored(workspace: Path, mark: str) -> None:
    """Jupyter's stop button and a terminal's Ctrl-C signal whole groups."""
    with start_lab(workspace) as lab:
        before = lab.status()
        for process in marked(mark):
            if "nats-server" not in process.name():  # it would end, so it has a group of its own
                os.kill(process.pid, signal.SIGINT)
        os.killpg(lab.aio.state.pid, signal.SIGINT)

        # Two status calls: the first one returns after the signals were handled.
        assert [service.pid for service in lab.status().services] == [s.pid for s in before.services]
        assert lab.status().state == "ready"


def test_every_service_leads_a_process_group_of_its_own(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        supervisor = lab.aio.state.pid
        services = [service.pid for service in lab.status().services]

        assert [os.getpgid(pid) for pid in services] == services
        assert {os.getsid(pid) for pid in services} == {supervisor}
        assert os.getsid(supervisor) != os.getsid(0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can find orphans")
def test_a_daemon_started_by_a_service_ends_with_the_lab(workspace: Path, mark: str) -> None:
    with start_lab(workspace, commands=standin("inspector", "daemonic")):
        eventually(lambda: [p for p in marked(mark) if p.name() == "sleep"], within=3)

    assert marked(mark) == []


def test_a_failed_start_removes_the_store_only_if_it_created_it(workspace: Path) -> None:
    start_lab(workspace).stop()
    with pytest.raises(Exception, match="gateway ended"):
        start_lab(workspace, commands=standin("gateway", "crash"))
    assert (workspace / ".labkit/jetstream").is_dir()

    remove(workspace / ".labkit")
    with pytest.raises(Exception, match="gateway ended"):
        start_lab(workspace, commands=standin("gateway", "crash"))
    assert not (workspace / ".labkit/jetstream").exists()


def test_the_parent_death_wrapper_forwards_sigterm_and_returns_the_exit_code(mark: str) -> None:
    wrapper = Path(__file__).parents[2] / "labkit/supervisor/parent_death_wrapper.py"
    script = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done"
    command = [sys.executable, "-S", "-E", str(wrapper), "5", "/bin/sh", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.terminate()

        assert process.wait(5) == 7


def test_the_parent_death_wrapper_kills_a_command_that_ignores_sigterm(mark: str) -> None:
    wrapper = Path(__file__).parents[2] / "labkit/supervisor/parent_death_wrapper.py"
    command = [sys.executable, "-S", "-E", str(wrapper), "0.2", "/bin/sh", "-c"]
    command.append("trap '' TERM; echo up; while :; do sleep 0.05; done")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.stdin.close()

        assert process.wait(5) == 128 + signal.SIGKILL


def test_a_killed_parent_death_wrapper_ends_nats_server_and_both_are_restarted(workspace: Path) -> None:
    with start_lab(workspace, parent_death_wrapper=True) as lab:
        before = lab.status().service("nats-server")
        psutil.Process(before.pid).parent().kill()
        after = eventually(lambda: _restarted(lab), within=5)

        assert after.pid != before.pid
        assert after.address == before.address
        assert not psutil.pid_exists(before.pid)


def _restarted(lab: object) -> object:
    service = lab.status().service("nats-server")
    return service if service.state == "ready" and service.restarts else None


def test_stop_ends_a_supervisor_that_hangs(workspace: Path, mark: str) -> None:
    lab = start_lab(workspace)
    os.kill(lab.aio.state.pid, signal.SIGSTOP)
    lab.stop()
    assert_gone(mark)

    assert not Workspace(workspace).is_locked()
