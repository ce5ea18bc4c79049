"""What waits for something in a lab ends at once when the lab is reset or ends."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from labs import owner_process, start_lab

from labkit import Lab
from labkit.errors import LabError, LabGoneError, LabResetError

AT_ONCE_SECONDS = 1.0
"""Also on a busy machine; without a watch these waits last up to 120 s."""


def await_measure(lab: Lab) -> object:
    async def measure() -> object:
        return await lab.aio.measure("long", calls=2, mode="async")

    return asyncio.run(measure())


def await_call(lab: Lab) -> object:
    async def wait() -> object:
        return await (await lab.aio.invoke_async("long")).wait()

    return asyncio.run(wait())


WAITS: dict[str, Callable[[Lab], Any]] = {
    "measure": lambda lab: lab.measure("long", calls=2, progress=False),
    "measure with a bar": lambda lab: lab.measure("long", calls=2, mode="async"),
    "async measure": lambda lab: lab.measure("long", calls=2, mode="async", progress=False),
    "await measure": await_measure,
    "invoke": lambda lab: lab.invoke("long"),
    "call.wait": lambda lab: lab.invoke_async("long").wait(),
    "call.result": lambda lab: lab.invoke_async("long").result(),
    "await call.wait": await_call,
    "wait for an unknown call": lambda lab: lab.call("unknown").wait(),
    "bin.wait": lambda lab: lab.bin("b").wait(timeout=60),
    "bin.wait_all": lambda lab: lab.bin("b").wait_all(2, timeout=60),
    "fault.wait": lambda lab: lab.fault("inspector", "pause", after=30).wait(),
}


def command(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [Path(sys.executable).with_name("labkit"), "-w", workspace, *arguments]
    return subprocess.run([*map(str, line)], capture_output=True, text=True, timeout=30, check=True)


def errors_of_waits(lab: Lab, change: Callable[[], object]) -> dict[str, LabError]:
    """Make every kind of wait, then the change; return each wait's error."""
    lab.deploy("long", fprocess="sleep 60")
    begun = threading.Barrier(len(WAITS) + 1)
    ended: dict[str, float] = {}

    def wait(name: str) -> LabError:
        begun.wait(20)
        try:
            result = WAITS[name](lab)
        except LabError as error:
            return error
        finally:
            ended[name] = time.monotonic()
        raise AssertionError(f"{name} returned {result!r}")

    with ThreadPoolExecutor(len(WAITS)) as pool:
        futures = {name: pool.submit(wait, name) for name in WAITS}
        begun.wait(20)
        time.sleep(2)  # all of them wait for the lab by now
        assert ended == {}
        changed = time.monotonic()
        made = pool_of_one.submit(change)
        errors = {name: future.result(timeout=60) for name, future in futures.items()}
        made.result(timeout=60)
    print({name: round(at - changed, 2) for name, at in ended.items()})
    # The time of the command that makes the change counts, too.
    assert max(ended.values()) - changed < AT_ONCE_SECONDS + COMMAND_SECONDS, ended
    assert max(ended.values()) - min(ended.values()) < AT_ONCE_SECONDS, ended
    return errors


COMMAND_SECONDS = 1.0
pool_of_one = ThreadPoolExecutor(1)


def test_every_wait_ends_at_once_when_another_process_resets_the_lab(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        errors = errors_of_waits(lab, lambda: command(workspace, "reset"))
        for name, error in errors.items():
            assert type(error) is LabResetError, (name, error)
            pattern = r"The lab was reset at \d\d:\d\d:\d\d by labkit reset \(process \d+\)\."
            assert re.fullmatch(pattern, error.headline), (name, error.headline)
            assert "deploy the functions again" in error.next_step

        # The handle goes on with the lab that was reset.
        lab.deploy("cat", fprocess="cat")
        assert lab.measure("cat", calls=2, mode="async", progress=False).states["done"] == 2
        assert lab.bin("b").requests() == []
        assert {call.function for call in lab.calls()} == {"cat"}


def test_every_wait_ends_at_once_when_the_lab_is_stopped(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        errors = errors_of_waits(lab, lambda: command(workspace, "down"))
        for name, error in errors.items():
            assert type(error) is LabGoneError, (name, error)
            pattern = r"The lab ended at [\d:]{8}: it was stopped by labkit down \(process \d+\)\."
            assert re.fullmatch(pattern, error.headline), (name, error.headline)
            assert "Lab.start()" in error.next_step
        # What is asked later says so, too.
        for late in (lab.status, lambda: lab.invoke("cat"), lambda: lab.queue().pending):
            with pytest.raises(LabGoneError, match="it was stopped by labkit down"):
                late()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
def test_every_wait_ends_at_once_when_the_owner_of_the_lab_has_ended(
    workspace: Path, number: signal.Signals
) -> None:
    with owner_process(workspace) as (owner, _):
        lab = start_lab(workspace)
        errors = errors_of_waits(lab, lambda: owner.send_signal(number))
        for name, error in errors.items():
            assert type(error) is LabGoneError, (name, error)
            expected = f"python (process {owner.pid}) has ended, which started it."
            assert error.headline.endswith(expected), (name, error.headline)
        lab.stop()


def test_every_wait_ends_at_once_when_the_supervisor_is_killed(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        errors = errors_of_waits(lab, lambda: os.kill(lab.aio.state.pid, signal.SIGKILL))
        for name, error in errors.items():
            assert type(error) is LabGoneError, (name, error)
            assert error.seen == "its supervisor is not running any more", (name, error)


def test_a_wait_of_this_process_ends_when_it_resets_the_lab_in_another_thread(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        errors = errors_of_waits(lab, lab.reset)
        assert {type(error) for error in errors.values()} == {LabResetError}
        assert f"(process {os.getpid()})" in errors["measure"].headline


def test_a_notebook_is_named_as_the_one_that_reset_the_lab(workspace: Path) -> None:
    """A kernel knows its notebook from Jupyter's server."""
    code = f"""
import os, sys
os.environ["JPY_SESSION_NAME"] = "/home/x/notebooks/02-callbacks.ipynb"
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance().kernel = True
from labkit import Lab
Lab.attach({str(workspace)!r}).reset()
"""
    with start_lab(workspace) as lab:
        lab.deploy("long", fprocess="sleep 60")
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(lambda: lab.invoke("long"))
            time.sleep(0.5)
            subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
            with pytest.raises(LabResetError, match=r"by the notebook 02-callbacks\.ipynb \(process"):
                call.result(20)


def test_commands_that_wait_end_at_once_and_say_why(workspace: Path) -> None:
    labkit = str(Path(sys.executable).with_name("labkit"))
    with start_lab(workspace) as lab:
        lab.deploy("long", fprocess="sleep 60")
        call = lab.invoke_async("long")
        environment = {**os.environ, "LABKIT_WORKSPACE": str(workspace)}
        lines = [
            [labkit, "call", call.id, "--wait", "60"],
            [labkit, "call", call.id, "--result", "--wait", "60"],
            [labkit, "logs", "gateway", "--follow"],
        ]
        started = [
            subprocess.Popen(
                line, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
            )
            for line in lines
        ]
        try:
            time.sleep(3)
            assert [process.poll() for process in started] == [None] * len(lines)
            lab.reset()
            for process in started:
                _, errors = process.communicate(timeout=5)
                assert errors.startswith("The lab was reset at "), (process.args, errors)
                assert process.returncode == 1
        finally:
            for process in started:
                process.kill()
    eventually(lambda: all(process.poll() is not None for process in started))
