"""A notebook's lab, and every way in which its kernel can end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from eventually import eventually
from kernels import CELL_SECONDS, START, Notebook, has_begun, iopub, outputs
from marked_processes import assert_gone, marked

from labkit.workspace import Workspace


@pytest.fixture
def notebook(workspace: Path) -> Iterator[Notebook]:
    notebook = Notebook(workspace)
    yield notebook
    notebook.end()


def lab_processes(mark: str, notebook: Notebook) -> list[psutil.Process]:
    """Return the marked processes that Jupyter itself did not start."""
    kernel = notebook.manager.provisioner.pid if notebook.manager.has_kernel else 0
    return [process for process in marked(mark) if process.pid != kernel]


@pytest.mark.parametrize(
    "blocking",
    [
        "import time; time.sleep(20)",
        "import asyncio; lab_loop.background_loop().run(asyncio.sleep(20), 30)",
    ],
    ids=["a plain cell", "a cell that waits for the background loop"],
)
def test_the_stop_button_interrupts_the_cell_but_not_the_lab(notebook: Notebook, blocking: str) -> None:
    pid = notebook.start_lab()
    request = notebook.client.execute(f"print('begun', flush=True)\n{blocking}", stop_on_error=False)
    eventually(lambda: has_begun(notebook))
    notebook.manager.interrupt_kernel()

    assert notebook.reply(request)["ename"] == "KeyboardInterrupt"
    notebook.run_well("assert lab.status().state == 'ready', lab.status()")
    assert Workspace(notebook.workspace).lock_holder() == pid


def test_running_the_first_cell_again_keeps_the_lab(notebook: Notebook) -> None:
    assert notebook.start_lab() == notebook.start_lab()


def test_widgets_are_imported_before_the_first_view_is_shown(notebook: Notebook) -> None:
    notebook.start_lab()
    imported = "import sys; assert 'labkit.live.card' in sys.modules"

    eventually(lambda: notebook.run(imported)["status"] == "ok", within=10, what="the widgets imported")


@pytest.mark.parametrize("now", [False, True], ids=["restart", "restart now"])
def test_a_restart_ends_the_lab_and_the_first_cell_starts_another(
    notebook: Notebook, mark: str, now: bool
) -> None:
    pid = notebook.start_lab()
    notebook.manager.restart_kernel(now=now)
    eventually(lambda: not lab_processes(mark, notebook), within=3, what="no process of the lab left")
    notebook.client.wait_for_ready(timeout=CELL_SECONDS)

    assert notebook.start_lab() != pid


def test_the_first_cell_can_run_while_the_previous_lab_is_stopping(notebook: Notebook) -> None:
    pid = notebook.start_lab()
    notebook.manager.restart_kernel(now=True)
    notebook.client.wait_for_ready(timeout=CELL_SECONDS)

    assert notebook.start_lab() != pid


@pytest.mark.parametrize("now", [False, True], ids=["shutdown", "nbval's end"])
def test_a_shutdown_leaves_no_process(notebook: Notebook, mark: str, now: bool) -> None:
    notebook.start_lab()
    notebook.manager.shutdown_kernel(now=now)
    assert_gone(mark)


def test_a_killed_kernel_leaves_no_process(notebook: Notebook, mark: str) -> None:
    notebook.start_lab()
    os.kill(notebook.manager.provisioner.pid, signal.SIGKILL)
    eventually(lambda: not lab_processes(mark, notebook), within=3, what="no process of the lab left")


def test_a_killed_lab_is_an_error_that_names_the_first_cell_which_starts_another(notebook: Notebook) -> None:
    pid = notebook.start_lab()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not Workspace(notebook.workspace).is_locked(), within=3)
    reply = notebook.run("lab.status()")

    assert reply["ename"] == "LabGoneError"
    # A learner sees the message, not a traceback.
    assert len(reply["traceback"]) == 1
    assert "run the notebook's first cell again" in reply["traceback"][0]
    assert notebook.start_lab() != pid


def test_commands_in_a_cell_find_the_lab(notebook: Notebook) -> None:
    notebook.start_lab()
    code = "import os; assert os.environ['OPENFAAS_URL'] == lab.gateway_url; import shutil; "
    code += "assert shutil.which('faas-cli').startswith(sys.prefix)"

    notebook.run_well(code)


def test_the_stop_button_ends_a_bash_cell_at_the_line_that_runs(notebook: Notebook) -> None:
    notebook.start_lab()
    notebook.run_well("lab.deploy('nap', fprocess='sleep 2')")
    cell = (
        "%%bash\necho begun\nfor i in 1 2 3; do\n  faas-cli invoke nap </dev/null\n  echo $i >> lines\ndone"
    )
    request = notebook.client.execute(cell, stop_on_error=False)
    eventually(lambda: has_begun(notebook))
    time.sleep(0.7)
    notebook.manager.interrupt_kernel()

    notebook.reply(request)
    time.sleep(3)  # in which the next line would run
    assert not (notebook.workspace / "lines").exists()
    notebook.run_well("assert len([c for c in lab.calls() if c.function == 'nap']) == 1, lab.calls()")


def test_the_progress_bar_is_text_so_that_a_saved_notebook_shows_it(notebook: Notebook) -> None:
    notebook.start_lab()
    notebook.run_well("lab.deploy('quick', fprocess='true')")
    iopub(notebook)

    notebook.run_well("lab.measure('quick', calls=3)")

    shown = iopub(notebook)
    text = "".join(message["content"]["text"] for message in shown if message["msg_type"] == "stream")
    assert "3/3" in text
    assert {message["content"]["name"] for message in shown if message["msg_type"] == "stream"} == {"stdout"}
    assert [message for message in shown if message["msg_type"].startswith(("comm_", "display_data"))] == []


# -- the stop button during each blocking call

NAP = "lab.deploy('nap', fprocess='sleep 1'); lab.invoke('nap'); lab.bin('b')"
BLOCKING = {
    "measure": ("lab.measure('nap')", "stopped after 1 of 10 synchronous calls of nap"),
    "measure without a bar": ("lab.measure('nap', progress=False)", "stopped after 1 of 10"),
    "async measure": (
        "lab.measure('nap', mode='async')",
        "stopped; 10 of 10 asynchronous calls of nap were accepted, 9 of them are not over",
    ),
    "call.wait": ("lab.call('unknown').wait()", "wait was interrupted"),
    "call.result": (
        "lab.deploy('long', fprocess='sleep 9'); lab.invoke_async('long').result()",
        "result was",
    ),
    "bin.wait": ("lab.bin('b').wait(timeout=20)", "wait was interrupted"),
    "invoke": ("lab.deploy('long', fprocess='sleep 9'); lab.invoke('long')", "invoke was interrupted"),
    "fault.wait": ("lab.fault('worker', 'pause', seconds=4).wait()", "goes on, and ends by itself"),
    "begin of a fault": ("with lab.slow_network(0.1): import time; time.sleep(9)", ""),
    "body of a fault": ("with lab.nats.stopped(): import time; time.sleep(9)", ""),
    "await": ("await lab.aio.measure('nap')", "measure was interrupted"),
    "await a call": ("await lab.aio.call('unknown').wait()", "wait was interrupted"),
}


@pytest.mark.parametrize("presses", [1, 2], ids=["once", "twice"])
def test_the_stop_button_ends_each_blocking_call_with_a_line(notebook: Notebook, presses: int) -> None:
    notebook.start_lab()
    notebook.run_well(NAP)
    for name, (code, text) in BLOCKING.items():
        request = notebook.client.execute(f"print('begun', flush=True)\n{code}", stop_on_error=False)
        eventually(lambda: has_begun(notebook))
        time.sleep(1.5)
        began = time.monotonic()
        for _ in range(presses):
            notebook.manager.interrupt_kernel()
            time.sleep(0.1)
        print("interrupted:", name)
        reply = notebook.reply(request)

        assert time.monotonic() - began < 4, name
        assert reply["ename"] in ("KeyboardInterrupt", "CancelledError"), (name, reply)
        assert text in reply["evalue"], name
        traceback = "\n".join(reply["traceback"])
        assert "labkit/lab" not in traceback, (name, traceback)
        # A second press may interrupt IPython in showing the first one, in a learner's own code.
        assert name == "body of a fault" or traceback.count("\n") < 8, (name, traceback)
        printed = outputs(notebook)
        assert not re.search("Task|Traceback|never|Exception|coroutine", printed), (name, printed)
        notebook.run_well("lab.queue().cancel_calls()" if "nats" not in code else "lab.status()")
    notebook.run_well("import time; time.sleep(2)")
    notebook.run_well("assert lab.status().state == 'ready' and not lab.status().faults, lab.status()")
    notebook.run_well("assert lab.measure('nap', calls=1, mode='async').states['done'] == 1")


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.15, 0.3])
def test_the_stop_button_lets_a_reset_and_a_stop_finish(
    notebook: Notebook, mark: str, seconds: float
) -> None:
    notebook.start_lab()
    for code in ("lab.reset()", "lab.stop()"):
        request = notebook.client.execute(f"print('begun', flush=True)\n{code}", stop_on_error=False)
        eventually(lambda: has_begun(notebook))
        time.sleep(seconds)
        notebook.manager.interrupt_kernel()
        reply = notebook.reply(request)
        assert reply["status"] == "ok" or reply["ename"] == "KeyboardInterrupt"
        if code == "lab.reset()":
            # The cell has ended within a second; the reset goes on for a while.
            notebook.run_well(
                "import time\n"
                "until = time.monotonic() + 20\n"
                "while lab.status().state != 'ready' and time.monotonic() < until: time.sleep(0.1)\n"
                "assert lab.status().state == 'ready' and lab.functions() == []"
            )
    eventually(lambda: not lab_processes(mark, notebook), within=3, what="no process of the lab left")


def test_an_interrupted_script_says_no_more_than_where(workspace: Path, mark: str) -> None:
    code = START.format(here=str(Path(__file__).parent), workspace=str(workspace))
    code += "lab.deploy('nap', fprocess='sleep 1')\nlab.invoke('nap')\nprint('begun', flush=True)\n"
    code += "lab.measure('nap', progress=False)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)

    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt: stopped after 1 of 10 synchronous calls of nap" in errors
    assert "Task" not in errors
    assert errors.count("\n") < 20, errors
    assert_gone(mark)
