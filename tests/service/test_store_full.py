"""The lab's disk is full, read-only or out of inodes: at the start, and while the lab runs."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from eventually import eventually
from labs import deploy, start_lab
from small_disk import SmallDisk, skip_reason, small_disk

from labkit import Lab
from labkit.errors import LabError, LabStartError

needs_disk = pytest.mark.skipif(bool(skip_reason()), reason=skip_reason())
RECOVERY_SECONDS = 15


@pytest.fixture
def disk(workspace: Path) -> Iterator[SmallDisk]:
    with small_disk(workspace) as disk:
        yield disk


def call(lab: Lab, body: bytes = b"") -> tuple[int, str]:
    """Make an asynchronous call; return the response."""
    request = urllib.request.Request(f"{lab.gateway_url}/async-function/cat", data=body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def refusal(lab: Lab) -> str:
    """Call until the queue refuses; nats-server may still have a little room."""
    for _ in range(20):
        status, text = call(lab, bytes(5000))
        if status == 500:
            return text
    raise AssertionError("every call was accepted")


def deploy_cat(lab: Lab) -> None:
    """Deploy cat, and make a first call, for which its queue is created."""
    deploy(lab, "cat")
    assert call(lab) == (202, "")


def fill(disk: SmallDisk, lab: Lab) -> str:
    disk.fill()
    text = refusal(lab)
    eventually(lambda: lab.status().state == "blocked", within=5)
    return text


def is_ready(lab: Lab) -> bool:
    return lab.status().state == "ready"


@needs_disk
def test_a_full_disk_is_named_and_got_over(disk: SmallDisk) -> None:
    with start_lab(disk.folder) as lab:
        deploy_cat(lab)
        text = fill(disk, lab)

        assert text.startswith("Error queuing request: The queue did not take the call. The disk is full.")
        assert "no space left on device" in text
        with pytest.raises(Exception, match="The disk is full"):
            lab.invoke_async("cat", b"x" * 5000)
        server = lab.status().service("nats-server")
        assert server.state == "blocked"
        assert server.error.startswith("The disk is full.")
        assert str(disk.folder) in server.error
        assert "The disk is full." in str(lab.status())

        disk.free()
        assert eventually(lambda: call(lab)[0] == 202, within=RECOVERY_SECONDS)
        eventually(lambda: is_ready(lab), within=RECOVERY_SECONDS)
        assert "The disk is full." not in str(lab.status())
        assert lab.invoke_async("cat", b"after").result(20).text == "after"
        log = lab.logs("supervisor")
        assert "the store can't be written: The disk is full." in log
        assert "the store can be written again" in log


@needs_disk
def test_a_deployment_on_a_full_disk_says_why_it_was_not_stored(disk: SmallDisk) -> None:
    with start_lab(disk.folder) as lab:
        deploy_cat(lab)
        fill(disk, lab)
        began = time.monotonic()
        with pytest.raises(urllib.error.HTTPError) as refused:
            # More than the last page of a file may still have room for.
            deploy(lab, "other", "cat " + "x" * 9000)

        assert time.monotonic() - began < 4, "JetStream's own time limit is 5 s"
        assert refused.value.code == 500
        assert "the change was not stored. The disk is full." in refused.value.read().decode()


@needs_disk
def test_what_was_accepted_before_the_disk_was_full_runs(disk: SmallDisk, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    with start_lab(disk.folder) as lab:
        deploy(lab, "cat", f"tee -a {ran}")
        with lab.worker.paused():
            for number in range(5):
                assert call(lab, f"{number}\n".encode()) == (202, "")
            fill(disk, lab)
        disk.free()

        eventually(lambda: ran.exists() and set(ran.read_text().split()) == set("01234"), within=30)


@needs_disk
def test_a_service_that_dies_while_the_disk_is_full_is_not_given_up(disk: SmallDisk) -> None:
    with start_lab(disk.folder) as lab:
        deploy_cat(lab)
        fill(disk, lab)
        end = time.monotonic() + 12
        while time.monotonic() < end:
            for service in lab.status().services:
                assert service.state != "failed", service.error
                if service.pid and service.name in ("nats-server", "queue-worker"):
                    os.kill(service.pid, 9)
            time.sleep(0.2)
        disk.free()

        eventually(lambda: is_ready(lab), within=2 * RECOVERY_SECONDS)
        assert lab.invoke_async("cat", b"after").result(20).text == "after"


@needs_disk
def test_calls_that_end_while_the_disk_is_full_are_shown_as_ended(disk: SmallDisk) -> None:
    with start_lab(disk.folder) as lab:
        deploy_cat(lab)
        deploy(lab, "slow", "sleep 1")
        calls = [lab.invoke_async("slow") for _ in range(5)]
        time.sleep(0.7)
        disk.fill()
        time.sleep(4)
        disk.free()
        for made in calls:
            assert made.wait(20).state == "done"
        lab.kill("gateway")  # the supervisor's events, too
        eventually(lambda: is_ready(lab))


@needs_disk
def test_a_service_that_is_restarted_while_the_disk_is_full_starts_once_there_is_room(
    disk: SmallDisk,
) -> None:
    with start_lab(disk.folder) as lab:
        deploy_cat(lab)
        fill(disk, lab)
        with pytest.raises(LabError, match=r"The disk is full\."):
            lab.restart("queue-worker")
        disk.free()
        eventually(lambda: is_ready(lab), within=RECOVERY_SECONDS)
        lab.invoke_async("cat").wait(10)


@needs_disk
def test_a_service_can_be_killed_again_while_the_disk_is_full(disk: SmallDisk) -> None:
    with start_lab(disk.folder) as lab:
        deploy_cat(lab)
        fill(disk, lab)
        began = time.monotonic()
        for _ in range(3):
            lab.kill("queue-worker")
            time.sleep(0.5)
        assert time.monotonic() - began < 10
        disk.free()
        eventually(lambda: is_ready(lab), within=RECOVERY_SECONDS)
        lab.invoke_async("cat").wait(10)


@needs_disk
def test_a_write_that_failed_for_a_moment_is_noticed_and_got_over(disk: SmallDisk) -> None:
    with start_lab(disk.folder) as lab:
        deploy_cat(lab)
        pid = lab.status().service("nats-server").pid
        disk.fill()
        refusal(lab)
        disk.free()

        assert eventually(lambda: call(lab)[0] == 202, within=RECOVERY_SECONDS)
        assert lab.status().service("nats-server").pid != pid


@needs_disk
def test_a_disk_without_inodes_is_named_and_got_over(workspace: Path) -> None:
    with small_disk(workspace, "size=24m,nr_inodes=200") as disk, start_lab(disk.folder) as lab:
        deploy_cat(lab)
        used: list[Path] = []

        def use_up() -> bool:
            with suppress(OSError):
                while True:
                    used.append(disk.folder / f"used-{len(used)}")
                    used[-1].touch()
            return lab.status().state == "blocked"

        eventually(use_up, within=5)
        assert "The disk has no room for more files." in lab.status().service("nats-server").error

        for path in used:
            path.unlink(missing_ok=True)
        eventually(lambda: is_ready(lab), within=RECOVERY_SECONDS)
        assert lab.invoke_async("cat", b"after").result(20).text == "after"


@needs_disk
def test_a_start_on_a_full_disk_says_so_and_works_once_there_is_room(disk: SmallDisk) -> None:
    disk.fill()
    with pytest.raises(LabStartError, match="The disk is full") as failed:
        start_lab(disk.folder)
    assert str(disk.folder) in str(failed.value)
    assert "free some space" in failed.value.next_step
    disk.free()

    start_lab(disk.folder).stop()


@needs_disk
def test_a_start_on_a_full_disk_that_has_held_a_lab_says_so(disk: SmallDisk) -> None:
    start_lab(disk.folder).stop()
    disk.fill()
    with pytest.raises(LabStartError, match="The disk is full"):
        start_lab(disk.folder)
    disk.free()

    start_lab(disk.folder).stop()


@needs_disk
def test_a_start_on_a_read_only_disk_says_so(workspace: Path) -> None:
    with (
        small_disk(workspace, "size=24m,ro") as disk,
        pytest.raises(LabStartError, match="The disk is read-only") as failed,
    ):
        start_lab(disk.folder)
    assert str(workspace) in str(failed.value)


@needs_disk
@pytest.mark.parametrize("inodes", [2, 4, 6, 8, 12, 20, 30])
def test_a_start_without_inodes_says_so(workspace: Path, inodes: int) -> None:
    with (
        small_disk(workspace, f"size=24m,nr_inodes={inodes}") as disk,
        pytest.raises(LabStartError, match="The disk has no room for more files"),
    ):
        start_lab(disk.folder)


@needs_disk
@pytest.mark.parametrize("size", ["16k", "32k", "48k", "64k"])
def test_a_start_on_a_tiny_disk_says_so(workspace: Path, size: str) -> None:
    with (
        small_disk(workspace, f"size={size}") as disk,
        pytest.raises(LabStartError, match="The disk is full"),
    ):
        start_lab(disk.folder)


IN_THE_WAY = {
    ".labkit": "file",
    ".labkit/lock": "folder",
    ".labkit/logs": "file",
    ".labkit/run": "file",
    ".labkit/state.json": "folder",
    ".labkit/logs/supervisor.log": "folder",
    ".labkit/logs/nats-server.log": "folder",
    ".labkit/logs/gateway.log": "folder",
    ".labkit/logs/queue-worker.log": "folder",
    ".labkit/logs/inspector.log": "folder",
}


@pytest.mark.parametrize("name", IN_THE_WAY)
def test_what_is_in_the_way_of_a_start_is_named(workspace: Path, name: str) -> None:
    path = workspace / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if IN_THE_WAY[name] == "folder" else path.touch()
    with pytest.raises(LabStartError) as failed:
        start_lab(workspace)
    assert str(path) in str(failed.value)
    assert failed.value.next_step
    assert "bug" not in str(failed.value)
