"""Nothing outlives a lab, whatever a function did and whoever was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from eventually import eventually
from labs import STANDIN, call_async, deploy, owner_process, start_lab
from marked_processes import GONE_SECONDS, assert_gone, marked

from labkit.workspace import Workspace

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can find orphans")

ESCAPED = {
    "setsid": "exec setsid sleep 60",
    "a daemon": "setsid sleep 60 </dev/null >/dev/null 2>&1 & sleep 60",
    "without the environment": "env -i setsid sleep 60 & sleep 60",
    "a daemon's child": "setsid sh -c 'setsid sleep 60 & sleep 60' & sleep 60",
}


def sleepers(below: int) -> list[psutil.Process]:
    """Return the processes named sleep below a supervisor, also the unmarked."""
    found = [p for p in psutil.Process(below).children(recursive=True) if p.name() == "sleep"]
    return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]


def fork_servers(supervisor: int) -> list[psutil.Process]:
    found = psutil.Process(supervisor).children()
    return [process for process in found if "labkit_services.fork_server" in process.cmdline()]


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def guard_of(pid: int) -> int:
    """Return the process that guards a supervisor."""
    return psutil.Process(pid).ppid()


@linux_only
@pytest.mark.parametrize("victim", ["supervisor", "guard", "owner"])
@pytest.mark.parametrize("script", ESCAPED.values(), ids=ESCAPED)
def test_what_a_function_starts_with_setsid_does_not_outlive_the_lab(
    workspace: Path, mark: str, tmp_path: Path, script: str, victim: str
) -> None:
    count = script.count("sleep")
    (tmp_path / "escape.sh").write_text(script)
    with owner_process(workspace) as (owner, pid):
        lab = start_lab(workspace)
        deploy(lab, "escape", f"sh {tmp_path}/escape.sh")
        call_async(lab, "escape")
        eventually(lambda: len(sleepers(pid)) == count, within=10)
        started = sleepers(pid)
        os.kill({"supervisor": pid, "guard": guard_of(pid), "owner": owner.pid}[victim], signal.SIGKILL)
        eventually(lambda: not any(map(is_alive, started)), within=GONE_SECONDS)
        eventually(lambda: {p.pid for p in marked(mark)} <= {owner.pid}, within=GONE_SECONDS)
        lab.stop()


@linux_only
@pytest.mark.parametrize("script", ESCAPED.values(), ids=ESCAPED)
def test_what_a_function_starts_with_setsid_does_not_outlive_a_reset(
    workspace: Path, tmp_path: Path, script: str
) -> None:
    (tmp_path / "escape.sh").write_text(script)
    with start_lab(workspace) as lab:
        deploy(lab, "escape", f"sh {tmp_path}/escape.sh")
        call_async(lab, "escape")
        eventually(lambda: len(sleepers(lab.aio.state.pid)) == script.count("sleep"), within=10)
        services = fork_servers(lab.aio.state.pid)
        assert len(services) == 1
        lab.reset()

        assert sleepers(lab.aio.state.pid) == []
        assert fork_servers(lab.aio.state.pid) == services  # the lab's own are spared
        lab.deploy("cat", fprocess="cat")
        assert lab.invoke("cat", "hi").text == "hi"


@linux_only
@pytest.mark.parametrize("fork_server", ["1", "0"], ids=["forked", "spawned"])
@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.15, 0.2, 0.35, 0.5, 0.7])
def test_a_supervisor_killed_during_the_start_leaves_nothing(
    workspace: Path, mark: str, monkeypatch: pytest.MonkeyPatch, seconds: float, fork_server: str
) -> None:
    """Also not a gateway that does not watch its lifeline yet."""
    monkeypatch.setenv("LABKIT_FORK_SERVER", fork_server)
    code = f"import sys; sys.path.insert(0, {str(STANDIN.parent)!r})\n"
    code += f"from labs import start_lab\nstart_lab({str(workspace)!r})\n"
    code += "import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as owner:
        pid = eventually(lambda: Workspace(workspace).lock_holder(), within=10)
        assert pid
        time.sleep(seconds)
        killed = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: {p.pid for p in marked(mark)} <= {owner.pid}, within=1)
        print(f"gone after {time.monotonic() - killed:.2f} s")
        owner.kill()


@linux_only
def test_a_supervisor_that_hangs_ends_with_its_owner(workspace: Path, mark: str) -> None:
    with owner_process(workspace) as (owner, pid):
        os.kill(pid, signal.SIGSTOP)
        owner.kill()
        assert_gone(mark, within=5)


FORKS = {
    "os.fork": "if os.fork() == 0: time.sleep(60)",
    "two generations": "if os.fork() == 0: os.fork(); time.sleep(60)\ntime.sleep(0.5)",
    "ProcessPoolExecutor": """
from concurrent.futures import ProcessPoolExecutor
pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork"))
pool.submit(time.sleep, 60); pool.submit(time.sleep, 60); time.sleep(1)
""",
    "multiprocessing": """
multiprocessing.get_context("fork").Process(target=time.sleep, args=[60]).start()
""",
    "in a thread": """
def fork():
    if os.fork() == 0: time.sleep(60)
threading.Thread(target=fork).start(); time.sleep(0.5)
""",
}

FORKING = """
import multiprocessing, os, sys, threading, time
sys.path.insert(0, {here!r})
from labs import start_lab
lab = start_lab({workspace!r})
{code}
print(lab.aio.state.pid, flush=True)
time.sleep(60)
"""


@contextmanager
def forking_owner(workspace: Path, code: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    program = FORKING.format(here=str(STANDIN.parent), workspace=str(workspace), code=code)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None
            yield owner, int(owner.stdout.readline())
        finally:
            owner.kill()


@pytest.mark.parametrize("code", FORKS.values(), ids=FORKS)
def test_a_forked_child_does_not_keep_the_lab_of_a_killed_kernel(
    workspace: Path, mark: str, code: str
) -> None:
    with forking_owner(workspace, code) as (owner, supervisor):
        own = psutil.Process(owner.pid)
        forked = [p for p in own.children(recursive=True) if p.cmdline() == own.cmdline()]
        assert forked, "nothing was forked"
        owner.kill()
        try:
            eventually(lambda: {p.pid for p in marked(mark)} <= {p.pid for p in forked}, within=GONE_SECONDS)
        finally:
            for process in forked:
                process.kill()
        assert not psutil.pid_exists(supervisor)


USES = """
def use():
    assert lab.invoke("cat", "hi").text == "hi"
    assert lab.invoke_async("cat", "hi").result().text == "hi"
    assert lab.measure("cat", calls=1, mode="async", progress=False).calls[0].state == "done"
    assert not lab._async.is_owned
    lab.stop()
lab.deploy("cat", fprocess="cat")
use_by_parent = lambda: lab.invoke_async("cat", "hi").wait()
use_by_parent()
child = os.fork()
if not child:
    try:
        use()
        os._exit(0)
    except BaseException:
        import traceback; traceback.print_exc()
        os._exit(1)
_, status = os.waitpid(child, 0)
use_by_parent()
child = os.fork()
if not child:
    sys.exit()  # with the exit handlers
os.waitpid(child, 0)
use_by_parent()
print("child:", status, lab.status().state, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_forked_child_may_use_the_lab_and_does_not_end_it(workspace: Path, mark: str) -> None:
    program = FORKING.format(here=str(STANDIN.parent), workspace=str(workspace), code=USES)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert done.stdout == "child: 0 ready\n", done.stderr
    assert done.stderr == ""
    assert_gone(mark)
