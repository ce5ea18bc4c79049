"""A forked process equals a spawned one, and has an exit code."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from eventually import eventually

from labkit_services.fork_server import client as forking
from labkit_services.fork_server.client import Forked, ForkRequest, fork

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the fork server needs Linux"),
]

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-P", "-m"]
LAST_LINE = b"the last line\n"


@pytest.fixture(params=[True, False], ids=["uvloop", "asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The gateway uses uvloop, the supervisor asyncio's own loop."""
    return "asyncio", {"use_uvloop": request.param}


def environment(**more: str) -> dict[str, str]:
    """Return the probe's variables, and those that mark a test's process."""
    marks = {name: value for name, value in os.environ.items() if name.startswith("LABKIT_TEST")}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE), "ENDING": "0", **marks, **more}


class RunningForkServer:
    """A fork server for one test."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [*COMMAND, "labkit_services.fork_server", str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env=environment(SERVER="its own"),
                process_group=0,
            )
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline())["ready"] == "fork-server"

    def end_lifeline(self) -> None:
        """Close the write end of its lifeline."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for end in (self.process.stdin, self.process.stdout, self.control):
            end.close()


@pytest.fixture
def server() -> Iterator[RunningForkServer]:
    server = RunningForkServer()
    yield server
    server.kill()


class Pipes:
    """Three pipes to a process, as the gateway has to a watchdog."""

    def __init__(self) -> None:
        source, lifeline = os.pipe()
        output, sink = os.pipe()
        errors, complaints = os.pipe()
        self.theirs = (source, sink, complaints)
        self.lifeline = os.fdopen(lifeline, "wb")
        self.output = os.fdopen(output, "rb")
        self.errors = os.fdopen(errors, "rb")

    def started(self) -> None:
        for descriptor in self.theirs:
            os.close(descriptor)
        self.theirs = ()

    def close(self) -> None:
        self.started()
        for file in (self.lifeline, self.output, self.errors):
            file.close()

    def description(self) -> dict[str, Any]:
        """Return the probe's description of its process."""
        description: dict[str, Any] = json.loads(self.output.readline())
        return description


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    pipes = Pipes()
    yield pipes
    pipes.close()


async def request_fork(
    server: RunningForkServer, pipes: Pipes, folder: Path, module: str = "probe", **more: str
) -> Forked | None:
    request = ForkRequest(module, environment(**more), str(folder), (0, 1, 2))
    try:
        return await fork(server.control, request, pipes.theirs)
    finally:
        pipes.started()


@asynccontextmanager
async def forked(
    server: RunningForkServer, pipes: Pipes, folder: Path, module: str = "probe", **more: str
) -> AsyncIterator[Forked]:
    """Fork the probe; release it at the end."""
    process = await request_fork(server, pipes, folder, module, **more)
    assert process is not None
    try:
        yield process
    finally:
        process.release()


def spawned(folder: Path, **more: str) -> dict[str, Any]:
    """Return the description of a spawned probe."""
    pipes = Pipes()
    source, sink, complaints = pipes.theirs
    with subprocess.Popen(
        [*COMMAND, "probe"],
        stdin=source,
        stdout=sink,
        stderr=complaints,
        cwd=folder,
        env=environment(**more),
        process_group=0,
    ):
        description = pipes.description()
        pipes.close()
        return description


async def test_a_forked_process_is_like_a_spawned_one(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    more = {"TZ": "Asia/Tokyo", "LATIN": os.fsdecode(b"caf\xe9"), "EMPTY": "", "LANG": "C.UTF-8"}
    expected = spawned(tmp_path, **more)
    async with forked(server, pipes, tmp_path, **more) as process:
        description = pipes.description()

    assert description["pid"] == process.pid
    assert description["same"] == expected["same"]
    assert [
        description["has the modules that services share"],
        expected["has the modules that services share"],
    ] == [True, False]


async def test_forked_processes_have_different_random_numbers(
    server: RunningForkServer, tmp_path: Path
) -> None:
    drawn = []
    for _ in range(2):
        pipes = Pipes()
        async with forked(server, pipes, tmp_path):
            drawn.append(pipes.description()["random"])
        pipes.close()

    assert drawn[0] != drawn[1]


async def test_ps_shows_the_command_line_of_the_module(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    async with forked(server, pipes, tmp_path, ENDING="lifeline") as child:
        pipes.description()
        process = psutil.Process(child.pid)

        assert process.name() == "probe"
        assert process.cmdline()[:4] == [*COMMAND, "probe"]
        assert process.ppid() == server.process.pid


async def test_the_exit_code_is_reported_and_the_pid_is_kept_until_release(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    async with forked(server, pipes, tmp_path, ENDING="3") as process:
        assert await process.wait() == 3
        assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE

    eventually(lambda: not psutil.pid_exists(process.pid), within=5)


async def test_a_signal_is_reported_as_a_negative_exit_code(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    async with forked(server, pipes, tmp_path, ENDING="lifeline") as process:
        os.killpg(process.pid, signal.SIGKILL)

        assert await process.wait() == -signal.SIGKILL


async def test_a_released_process_is_reaped_without_wait(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    async with forked(server, pipes, tmp_path) as process:
        pass

    eventually(lambda: not psutil.pid_exists(process.pid), within=5)


async def test_buffered_output_is_written_once(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    async with forked(server, pipes, tmp_path) as process:
        pipes.description()
        await process.wait()

        assert pipes.output.read() == LAST_LINE
        assert pipes.errors.read() == b""


async def test_further_descriptors_keep_their_numbers(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    # Numbers that are probably in use in the fork server.
    numbers = (0, 1, 2, 5, 4, 3, 6)
    request = ForkRequest("probe", environment(), str(tmp_path), numbers)
    file = os.open(tmp_path / "file", os.O_CREAT)
    process = await fork(server.control, request, (*pipes.theirs, *[file] * 4))
    os.close(file)
    pipes.started()
    assert process is not None
    opened = pipes.description()["same"]["descriptors"]
    process.release()

    assert sorted(opened) == ["0", "1", "2", "3", "4", "5", "6"]
    assert {opened[number] for number in "3456"} == {str(tmp_path / "file")}


async def test_a_missing_folder_is_an_error_of_the_request(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        await request_fork(server, pipes, tmp_path / "nowhere")


async def test_an_import_error_is_on_the_process_s_standard_error(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    async with forked(server, pipes, tmp_path, "labkit_services.none_such") as process:
        assert await process.wait() == 1

    assert b"No module named 'labkit_services.none_such'" in pipes.errors.read()


async def test_a_request_that_is_too_long_returns_none(server: RunningForkServer, tmp_path: Path) -> None:
    for length, is_forked in ((100_000, True), (1_000_000, False), (10, True)):
        pipes = Pipes()
        process = await request_fork(server, pipes, tmp_path, LONG="x" * length)
        if process is not None:
            process.release()
        pipes.close()

        assert (process is not None) is is_forked, length


async def test_without_a_fork_server_the_request_returns_none(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    server.process.kill()
    server.process.wait()

    assert await request_fork(server, pipes, tmp_path) is None


async def test_children_of_a_killed_fork_server_live_on_without_an_exit_code(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    async with forked(server, pipes, tmp_path, ENDING="lifeline") as process:
        pipes.description()
        server.process.kill()
        server.process.wait()
        assert psutil.Process(process.pid).is_running()
        pipes.lifeline.close()

        assert await process.wait() is None
        assert pipes.output.read() == LAST_LINE


async def test_an_exit_is_noticed_while_the_fork_server_is_stopped(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forking, "_EXIT_CODE_SECONDS", 0.1)
    async with forked(server, pipes, tmp_path, ENDING="lifeline") as process:
        server.process.send_signal(signal.SIGSTOP)
        pipes.lifeline.close()

        assert await process.wait() is None


async def test_the_end_of_its_lifeline_ends_the_fork_server_but_not_its_children(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path
) -> None:
    async with forked(server, pipes, tmp_path, ENDING="lifeline"):
        pipes.description()
        server.end_lifeline()
        assert server.process.wait(5) == 0
        pipes.lifeline.close()

        assert pipes.output.read() == LAST_LINE


async def test_a_request_that_timed_out_starts_no_process_later(
    server: RunningForkServer, pipes: Pipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forking, "REPLY_TIMEOUT_SECONDS", 0.1)
    server.process.send_signal(signal.SIGSTOP)
    assert await request_fork(server, pipes, tmp_path, ENDING="lifeline") is None
    server.process.send_signal(signal.SIGCONT)

    assert pipes.output.read() == b""
