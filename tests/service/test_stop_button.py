"""The stop button ends whatever of the lab a cell waits for, within a second."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator

import psutil
import pytest
from eventually import eventually
from kernels import Notebook, has_begun, outputs
from test_function_cells import FIRST_CELL, value

SETUP = """
lab.deploy('quick', fprocess='cat')
lab.deploy('long', fprocess='sleep 30')
lab.deploy('nap', fprocess='sleep 4')
b = lab.bin('b')
responses = b.respond(200)
hold = lab.bin('h').hold()
import httpx
httpx.post(b.url, content='x')
captured = b.requests()[0]
done = lab.invoke_async('quick')
done.wait()
recording = lab.record('run.jsonl')
record_too = lab.record('other.jsonl')
han = 'def handle(event, context): return 1'
"""
NOTHING = "nothing was changed"
GOES_ON = "the call goes on"
CAPTURES = "the bin goes on capturing"
CASES = {
    # what waits by itself
    ("", "lab.call('unknown').wait()", f"call.wait was interrupted; {GOES_ON}"),
    ("", "lab.invoke_async('long').wait()", f"call.wait was interrupted; {GOES_ON}"),
    ("", "lab.invoke_async('long').result()", f"call.result was interrupted; {GOES_ON}"),
    ("", "lab.invoke('long')", "lab.invoke was interrupted; the function may go on"),
    ("", "b.wait(function='none')", f"bin.wait was interrupted; {CAPTURES}"),
    ("", "b.wait_all(9, function='none')", f"bin.wait_all was interrupted; {CAPTURES}"),
    ("", "b.never(function='none', within=20)", f"bin.never was interrupted; {CAPTURES}"),
    ("", "b.verify(9, within=20, function='none')", f"bin.verify was interrupted; {CAPTURES}"),
    ("", "lab.measure('long', calls=2)", "stopped after 0 of 2 synchronous calls of long"),
    ("", "lab.measure('long', calls=2, mode='async')", "2 of them are not over and stay queued"),
    ("", "lab.fault('worker', 'pause', seconds=9).wait()", "goes on, and ends by itself"),
    (
        "",
        "with lab.worker.paused():\n    lab.invoke_async('quick').wait()",
        f"call.wait was interrupted; {GOES_ON}",
    ),
    ("", "with lab.record('third.jsonl'):\n    lab.invoke('long')", "lab.invoke was interrupted"),
    (
        "",
        "with lab.fault('inspector', 'pause', seconds=5):\n    lab.call('unknown').wait()",
        f"call.wait was interrupted; {GOES_ON}; pause of inspector ends by itself",
    ),
    (
        "",
        "with lab.slow_network():\n    lab.invoke_async('nap').wait()",
        f"call.wait was interrupted; {GOES_ON}; the fault is ending, which takes a few seconds",
    ),
    (
        "",
        "async with lab.aio.slow_network():\n    c = await lab.aio.invoke_async('nap')\n    await c.wait()",
        f"call.wait was interrupted; {GOES_ON}; the fault is ending, which takes a few seconds",
    ),
    ("", "await lab.aio.call('unknown').wait()", f"call.wait was interrupted; {GOES_ON}"),
    ("", "await lab.aio.invoke('long')", "lab.invoke was interrupted"),
    ("", "await (await lab.aio.bin('b')).wait(function='none')", f"bin.wait was interrupted; {CAPTURES}"),
    (
        "",
        "async with lab.aio.worker.paused():\n    await lab.aio.call('unknown').wait()",
        "call.wait was interrupted",
    ),
    (
        "",
        "%%function slow\nimport time\ntime.sleep(20)\ndef handle(event, context): pass",
        "interrupted; slow ",
    ),
    ("", "!faas-cli invoke long < /dev/null", ""),
    # what waits for a service that does not answer
    (
        "gateway",
        "lab.deploy('other', fprocess='cat')",
        "lab.deploy was interrupted; the function may be deployed or not",
    ),
    (
        "gateway",
        "lab.deploy_flaky()",
        "lab.deploy_flaky was interrupted; the function may be deployed or not",
    ),
    ("gateway", "lab.deploy_handler('other', han)", "interrupted; other may be deployed or not"),
    ("gateway", "lab.remove('other')", "lab.remove was interrupted; the function may be removed or not"),
    ("gateway", "lab.functions()", f"lab.functions was interrupted; {NOTHING}"),
    (
        "gateway",
        "lab.invoke_async('quick')",
        "lab.invoke_async was interrupted; the call may be queued or not",
    ),
    ("gateway", "lab.logs('quick')", f"lab.logs was interrupted; {NOTHING}"),
    ("gateway", "lab.queues()", f"lab.queues was interrupted; {NOTHING}"),
    ("gateway", "lab.queue().status()", f"queue.status was interrupted; {NOTHING}"),
    ("gateway", "lab.queue().dead_letters()", f"queue.dead_letters was interrupted; {NOTHING}"),
    ("gateway", "lab.queue().redrive()", "queue.redrive was interrupted; the queue may have changed or not"),
    ("gateway", "lab.queue().purge()", "queue.purge was interrupted; the queue may have changed or not"),
    (
        "gateway",
        "lab.queue().cancel_calls()",
        "queue.cancel_calls was interrupted; the queue may have changed",
    ),
    (
        "gateway",
        "lab.queue().max_inflight = 1",
        "set_max_inflight was interrupted; the queue may have changed",
    ),
    (
        "gateway",
        "lab.set_max_inflight(1)",
        "lab.set_max_inflight was interrupted; the queue may have changed",
    ),
    ("gateway", "lab.queue()", "queue.status was interrupted"),
    ("gateway", "done.explain()", f"call.explain was interrupted; {GOES_ON}"),
    ("gateway", "done.result()", f"call.result was interrupted; {GOES_ON}"),
    ("gateway", "done.cancel()", "call.cancel was interrupted; the call may be cancelled or not"),
    ("gateway", "await lab.aio.functions()", f"lab.functions was interrupted; {NOTHING}"),
    ("inspector", "lab.bin('new')", "lab.bin was interrupted; the bin may exist or not"),
    ("inspector", "b.requests()", f"bin.requests was interrupted; {NOTHING}"),
    ("inspector", "b.clear()", "bin.clear was interrupted; the bin may have changed or not"),
    ("inspector", "b.respond(200)", "bin.respond was interrupted; the bin may have changed or not"),
    ("inspector", "b.respond_as_usual()", "bin.respond_as_usual was interrupted; the bin may have changed"),
    ("inspector", "b.hold()", "bin.hold was interrupted; the bin may have changed or not"),
    (
        "inspector",
        "b.forward(lab.gateway_url)",
        "bin.forward was interrupted; the bin may have changed or not",
    ),
    ("inspector", "b.verify(1)", f"bin.verify was interrupted; {CAPTURES}"),
    ("inspector", "b.to_har('a.har')", "bin.to_har was interrupted; the file may be incomplete"),
    (
        "inspector",
        "captured.replay()",
        "request.replay was interrupted; the replay may have been sent or not",
    ),
    ("inspector", "captured.annotate('note')", "request.annotate was interrupted; the bin may have changed"),
    ("inspector", "with b.down():\n    pass", "interrupted before the block; what had begun is undone"),
    (
        "inspector",
        "recording.stop()",
        "recording.stop was interrupted; the record may lack its last requests",
    ),
    ("nats-server", "lab.calls()", f"lab.calls was interrupted; {NOTHING}"),
    ("nats-server", "lab.timeline()", "lab.timeline was interrupted"),
    ("nats-server", "lab.faults()", f"lab.faults was interrupted; {NOTHING}"),
    ("nats-server", "lab.record('fourth.jsonl')", "lab.record was interrupted; nothing is recorded"),
    ("nats-server", "done.status()", f"call.status was interrupted; {GOES_ON}"),
    ("nats-server", "done.timeline()", f"call.timeline was interrupted; {GOES_ON}"),
    ("supervisor", "lab.status()", f"lab.status was interrupted; {NOTHING}"),
    ("supervisor", "lab.restart('gateway')", "lab.restart was interrupted; it may have taken effect or not"),
    ("supervisor", "lab.kill('worker')", "lab.kill was interrupted; it may have taken effect or not"),
    (
        "supervisor",
        "lab.scale_workers(1)",
        "lab.scale_workers was interrupted; it may have taken effect or not",
    ),
    (
        "supervisor",
        "Lab.start(lab.workspace)",
        "lab.start was interrupted; a lab that had begun to start is stopped",
    ),
    ("supervisor", "with lab.worker.paused():\n    pass", "interrupted before the block"),
    ("supervisor", "with lab.slow_network():\n    pass", "interrupted before the block"),
    ("supervisor", "lab.fault('worker', 'kill')", "begins all the same"),
    ("supervisor", "lab.reset()", "lab.reset was interrupted; the reset goes on, and takes a few seconds"),
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    notebook = Notebook(tmp_path_factory.mktemp("stop"))
    notebook.run_well(FIRST_CELL.format(workspace=str(notebook.workspace)))
    notebook.run_well(f"setup = {SETUP!r}")
    yield notebook
    notebook.end()


def wait_until_ready(notebook: Notebook) -> None:
    """Wait until what an earlier case began is over."""
    code = "s = lab.status()\nNone if s.state.value == 'ready' and not s.faults else str(s)"
    try:
        eventually(lambda: notebook.show(code).shown() == [])
    except AssertionError as error:
        raise AssertionError(f"{error}\n{notebook.show(code).shown()}") from None


@pytest.fixture
def paused(notebook: Notebook, service: str) -> Iterator[None]:
    """Pause a service's process, unknown to the lab."""
    # A worker that is restarted waits for its running calls.
    notebook.show("lab.queue().cancel_calls()")
    wait_until_ready(notebook)
    # One of the cases resets the lab.
    notebook.run_well("if not any(f['name'] == 'long' for f in lab.functions()): exec(setup)")
    if not service:
        yield
        return
    own = (
        "lab.aio.state.pid"
        if service == "supervisor"
        else f"{{s.name: s.pid for s in lab.status().services}}[{service!r}]"
    )
    process = psutil.Process(int(str(value(notebook, own))))
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("service", "code", "text"), sorted(CASES), ids=lambda each: each[:60] if isinstance(each, str) else None
)
@pytest.mark.usefixtures("paused")
def test_the_stop_button_ends_the_cell_within_a_second_in_one_line(
    notebook: Notebook, code: str, text: str
) -> None:
    cell = code if code.startswith("%%") else f"print('begun', flush=True)\n{code}"
    request = notebook.client.execute(cell, stop_on_error=False)
    if not code.startswith("%%"):
        eventually(lambda: has_begun(notebook))
    time.sleep(1.0)
    began = time.monotonic()
    notebook.manager.interrupt_kernel()
    reply = notebook.reply(request)
    seconds = time.monotonic() - began

    assert seconds < 1, seconds
    printed = outputs(notebook)
    assert not re.search("Task|Traceback|never retrieved|Exception|coroutine", printed), printed
    if code.startswith("!"):
        return  # the shell's own
    assert reply["ename"] in ("KeyboardInterrupt", "CancelledError"), reply
    assert text in reply["evalue"]
    assert len(reply["traceback"]) == 1, reply
    assert "\n" not in reply["traceback"][0]


def test_the_lab_is_well_after_all_that(notebook: Notebook) -> None:
    wait_until_ready(notebook)
    notebook.run_well("lab.deploy('quick', fprocess='cat')")
    assert value(notebook, "lab.invoke_async('quick').wait().state.value") == "done"
