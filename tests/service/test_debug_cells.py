"""Functions in debug mode: their handlers run in a real kernel."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from eventually import eventually
from kernels import CellOutput, Notebook
from labs import start_lab
from test_function_cells import FIRST_CELL, value

SEEN = """%%function {name} --debug --env COLOUR=red
import os
def handle(event, context):
    print("seen", event.body.decode(), os.environ["COLOUR"], os.getpid() == {pid})
    return {{"statusCode": 201, "body": event.body.upper(), "headers": {{"X-Path": event.path}}}}
"""


def start(workspace: Path) -> Notebook:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LABKIT_CI", raising=False)
        notebook = Notebook(workspace)
    notebook.run_well(FIRST_CELL.format(workspace=str(workspace)))
    return notebook


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """One kernel with a lab, for the tests that leave both intact."""
    notebook = start(tmp_path_factory.mktemp("debug"))
    yield notebook
    notebook.run_well("lab.stop()")
    notebook.end()


def deployed(notebook: Notebook, body: str, name: str = "dbg", flags: str = "") -> CellOutput:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    output = notebook.show(f"%%function {name} --debug {flags}\ndef handle(event, context):\n{lines}\n")
    assert output.reply["status"] == "ok", output.error
    return output


def test_a_print_in_the_handler_is_seen_in_the_cell_that_waits(notebook: Notebook) -> None:
    pid = notebook.manager.provisioner.pid
    output = notebook.show(SEEN.format(name="seen", pid=pid))
    assert "its calls run in this kernel" in output.shown()[0]

    called = notebook.show("r = lab.invoke('seen', 'abc', path='/p')\nr.status, r.text, r.headers['x-path']")
    assert called.shown() == ["(201, 'ABC', '/p')"]
    assert called.printed == "seen abc red True\n"
    waited = notebook.show("lab.invoke_async('seen', 'later').wait().state.value")
    assert (waited.shown(), waited.printed) == (["'done'"], "seen later red True\n")
    measured = notebook.show("lab.measure('seen', calls=3, progress=False).states")
    assert measured.printed == "seen  red True\n" * 3
    assert value(notebook, "__import__('os').environ.get('COLOUR', 'unset')") == "unset"


def test_calls_that_no_cell_waits_for_print_below_the_newest_cell(notebook: Notebook) -> None:
    deployed(notebook, "print('from outside', event.body.decode())\nreturn 'yes'")

    from_shell = notebook.show("!faas-cli invoke dbg < /dev/null")
    assert "from outside" in from_shell.printed
    assert "yes" in from_shell.printed
    awaited = notebook.show("(await lab.aio.invoke('dbg', 'aio')).text")
    assert (awaited.shown(), awaited.printed) == (["'yes'"], "from outside aio\n")
    slept = notebook.show(
        "import time\nc = lab.invoke_async('dbg', 'alone')\ntime.sleep(0.7)\nc.result().text"
    )
    assert (slept.shown(), slept.printed) == (["'yes'"], "from outside alone\n")


def test_a_breakpoint_stops_in_the_cell_and_shows_the_handlers_own_lines(notebook: Notebook) -> None:
    deployed(notebook, "amount = len(event.body)\nbreakpoint()\nreturn str(amount)")

    output = notebook.show("lab.invoke('dbg', 'abcd').text", "p amount\namount = 41\nw\nc\n")

    assert output.shown() == ["'41'"]
    printed = re.sub(r"\x1b\[[\d;]*m", "", output.printed)
    assert "\n4\n" in printed
    assert "----> 5     return str(amount)" in printed
    filename = next(line for line in printed.splitlines() if line.startswith("> "))
    assert "(5)handle()" in filename, filename  # the line below breakpoint(), as in the cell


def test_an_asynchronous_call_returns_before_its_handler_and_its_breakpoint_stops_in_the_wait(
    notebook: Notebook,
) -> None:
    deployed(notebook, "breakpoint()\nreturn 'stopped'")

    code = "c = lab.invoke_async('dbg')\nprint('accepted')\nc.result().text"
    output = notebook.show(code, "c\n")

    assert output.shown() == ["'stopped'"]
    assert output.printed.startswith("accepted\n")
    assert "(4)handle()" in re.sub(r"\x1b\[[\d;]*m", "", output.printed)


def test_a_debugger_that_is_quit_is_a_500(notebook: Notebook) -> None:
    deployed(notebook, "breakpoint()\nreturn 'never'")

    output = notebook.show("r = lab.invoke('dbg'); r.status, r.text", "q\n")

    assert output.shown() == ["(500, 'the debugger was quit before the handler returned\\n')"]


def test_a_breakpoint_that_nobody_waits_for_is_skipped_with_a_line(notebook: Notebook) -> None:
    deployed(notebook, "breakpoint()\nreturn 'went on'")

    output = notebook.show("!faas-cli invoke dbg < /dev/null")

    assert "dbg: breakpoint() is skipped, because no cell waits for this call" in output.printed
    assert "went on" in output.printed


def test_a_breakpoint_longer_than_exec_timeout_says_that_the_caller_got_504(notebook: Notebook) -> None:
    deployed(notebook, "import time\ntime.sleep(1.5)\nreturn 'late'", flags="--env exec_timeout=1s")

    output = notebook.show("r = lab.invoke('dbg'); r.status, r.text")

    assert output.shown() == ["(504, 'the function did not answer within 1s (exec_timeout)\\n')"]
    assert "the call was answered with 504 after 1s (exec_timeout)" in output.printed


def test_an_exception_shows_the_learners_frames_and_answers_500(notebook: Notebook) -> None:
    deployed(
        notebook,
        "def share(n):\n    return 1 / n\nimport json\nif event.body: json.loads('{')\nreturn share(0)",
    )

    output = notebook.show("r = lab.invoke('dbg'); r.status, r.text")
    assert output.shown() == ["(500, 'ZeroDivisionError: division by zero\\n')"]
    number = value(notebook, "len(In) - 3")
    assert output.printed == (
        "dbg: the handler failed, and the call is answered with 500\n"
        f"  Cell In[{number}], line 7, in handle: return share(0)\n"
        f"  Cell In[{number}], line 4, in share: return 1 / n\n"
        "ZeroDivisionError: division by zero\n"
    )
    other = notebook.show("lab.invoke('dbg', 'x').text")
    assert "line 6, in handle" in other.printed
    assert "json/decoder.py" in other.printed
    assert "labkit" not in other.printed


def test_a_handler_may_run_an_event_loop(notebook: Notebook) -> None:
    deployed(notebook, "import asyncio\nreturn asyncio.run(asyncio.sleep(0, 'slept'))")

    assert value(notebook, "lab.invoke('dbg').text") == "slept"
    assert value(notebook, "(await lab.aio.invoke('dbg')).text") == "slept"


def test_a_handlers_module_may_have_dataclasses(notebook: Notebook) -> None:
    code = """%%function shapes --debug
from __future__ import annotations
from dataclasses import dataclass, field
@dataclass
class Shape:
    sides: list[int] = field(default_factory=list)
def handle(event, context):
    return Shape([1, 2]).sides
"""
    notebook.run_well(code)

    assert value(notebook, "lab.invoke('shapes').json()") == [1, 2]


@pytest.mark.parametrize("ending", ["raise SystemExit(3)", "raise BaseException('odd')"])
def test_a_handler_that_ends_the_program_does_not_end_the_kernel(notebook: Notebook, ending: str) -> None:
    deployed(notebook, ending)

    assert value(notebook, "lab.invoke('dbg').status") == 500


def test_the_response_is_as_the_template_makes_it(notebook: Notebook) -> None:
    deployed(
        notebook,
        "if event.path == '/json': return {'b': [1]}, 202\n"
        "if event.path == '/query': return event.query['a'] + event.query['none']\n"
        "if event.path == '/headers': return '', {'Set-Cookie': ['a=1', 'b=2']}\n"
        "if event.path == '/bytes': return bytes(range(256)) * 4096\n"
        "if event.path == '/wrong': return 7\n"
        "return event.headers['x-own'] + event.method + event.query['a']",
    )
    calls = "[(r.status, r.body) for r in [lab.invoke('dbg', path=p) for p in ('/json', '/wrong')]]"
    assert value(notebook, calls) == [
        (202, b'{"b":[1]}\n'),
        (
            500,
            b"TypeError: the answer is a int; return text, bytes, a dict, a list or a tuple (body, status)\n",
        ),
    ]
    assert value(notebook, "lab.invoke('dbg', path='/query', query='a=1').status") == 400
    assert value(notebook, "lab.invoke('dbg', path='/headers').headers['set-cookie']") == "a=1, b=2"
    assert value(notebook, "lab.invoke('dbg', path='/bytes').body == bytes(range(256)) * 4096") is True
    own = "lab.invoke('dbg', method='PUT', query='a=q', headers={'X-Own': 'h'}).text"
    assert value(notebook, own) == "hPUTq"


def test_a_handler_may_call_another_function_in_debug_mode(notebook: Notebook) -> None:
    deployed(notebook, "return b'inner ' + event.body", name="inner")
    deployed(
        notebook,
        "import urllib.request\n"
        f"url = {value(notebook, 'lab.gateway_url')!r} + '/function/inner'\n"
        "return b'outer ' + urllib.request.urlopen(url, data=event.body).read()",
    )

    assert value(notebook, "lab.invoke('dbg', 'x').text") == "outer inner x"


def test_the_stop_button_in_a_handler_answers_500_and_ends_the_cell(notebook: Notebook) -> None:
    deployed(notebook, "import time\nprint('begun', flush=True)\ntime.sleep(20)")
    request = notebook.client.execute("call = lab.invoke_async('dbg')\ncall.result()", stop_on_error=False)
    eventually(lambda: "begun" in printed_so_far(notebook))
    began = time.monotonic()
    notebook.manager.interrupt_kernel()
    reply = notebook.reply(request)

    assert reply["ename"] == "KeyboardInterrupt"
    assert time.monotonic() - began < 1
    first = "[a.status for a in call.status().attempts if a.number == 1]"
    eventually(lambda: value(notebook, first) == [500])
    notebook.run_well("call.cancel()")


def printed_so_far(notebook: Notebook) -> str:
    return "".join(
        one["content"]["text"]
        for one in iter(lambda: next_message(notebook), None)
        if one["msg_type"] == "stream"
    )


def next_message(notebook: Notebook) -> dict | None:
    if not notebook.client.iopub_channel.msg_ready():
        return None
    return dict(notebook.client.get_iopub_msg(timeout=1))


def test_without_debug_functions_nothing_listens_and_waiting_is_as_before(notebook: Notebook) -> None:
    kernel = psutil.Process(notebook.manager.provisioner.pid)

    def listening() -> int:
        return sum(each.status == psutil.CONN_LISTEN for each in kernel.net_connections())

    notebook.run_well("for f in lab.functions(): lab.remove(f['name'])")
    before = listening()
    deployed(notebook, "return 1", name="one")
    deployed(notebook, "return 1", name="two")
    assert listening() == before + 1
    hook = "__import__('sys').breakpointhook.__qualname__"
    assert value(notebook, hook) == "BreakpointHook._stop"
    notebook.run_well("%%function one\ndef handle(event, context): return 'real'")
    assert value(notebook, "lab.invoke('one').text") == "real"
    assert listening() == before + 1
    notebook.run_well("lab.remove('two')")
    assert listening() == before
    assert value(notebook, hook) != "BreakpointHook._stop"
    users = "__import__('labkit.handlers.waiting_thread').handlers.waiting_thread.WAITING_THREAD.users"
    assert value(notebook, users) == 0


def test_a_breakpoint_of_jupyterlabs_debugger_stops_in_the_handler(workspace: Path) -> None:
    notebook = start(workspace)
    code = "%%function dbg --debug\ndef handle(event, context):\n"
    code += "    size = len(event.body)\n    return str(size)\n"
    try:
        notebook.debugger(
            "initialize", clientID="jupyter", adapterID="python", linesStartAt1=True, pathFormat="path"
        )
        notebook.debugger("attach", justMyCode=True, cwd=str(workspace))
        source = {"path": notebook.debugger("dumpCell", code=code)["sourcePath"]}
        notebook.debugger("setBreakpoints", breakpoints=[{"line": 4}], source=source, sourceModified=False)
        notebook.debugger("configurationDone")
        notebook.run_well(code)

        request = notebook.client.execute("text = lab.invoke('dbg', 'abc').text")
        thread = eventually(lambda: stopped_thread(notebook))
        frame = notebook.debugger("stackTrace", threadId=thread)["stackFrames"][0]
        assert (frame["name"], frame["line"], frame["source"]["path"]) == ("handle", 4, source["path"])
        notebook.debugger("continue", threadId=thread)
        assert notebook.reply(request)["status"] == "ok"
        assert value(notebook, "text") == "3"
    finally:
        notebook.end()


def stopped_thread(notebook: Notebook) -> int:
    """Return the thread that a debugger has stopped, or 0."""
    message = next_message(notebook)
    is_stop = message is not None and message["content"].get("event") == "stopped"
    return message["content"]["body"]["threadId"] if message is not None and is_stop else 0


def test_a_kernel_that_is_gone_is_a_502_in_words_and_the_cell_mends_it(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        notebook = start(workspace)
        try:
            deployed(notebook, "return 'from the first kernel'")
            assert lab.invoke("dbg").text == "from the first kernel"

            notebook.manager.restart_kernel(now=True)
            gone = lab.invoke("dbg")
            assert gone.status == 502
            assert gone.text.startswith("dbg runs in debug mode, in the kernel of a notebook (process ")
            assert "that kernel is gone: it was restarted or shut down" in gone.text
            assert "next: run the cell with %%function dbg again, or without --debug" in gone.text

            notebook.client.wait_for_ready(timeout=30)
            notebook.run_well(FIRST_CELL.format(workspace=str(workspace)))
            deployed(notebook, "return 'from the second kernel'")
            assert lab.invoke("dbg").text == "from the second kernel"
        finally:
            notebook.end()
