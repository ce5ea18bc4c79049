"""``%%function`` cells and error boxes, in a real kernel."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kernels import Notebook

FIRST_CELL = "from labkit import Lab\nlab = Lab.start({workspace!r}, gateway_port=0, inspector_port=0)"
HELLO = """%%function hello
def handle(event, context):
    return {{"statusCode": 200, "body": "{word} " + event.body.decode()}}
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """One kernel with a lab, for the tests that leave both intact."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LABKIT_CI", raising=False)
        notebook = Notebook(tmp_path_factory.mktemp("cells"))
    notebook.run_well(FIRST_CELL.format(workspace=str(notebook.workspace)))
    yield notebook
    notebook.run_well("lab.stop()")
    notebook.end()


def value(notebook: Notebook, expression: str) -> object:
    """Return the value of an expression in the kernel."""
    output = notebook.show(expression)
    assert output.reply["status"] == "ok", output.error
    return eval(output.shown()[-1])


def box(notebook: Notebook, code: str) -> tuple[str, str]:
    """Run a cell that fails; return its headline, and the box's HTML."""
    output = notebook.show(code)
    assert output.reply["status"] == "error"
    boxes = [shown for shown in output.shown("text/html") if "labkit-error" in shown]
    assert len(boxes) == 1, output.messages
    assert output.reply["traceback"] == [output.error]
    return output.error, re.sub("<style>.*</style>", "", boxes[0], flags=re.DOTALL)


def test_a_cell_becomes_a_function_that_faas_cli_can_go_on_with(notebook: Notebook) -> None:
    output = notebook.show(HELLO.format(word="Hello,"))

    assert re.match(r"deployed hello in \d\.\d s: call it with lab\.invoke\('hello'\)\n", output.shown()[0])
    assert len(output.shown()) == 1
    assert output.printed == ""
    assert value(notebook, "lab.invoke('hello', 'you').text") == "Hello, you"

    handler = notebook.workspace / "my-functions" / "hello" / "handler.py"
    handler.write_text(handler.read_text().replace("Hello,", "Bye,"))
    command = [str(Path(sys.executable).with_name("faas-cli")), "up", "--skip-push", "--filter", "hello"]
    cell = f"import subprocess; subprocess.run({command!r}, cwd={str(handler.parents[1])!r}, check=True)"
    notebook.run_well(cell)
    assert value(notebook, "lab.invoke('hello', 'you').text") == "Bye, you"


def test_a_cell_that_runs_again_replaces_the_function_and_keeps_what_was_edited(notebook: Notebook) -> None:
    code = HELLO.replace("hello", "twice")
    notebook.run_well(code.format(word="first"))
    notebook.run_well(code.format(word="second"))
    edited = notebook.workspace / "my-functions" / "edited"
    assert value(notebook, "lab.invoke('twice').text") == "second "
    assert not list(edited.glob("twice-*"))

    handler = notebook.workspace / "my-functions" / "twice" / "handler.py"
    handler.write_text("# mine\n" + handler.read_text())
    output = notebook.show(code.format(word="third"))

    assert value(notebook, "lab.invoke('twice').text") == "third "
    (kept,) = edited.glob("twice-*.py")
    assert kept.read_text().startswith("# mine\n")
    assert f"the handler.py that you had edited is now my-functions/edited/{kept.name}" in output.shown()[0]


def test_the_flags_reach_the_function(notebook: Notebook) -> None:
    notebook.run_well(
        "%%function flags --env GREETING='good morning' -l com.example.team=a --annotation topic=b\n"
        "import os\n"
        "def handle(event, context):\n    return os.environ['GREETING']"
    )

    assert value(notebook, "lab.invoke('flags').text") == "good morning"
    described = "[f for f in lab.functions() if f['name'] == 'flags'][0]"
    assert value(
        notebook, f"{described}['labels']['com.example.team'], {described}['annotations']['topic']"
    ) == (
        "a",
        "b",
    )


def test_callback_is_the_default_of_this_notebooks_asynchronous_calls(notebook: Notebook) -> None:
    cell = HELLO.format(word="got").replace("%%function hello", "%%function posts --callback results")
    output = notebook.show(cell)

    url = value(notebook, "lab.bin('results').url")
    assert f'-H "X-Callback-Url: {url}"' in output.shown()[0]
    call = "c = lab.invoke_async('posts', 'a'{0})\nc.wait()\n"
    notebook.run_well(call.format(""))
    assert value(notebook, "lab.bin('results').wait(call_id=c.id).text") == "got a"
    notebook.run_well(call.format(", callback=lab.bin('others')"))
    assert value(notebook, "lab.bin('others').wait(call_id=c.id).text") == "got a"
    notebook.run_well(call.format(", callback=None"))
    notebook.run_well(call.format(", headers={'x-callback-url': lab.bin('others').url}"))
    assert value(notebook, "len(lab.bin('results').requests()), len(lab.bin('others').requests())") == (1, 2)

    notebook.run_well(HELLO.format(word="got").replace("hello", "posts"))
    notebook.run_well(call.format(""))
    assert value(notebook, "len(lab.bin('results').requests())") == 1


BROKEN = {
    "a syntax error": (
        "%%function broken\n\ndef handle(event, context):\n    return (\n",
        ["the code of broken has a SyntaxError in line 4", "(&#x27; was never closed", "   4 |     return ("],
    ),
    "an indentation error": (
        "%%function broken\ndef handle(event, context):\nreturn 1",
        ["the code of broken has a IndentationError in line 3", "   3 | return 1"],
    ),
    "return outside": ("%%function broken\nreturn 1", ["SyntaxError in line 2", "outside function"]),
    "no handle": (
        "%%function broken\ndef handler(event, context):\n    return 1",
        ["broken has no handle", "functions handler", "def handle(event, context)"],
    ),
    "nothing": ("%%function broken", ["broken has no handle", "no function"]),
    "one parameter": (
        "%%function broken\n\n\ndef handle(body):\n    return body",
        ["can't be called with (event, context)", "line 4: def handle(body)"],
    ),
    "async": ("%%function broken\nasync def handle(event, context): return 1", ["handle of broken is async"]),
    "a missing import": (
        "%%function broken\nimport json\nimport nothing_here.at_all\n"
        "def handle(event, context):\n    return 1",
        [
            "broken does not start: line 3 raises ModuleNotFoundError",
            "%pip install nothing_here",
            "not deployed",
        ],
    ),
    "an error at import": (
        "%%function broken\ndef handle(event, context):\n    return 1\n"
        "def table():\n    return {}['key']\ntable()",
        [
            "broken does not start: line 5 raises KeyError",
            "line 6, in &lt;module&gt;",
            "return {}[&#x27;key&#x27;]",
        ],
    ),
    "an end at import": (
        "%%function broken\ndef handle(event, context):\n    return 1\nimport os; os._exit(3)",
        ["broken ended before it took a call", "exit status 3"],
    ),
    "a name": (
        "%%function Not_A_Name\ndef handle(event, context): pass",
        ["the function's name can't be used"],
    ),
    "a folder's name": ("%%function build\ndef handle(event, context): pass", ["other than build, template"]),
    "no name": ("%%function --debug\ndef handle(event, context): pass", ["%%function needs a name"]),
    "a flag": (
        "%%function x --evn a=b\ndef handle(event, context): pass",
        ["unrecognized arguments: --evn a=b"],
    ),
    "a pair": (
        "%%function x --env ab\ndef handle(event, context): pass",
        ["--env can't be used", "NAME=VALUE"],
    ),
    "a quote": ("%%function x --env 'a=b\ndef handle(event, context): pass", ["No closing quotation"]),
    "a missing secret": (
        "%%function x --secret none\ndef handle(event, context): pass",
        ["faas-cli up failed", "secret"],
    ),
    "an error in debug mode": (
        "%%function x --debug\ndef handle(event, context): pass\n1 / 0",
        ["x does not start: its code raises ZeroDivisionError", "line 3, in &lt;module&gt;: 1 / 0"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_with_a_cell_is_shown_in_a_box(notebook: Notebook, name: str) -> None:
    code, texts = BROKEN[name]

    headline, html = box(notebook, code)

    for text in texts:
        assert text in headline + html, (headline, html)
    assert value(notebook, "[f for f in lab.functions() if f['name'] in ('broken', 'x')]") == []


def test_a_function_that_does_not_start_leaves_the_version_before(notebook: Notebook) -> None:
    notebook.run_well(HELLO.replace("hello", "stays").format(word="old"))

    _, html = box(notebook, "%%function stays\nimport nothing_here\ndef handle(event, context): pass")

    assert "the version before goes on answering" in html
    assert value(notebook, "lab.invoke('stays').text") == "old "


def test_help_is_printed_without_a_body(notebook: Notebook) -> None:
    for code in ("%%function --help", "%function -h", "%%function x --help\n1"):
        output = notebook.show(code)

        assert output.reply["status"] == "ok"
        assert output.printed.startswith("usage: %%function NAME [--env K=V]")
        for flag in ("--env", "--label", "--annotation", "--secret", "--callback", "--debug"):
            assert re.search(rf"^  (-\w NAME=VALUE, )?{flag}", output.printed, re.MULTILINE), flag


def test_the_function_deploys_from_a_script_too(notebook: Notebook) -> None:
    code = f"""
from labkit import Lab
lab = Lab.attach({str(notebook.workspace)!r})
source = "def handle(event, context):\\n    return event.body[::-1]"
print(repr(lab.deploy_handler("reverse", source)), lab.invoke("reverse", "abc").text)
try:
    lab.deploy_handler("reverse", "def handle(event, context)")
except ValueError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert re.match(r"HandlerDeployment\('reverse', \d\.\d s\) cba\n", run.stdout), run.stderr
    assert "SyntaxError in line 1" in run.stdout
