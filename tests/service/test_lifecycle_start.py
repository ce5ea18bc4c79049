"""Starting a lab: successful starts, and the errors of failed ones."""

from __future__ import annotations

import html
import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from eventually import eventually
from labkit_command import labkit
from labs import files_below, owner_code, owner_process, standin, start_lab
from marked_processes import GONE_SECONDS, assert_gone

from labkit import Lab, LabError
from labkit.errors import LabRunningError, LabStartError, NoLabError, WorkspaceError
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabTimeoutError

DEADLINE_SECONDS = 10.0


def test_a_started_lab_is_ready_and_shows_its_addresses(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        status = lab.status()
        state = json.loads((workspace / ".labkit/state.json").read_text())

        assert status.state == "ready"
        assert [service.name for service in status.services] == [
            "nats-server",
            "gateway",
            "queue-worker",
            "inspector",
        ]
        assert all(service.pid and service.memory for service in status.services)
        assert state["gateway_url"] == lab.gateway_url == os.environ["OPENFAAS_URL"]
        assert lab.gateway_url in repr(lab)
        assert lab.inspector_url in lab._repr_html_()


def test_secrets_are_readable_by_the_owner_only(workspace: Path) -> None:
    with start_lab(workspace):
        folder = workspace / ".labkit"
        secrets = [folder / "state.json", folder / "run/nats/nats.conf"]
        secrets += (folder / "run/secrets").iterdir()

        assert [stat.S_IMODE(path.stat().st_mode) for path in secrets] == [0o600] * len(secrets)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_starting_twice_returns_the_same_lab(workspace: Path) -> None:
    with start_lab(workspace) as first, start_lab(workspace) as second:
        assert first.aio.connections is second.aio.connections


def test_a_dropped_handle_does_not_end_the_lab(workspace: Path) -> None:
    pid = start_lab(workspace).aio.state.pid
    with start_lab(workspace) as again:
        assert again.aio.state.pid == pid


def test_stop_in_another_process_ends_the_lab_only_when_forced(workspace: Path) -> None:
    with owner_process(workspace) as (_, pid):
        attached = start_lab(workspace)
        attached.stop()

        assert attached.aio.state.pid == pid
        assert os.environ.get("OPENFAAS_URL") is None
        assert Workspace(workspace).lock_holder() == pid

        start_lab(workspace).stop(force=True)

        assert not Workspace(workspace).is_locked()


def test_attach_without_a_lab_names_the_next_step(workspace: Path) -> None:
    with pytest.raises(NoLabError, match=r"Lab\.start"):
        Lab.attach(workspace)


def test_start_without_attach_fails_if_a_lab_is_running(workspace: Path) -> None:
    with owner_process(workspace), pytest.raises(LabRunningError, match="labkit down"):
        Lab.start(workspace, attach=False)


def test_concurrent_starts_share_one_lab(workspace: Path) -> None:
    code = owner_code(workspace).replace("sleep(60)", "sleep(2)")

    def run(_: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
        ).stdout

    with ThreadPoolExecutor(3) as pool:
        pids = set(pool.map(run, range(3)))

    assert len(pids) == 1


def test_other_ports_are_used_if_the_preferred_ones_are_taken(workspace: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        taken = [one.getsockname()[1], two.getsockname()[1]]
        with start_lab(workspace, gateway_port=taken[0], inspector_port=taken[1]) as lab:
            bound = [int(url.rpartition(":")[2]) for url in (lab.gateway_url, lab.inspector_url)]

            assert not set(bound) & set(taken)
            note = "; ".join(
                f"port {port} was in use, by process {os.getpid()} (…), so the {name} has port {other}"
                for name, port, other in zip(("gateway", "inspector"), taken, bound, strict=True)
            )
            assert re.sub(r"\([^)]*\)", "(…)", lab.aio.state.port_note) == note
            assert f"Note: {html.escape(lab.aio.state.port_note)}." in lab._repr_html_()
            shown = labkit(workspace, "status")
            assert f"note        {lab.aio.state.port_note}\n" in shown


def test_a_preferred_port_is_used_if_it_is_free(workspace: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with start_lab(workspace, gateway_port=port) as lab:
        assert lab.gateway_url == f"http://127.0.0.1:{port}"
        assert not lab.aio.state.port_note


@pytest.mark.parametrize("port", [-1, 65536, 99999])
@pytest.mark.parametrize("setting", ["gateway_port", "inspector_port"])
def test_a_bad_port_is_an_error_that_names_it(workspace: Path, setting: str, port: int) -> None:
    error = failed_start(workspace, **{setting: port})

    assert "bug" not in str(error)
    assert str(port) in str(error)


def failed_start(workspace: Path, **settings: object) -> LabError:
    """Start a lab that must fail; check what holds for every failed start."""
    began = time.monotonic()
    with pytest.raises(LabError) as caught:
        start_lab(workspace, **settings)
    assert time.monotonic() - began < DEADLINE_SECONDS
    assert caught.value.expected
    assert caught.value.seen
    assert caught.value.next_step
    assert_gone(os.environ["LABKIT_TEST_CASE"], within=1.0)
    if os.path.isdir(workspace / ".labkit"):  # unlike Path.is_dir, it accepts a path that is too long
        left = [name for name in files_below(workspace / ".labkit") if not name.startswith("logs/")]
        assert left in ([], ["lock"])
        assert not Workspace(workspace).is_locked()
    return caught.value


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_the_error_names_a_missing_nats_server(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_NATS_SERVER", "/nowhere/nats-server")
    error = failed_start(workspace)

    assert isinstance(error, LabStartError)
    assert "/nowhere/nats-server" in error.seen
    assert "LABKIT_NATS_SERVER" in error.next_step


def test_a_crashing_nats_server_is_reported_as_a_crash_not_a_timeout(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = program(tmp_path / "broken", "echo 'no such instruction' >&2; exit 1")
    monkeypatch.setenv("LABKIT_NATS_SERVER", broken)
    began = time.monotonic()
    error = failed_start(workspace)

    assert time.monotonic() - began < 2
    assert error.seen == "exit code 1"
    assert error.log == ("no such instruction",)


def test_the_error_names_a_program_that_cannot_be_executed(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "text"
    text.write_text("not a program")
    text.chmod(0o755)
    monkeypatch.setenv("LABKIT_NATS_SERVER", str(text))
    error = failed_start(workspace)

    assert str(text) in error.seen


def test_a_hanging_nats_server_fails_the_start_at_the_deadline(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The shell's child must end too, although nothing else knows of it.
    hanging = program(tmp_path / "hanging", "echo thinking >&2; sleep 60; true")
    monkeypatch.setenv("LABKIT_NATS_SERVER", hanging)
    error = failed_start(workspace, timeout=1.0)

    assert isinstance(error, LabTimeoutError)
    assert error.log == ("thinking",)


@pytest.mark.parametrize("name", ["gateway", "queue-worker", "inspector"])
def test_the_error_names_a_service_that_crashes_and_shows_its_log(workspace: Path, name: str) -> None:
    error = failed_start(workspace, commands=standin(name, "crash"))

    assert error.headline == f"{name} ended before it was ready."
    assert any("crashed on purpose" in line for line in error.log)


def test_the_error_names_a_service_that_never_becomes_ready(workspace: Path) -> None:
    error = failed_start(workspace, commands=standin("gateway", "mute"), timeout=1.5)

    assert error.headline == "gateway did not become ready in time."


def test_the_error_names_an_invalid_setting(workspace: Path) -> None:
    error = failed_start(workspace, environment={"max_inflight": "many"})

    assert any("max_inflight" in line for line in error.log)


def test_the_error_names_a_folder_that_cannot_be_created(workspace: Path) -> None:
    (workspace / ".labkit").write_text("in the way")
    error = failed_start(workspace)

    assert isinstance(error, WorkspaceError)
    assert str(workspace / ".labkit") in error.seen
    assert "LABKIT_WORKSPACE" in error.next_step


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; the next test covers it")
def test_the_error_names_a_read_only_workspace(workspace: Path) -> None:
    workspace.chmod(0o555)
    error = failed_start(workspace)

    assert isinstance(error, WorkspaceError)
    assert "Permission denied" in error.seen


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a file system where nobody may write")
@pytest.mark.usefixtures("mark")
def test_the_error_names_a_read_only_file_system() -> None:
    error = failed_start(Path("/sys/kernel"))

    assert isinstance(error, WorkspaceError)
    assert "/sys/kernel" in error.seen


def test_a_long_path_works_and_a_too_long_one_is_an_error(workspace: Path) -> None:
    deep = workspace.joinpath(*["d" * 100] * 10)
    with start_lab(deep) as lab:
        assert lab.status().state == "ready"

    too_deep = workspace.joinpath(*["d" * 200] * 20)
    error = failed_start(too_deep)

    assert isinstance(error, WorkspaceError)
    assert "too long" in error.headline


def test_a_workspace_name_may_have_special_characters(workspace: Path) -> None:
    with start_lab(workspace / 'a "b" $c {d} 实验') as lab:
        assert lab.status().state == "ready"


def test_the_learners_modules_do_not_shadow_the_standard_library(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("random", "queue", "asyncio", "json"):
        (workspace / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(workspace)
    with start_lab(workspace) as lab:
        assert lab.status().state == "ready"


def test_an_interrupted_start_leaves_nothing_behind(workspace: Path, mark: str) -> None:
    code = owner_code(workspace)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) as starter:
        eventually(lambda: Workspace(workspace).lock_holder(), within=10, what="a supervisor that starts")
        starter.kill()
    assert_gone(mark, within=GONE_SECONDS)

    assert not (workspace / ".labkit/state.json").exists()
    assert not (workspace / ".labkit/run").exists()


def test_the_state_file_of_a_killed_lab_is_recognised_as_stale(workspace: Path) -> None:
    with owner_process(workspace) as (owner, pid):
        os.kill(pid, 9)
        owner.kill()
        eventually(lambda: not Workspace(workspace).is_locked(), within=GONE_SECONDS)

        assert (workspace / ".labkit/state.json").exists()
        assert Workspace(workspace).read_state() is None
        with start_lab(workspace) as lab:
            assert lab.aio.state.pid != pid
            assert lab.status().state == "ready"
