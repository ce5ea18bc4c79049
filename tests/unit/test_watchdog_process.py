"""Processes as the watchdog runs them, with every event loop and every way to see their end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest
import uvloop

from labkit_services.watchdog.command import CannotStartError, Command
from labkit_services.watchdog.exits import ExitWatcher, PidfdExits, SigchldExits, best_exit_watcher
from labkit_services.watchdog.process import Execution, Forker

DEADLINE = 20.0
BIG = os.urandom(1024 * 1024) * 8

Scenario = Callable[[Forker], Coroutine[Any, Any, None]]


class Run(Protocol):
    def __call__(self, scenario: Scenario, *, combine_output: bool = True) -> None: ...


@dataclass
class Seen:
    """An observer that writes down what it is told."""

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


@pytest.fixture(params=[PidfdExits, SigchldExits])
def run(request: pytest.FixtureRequest, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> Run:
    """Run a scenario with a forker, and check that nothing of it is left."""
    if request.param is PidfdExits and not hasattr(os, "pidfd_open"):
        pytest.skip("pidfds are Linux's")
    make_watcher: Callable[[asyncio.AbstractEventLoop], ExitWatcher] = request.param

    def run_scenario(scenario: Scenario, *, combine_output: bool = True) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            me = psutil.Process()
            descriptors, children = me.num_fds(), me.children()  # the tests' lab may be one
            forker = Forker(loop, make_watcher(loop), combine_output=combine_output)
            async with asyncio.timeout(DEADLINE):
                await scenario(forker)
            await forker.close()
            assert me.num_fds() == descriptors
            assert me.children() == children

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(main())

    return run_scenario


def command(*argv: str) -> Command:
    return Command(argv, os.environ["PATH"])


def shell(script: str) -> Command:
    return command("sh", "-c", script)


def start(forker: Forker, what: Command, body: bytes = b"", seen: Seen | None = None) -> Execution:
    return forker.start(what, {b"PATH": os.environb[b"PATH"], b"GREETING": b"hi"}, body, seen or Seen())


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"x" * 65536, BIG], ids=["none", "small", "a pipe full", "8 MiB"]
)
def test_what_goes_in_comes_out(run: Run, body: bytes) -> None:
    async def scenario(forker: Forker) -> None:
        outcome = await start(forker, command("cat"), body).wait()

        assert outcome.success
        assert outcome.output == body

    run(scenario)


def test_output_is_collected_while_input_is_still_fed(run: Run) -> None:
    async def scenario(forker: Forker) -> None:
        # Writes 4 MiB before it reads a byte: whoever fed it all first would wait for ever.
        what = shell("head -c 4194304 /dev/zero; cat >/dev/null; echo end")
        outcome = await start(forker, what, BIG).wait()

        assert len(outcome.output) == 4194304 + len("end\n")

    run(scenario)


def test_a_process_need_not_read_its_input(run: Run) -> None:
    async def scenario(forker: Forker) -> None:
        outcome = await start(forker, shell("exec <&-; echo done"), BIG).wait()

        assert (outcome.success, outcome.output) == (True, b"done\n")

    run(scenario)


def test_a_process_may_close_its_output_long_before_it_ends(run: Run) -> None:
    async def scenario(forker: Forker) -> None:
        outcome = await start(forker, shell("echo early; exec >&- 2>&-; sleep 0.2; exit 3")).wait()

        assert (outcome.describe(), outcome.output) == ("exit status 3", b"early\n")

    run(scenario)


def test_a_grandchild_with_the_pipe_delays_the_end(run: Run) -> None:
    async def scenario(forker: Forker) -> None:
        seen = Seen()
        execution = start(forker, shell("(sleep 0.3; echo late) & echo soon"), seen=seen)
        waiting = asyncio.create_task(execution.wait())
        await seen.ended.wait()

        assert not waiting.done()
        assert (await waiting).output == b"soon\nlate\n"

    run(scenario)


def test_stderr_is_combined_or_kept_apart(run: Run) -> None:
    async def combined(forker: Forker) -> None:
        outcome = await start(forker, shell("echo out; echo err >&2")).wait()
        assert (outcome.output, outcome.errors) == (b"out\nerr\n", b"")

    async def apart(forker: Forker) -> None:
        outcome = await start(forker, shell("echo out; echo err >&2")).wait()
        assert (outcome.output, outcome.errors) == (b"out\n", b"err\n")

    run(combined)
    run(apart, combine_output=False)


def test_the_environment_is_exactly_what_was_given(run: Run) -> None:
    async def scenario(forker: Forker) -> None:
        outcome = await start(forker, command("env")).wait()

        assert sorted(outcome.output.splitlines())[0] == b"GREETING=hi"
        assert b"HOME=" not in outcome.output

    run(scenario)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM])
def test_a_signal_that_we_ignore_ends_the_process(run: Run, number: signal.Signals) -> None:
    async def scenario(forker: Forker) -> None:
        seen = Seen()
        before = signal.signal(number, signal.SIG_IGN) if number != signal.SIGTERM else None
        try:
            await start(forker, shell(f"kill -{number.value} $$; sleep 5"), seen=seen).wait()
        finally:
            if before is not None:
                signal.signal(number, before)

        assert seen.codes == [-number]

    run(scenario)


def test_exit_codes_are_seen_even_if_sigchld_was_ignored_by_whoever_started_us(run: Run) -> None:
    async def scenario(forker: Forker) -> None:
        assert (await start(forker, shell("exit 5")).wait()).describe() == "exit status 5"

    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        run(scenario)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_killed_process_ends_at_once_and_is_reaped(run: Run) -> None:
    async def scenario(forker: Forker) -> None:
        seen = Seen()
        execution = start(forker, command("sleep", "60"), seen=seen)
        execution.kill()

        assert (await execution.wait()).describe() == "signal: killed"
        assert seen.codes == [-signal.SIGKILL]
        execution.kill()  # too late: must not reach whoever has the pid now

    run(scenario)


def test_an_abandoned_process_is_killed_and_reaped_in_the_background(run: Run) -> None:
    async def scenario(forker: Forker) -> None:
        seen = Seen()
        start(forker, command("sleep", "60"), BIG, seen).abandon()
        await seen.ended.wait()

        assert seen.codes == [-signal.SIGKILL]
        assert not psutil.pid_exists(seen.pids[0])

    run(scenario)


def test_many_at_once_are_all_answered_and_reaped(run: Run) -> None:
    async def scenario(forker: Forker) -> None:
        seen = Seen()
        bodies = [str(number).encode() for number in range(100)]
        started = [start(forker, command("cat"), body, seen) for body in bodies]

        assert [(await execution.wait()).output for execution in started] == bodies
        assert seen.codes == [0] * 100
        assert not any(map(psutil.pid_exists, seen.pids))

    run(scenario)


def test_closing_kills_and_reaps_what_still_runs(run: Run) -> None:
    async def scenario(forker: Forker) -> None:
        seen = Seen()
        for _ in range(3):
            start(forker, command("sleep", "60"), seen=seen)
        await forker.close()
        await forker.close()

        assert seen.codes == [-signal.SIGKILL] * 3

    run(scenario)


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (None, 0, "no such file or directory"),
        ("#!/bin/sh\n", 0o644, "permission denied"),
        ("not a program", 0o755, "exec format error"),
    ],
)
def test_what_cannot_start_says_why_and_leaves_nothing(
    run: Run, tmp_path: Path, content: str | None, mode: int, reason: str
) -> None:
    path = tmp_path / "program"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)

    async def scenario(forker: Forker) -> None:
        with pytest.raises(CannotStartError) as caught:
            start(forker, command(str(path)), BIG)

        assert caught.value.headline == f"fork/exec {path}: {reason}"

    run(scenario)


def test_a_nul_byte_in_the_environment_is_refused(run: Run) -> None:
    async def scenario(forker: Forker) -> None:
        with pytest.raises(CannotStartError, match="environment variable contains NUL"):
            forker.start(command("cat"), {b"Http_Path": b"/\0"}, b"", Seen())

    run(scenario)


def test_a_system_without_pidfds_falls_back_to_sigchld(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int) -> int:
        raise PermissionError("not in this sandbox")

    async def kind() -> type:
        watcher = best_exit_watcher(asyncio.get_running_loop())
        watcher.close()
        return type(watcher)

    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
    assert asyncio.run(kind()) is SigchldExits
