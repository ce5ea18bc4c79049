"""The watchdog's processes, with every event loop and every exit watcher."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from labkit_services.runtime.spool import Spool
from labkit_services.watchdog.command import CannotStartError, FunctionCommand
from labkit_services.watchdog.exit_watcher import (
    ExitWatcher,
    PidfdExitWatcher,
    SigchldExitWatcher,
    best_exit_watcher,
)
from labkit_services.watchdog.modes.buffered import BufferedProcess
from labkit_services.watchdog.spawner import Spawner

DEADLINE = 20.0
BIG = os.urandom(1024 * 1024) * 8

Scenario = Callable[[Spawner], Coroutine[Any, Any, None]]


Run = Callable[[Scenario], None]


@dataclass
class Recorder:
    """An observer that records its calls."""

    pids: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def started(self, pid: int) -> None:
        self.pids.append(pid)

    def exited(self, pid: int, code: int) -> None:
        assert pid in self.pids
        self.codes.append(code)
        self.ended.set()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    factory: Callable[[], asyncio.AbstractEventLoop] = request.param
    return factory


@pytest.fixture(params=[PidfdExitWatcher, SigchldExitWatcher])
def run(request: pytest.FixtureRequest, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> Run:
    """Run a scenario with a spawner; check that nothing is left."""
    if request.param is PidfdExitWatcher and not hasattr(os, "pidfd_open"):
        pytest.skip("pidfds are Linux's")
    make_watcher: Callable[[asyncio.AbstractEventLoop], ExitWatcher] = request.param

    def run_scenario(scenario: Scenario) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            me = psutil.Process()
            gc.collect()  # close now what earlier tests of this process have dropped
            descriptors, children = me.num_fds(), me.children()  # the tests' lab may be a child
            spawner = Spawner(loop, make_watcher(loop))
            async with asyncio.timeout(DEADLINE):
                await scenario(spawner)
            await spawner.close()
            assert me.num_fds() == descriptors
            assert me.children() == children

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(main())

    return run_scenario


def command(*argv: str) -> FunctionCommand:
    return FunctionCommand(argv, os.environ["PATH"])


def shell(script: str) -> FunctionCommand:
    return command("sh", "-c", script)


def start(
    spawner: Spawner,
    what: FunctionCommand,
    body: bytes = b"",
    recorder: Recorder | None = None,
    *,
    combine_output: bool = True,
) -> BufferedProcess:
    process = BufferedProcess(spawner, recorder or Recorder(), combine_output=combine_output)
    given = Spool.of([body])
    with contextlib.closing(given):
        process.start(what, {b"PATH": os.environb[b"PATH"], b"GREETING": b"hi"}, given)
    return process


def read(spool: Spool) -> bytes:
    """Return what a spool has kept, and close it."""
    data = b"".join(spool.parts())
    spool.close()
    return data


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"x" * 65536, BIG], ids=["none", "small", "a pipe full", "8 MiB"]
)
def test_the_output_of_cat_is_its_input(run: Run, body: bytes) -> None:
    async def scenario(spawner: Spawner) -> None:
        outcome = await start(spawner, command("cat"), body).wait()

        assert outcome.success
        assert read(outcome.output) == body

    run(scenario)


def test_output_is_read_while_input_is_still_being_written(run: Run) -> None:
    async def scenario(spawner: Spawner) -> None:
        # It writes 4 MiB before it reads a byte: writing all input first would never end.
        what = shell("head -c 4194304 /dev/zero; cat >/dev/null; echo end")
        outcome = await start(spawner, what, BIG).wait()

        assert len(read(outcome.output)) == 4194304 + len("end\n")

    run(scenario)


def test_a_process_need_not_read_its_input(run: Run) -> None:
    async def scenario(spawner: Spawner) -> None:
        outcome = await start(spawner, shell("exec <&-; echo done"), BIG).wait()

        assert (outcome.success, read(outcome.output)) == (True, b"done\n")

    run(scenario)


def test_a_process_may_close_its_output_long_before_it_exits(run: Run) -> None:
    async def scenario(spawner: Spawner) -> None:
        outcome = await start(spawner, shell("echo early; exec >&- 2>&-; sleep 0.2; exit 3")).wait()

        assert (outcome.describe(), read(outcome.output)) == ("exit status 3", b"early\n")

    run(scenario)


def test_a_grandchild_that_holds_the_pipe_delays_the_end(run: Run) -> None:
    async def scenario(spawner: Spawner) -> None:
        recorder = Recorder()
        process = start(spawner, shell("(sleep 0.3; echo late) & echo soon"), recorder=recorder)
        waiting = asyncio.create_task(process.wait())
        await recorder.ended.wait()

        assert not waiting.done()
        assert read((await waiting).output) == b"soon\nlate\n"

    run(scenario)


def test_stderr_is_combined_with_stdout_or_separate(run: Run) -> None:
    async def combined(spawner: Spawner) -> None:
        outcome = await start(spawner, shell("echo out; echo err >&2")).wait()
        assert (read(outcome.output), outcome.errors) == (b"out\nerr\n", b"")

    async def apart(spawner: Spawner) -> None:
        outcome = await start(spawner, shell("echo out; echo err >&2"), combine_output=False).wait()
        assert (read(outcome.output), outcome.errors) == (b"out\n", b"err\n")

    run(combined)
    run(apart)


def test_the_environment_is_exactly_the_given_one(run: Run) -> None:
    async def scenario(spawner: Spawner) -> None:
        outcome = await start(spawner, command("env")).wait()

        output = read(outcome.output)
        assert sorted(output.splitlines())[0] == b"GREETING=hi"
        assert b"HOME=" not in output

    run(scenario)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM])
def test_a_signal_that_the_watchdog_ignores_ends_the_process(run: Run, number: signal.Signals) -> None:
    async def scenario(spawner: Spawner) -> None:
        recorder = Recorder()
        before = signal.signal(number, signal.SIG_IGN) if number != signal.SIGTERM else None
        try:
            await start(spawner, shell(f"kill -{number.value} $$; sleep 5"), recorder=recorder).wait()
        finally:
            if before is not None:
                signal.signal(number, before)

        assert recorder.codes == [-number]

    run(scenario)


def test_exit_codes_are_known_even_if_our_parent_ignored_sigchld(run: Run) -> None:
    async def scenario(spawner: Spawner) -> None:
        assert (await start(spawner, shell("exit 5")).wait()).describe() == "exit status 5"

    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        run(scenario)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_killed_process_exits_at_once_and_is_reaped(run: Run) -> None:
    async def scenario(spawner: Spawner) -> None:
        recorder = Recorder()
        process = start(spawner, command("sleep", "60"), recorder=recorder)
        process.kill()

        assert (await process.wait()).describe() == "signal: killed"
        assert recorder.codes == [-signal.SIGKILL]
        process.kill()  # too late: it must not reach another process with this pid

    run(scenario)


def test_an_abandoned_process_is_killed_and_reaped_in_the_background(run: Run) -> None:
    async def scenario(spawner: Spawner) -> None:
        recorder = Recorder()
        start(spawner, command("sleep", "60"), BIG, recorder).abandon()
        await recorder.ended.wait()

        assert recorder.codes == [-signal.SIGKILL]
        assert not psutil.pid_exists(recorder.pids[0])

    run(scenario)


def test_many_concurrent_processes_are_all_awaited_and_reaped(run: Run) -> None:
    async def scenario(spawner: Spawner) -> None:
        recorder = Recorder()
        bodies = [str(number).encode() for number in range(100)]
        started = [start(spawner, command("cat"), body, recorder) for body in bodies]

        assert [read((await process.wait()).output) for process in started] == bodies
        assert recorder.codes == [0] * 100
        assert not any(map(psutil.pid_exists, recorder.pids))

    run(scenario)


def test_close_kills_and_reaps_the_processes_that_still_run(run: Run) -> None:
    async def scenario(spawner: Spawner) -> None:
        recorder = Recorder()
        for _ in range(3):
            start(spawner, command("sleep", "60"), recorder=recorder)
        await spawner.close()
        await spawner.close()

        assert recorder.codes == [-signal.SIGKILL] * 3

    run(scenario)


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (None, 0, "no such file or directory"),
        ("#!/bin/sh\n", 0o644, "permission denied"),
        ("not a program", 0o755, "exec format error"),
    ],
)
def test_a_program_that_cannot_start_raises_the_reason_and_leaves_nothing_behind(
    run: Run, tmp_path: Path, content: str | None, mode: int, reason: str
) -> None:
    path = tmp_path / "program"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)

    async def scenario(spawner: Spawner) -> None:
        with pytest.raises(CannotStartError) as caught:
            start(spawner, command(str(path)), BIG)

        assert caught.value.headline == f"fork/exec {path}: {reason}"

    run(scenario)


def test_a_nul_byte_in_the_environment_is_an_error(run: Run) -> None:
    async def scenario(spawner: Spawner) -> None:
        with pytest.raises(CannotStartError, match="environment variable contains NUL"):
            BufferedProcess(spawner, Recorder()).start(command("cat"), {b"Http_Path": b"/\0"}, Spool())

    run(scenario)


def test_a_system_without_pidfds_falls_back_to_sigchld(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int) -> int:
        raise PermissionError("not in this sandbox")

    async def kind() -> type:
        watcher = best_exit_watcher(asyncio.get_running_loop())
        watcher.close()
        return type(watcher)

    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
    assert asyncio.run(kind()) is SigchldExitWatcher
