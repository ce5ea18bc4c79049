"""``%%function``: a cell becomes a deployed function."""

from __future__ import annotations

import argparse
import html
import os
import shlex
import sys
import uuid
from collections.abc import Sequence
from typing import Any, NoReturn

from labkit.handlers.spec import HandlerDeployment, HandlerSpec, check_function_name
from labkit.lab.async_lab import AsyncLab
from labkit.lab.background_loop import background_loop
from labkit.lab.handler_functions import debug_handler, deploy_function
from labkit.lab.interrupts import short_interrupt
from labkit.lab.lab import Lab
from labkit.language import translated
from labkit.live.display import shows_widgets
from labkit.unexpected import as_lab_error
from labkit.workspace import Workspace
from labkit_services.contract.errors import InvalidValueError, LabError

_ATTACH_SECONDS = 10.0
_USAGE = (
    "%%function NAME [--env K=V]... [--callback BIN] [--debug]"
    " [--label K=V]... [--annotation K=V]... [--secret S]..."
)
_HELP = """\
Build and deploy a function from this cell's code.

The code is a handler as in OpenFaaS's template python3-http:

    %%function hello
    def handle(event, context):
        return {"statusCode": 200, "body": b"Hello, " + event.body}

event has body (bytes), headers, method, query and path; context has hostname.
The result is text, bytes, a list (JSON), a tuple (body, status), or a dict
with statusCode, headers and body, where the body may be a dict (JSON).

The code is written to my-functions/NAME/handler.py of the workspace, and built
and deployed with faas-cli; a function of that name is replaced. A handler.py
that you have edited there is moved to my-functions/edited/ first."""


class _MagicParser(argparse.ArgumentParser):
    """Raises an error of the lab; the kernel must not exit."""

    def error(self, message: str) -> NoReturn:
        raise InvalidValueError(
            f"%%function: {message}", expected=_USAGE, next_step="see all options with: %%function --help"
        )


def _parser() -> _MagicParser:
    # No percent sign: argparse formats its texts.
    parser = _MagicParser("function", add_help=False, allow_abbrev=False)
    parser.add_argument("name", nargs="?", default="")
    for short, name, help_ in (
        ("-e", "env", "variable of the function's environment, NAME=VALUE; may be given more than once"),
        ("-l", "label", "OpenFaaS label, such as com.openfaas.scale.max=5"),
        ("-a", "annotation", "OpenFaaS annotation, such as com.openfaas.queue=slow"),
    ):
        parser.add_argument(short, f"--{name}", action="append", default=[], metavar="NAME=VALUE", help=help_)
    parser.add_argument(
        "--secret", action="append", default=[], metavar="NAME", help="secret that it may read"
    )
    parser.add_argument(
        "--callback",
        default="",
        metavar="BIN",
        help="a bin's name, or a URL: lab.invoke_async of this notebook sends it as X-Callback-Url,"
        " unless a call names another or callback=None. OpenFaaS has no callback of a function, so other"
        " clients (curl, faas-cli) send the header themselves",
    )
    parser.add_argument(
        "--debug",
        action="store_true",
        help="run the handler in this kernel: print and breakpoint() appear in the cell that"
        " waits for the call",
    )
    parser.add_argument("-h", "--help", action="store_true", help="show this message")
    return parser


def without_empty_body(lines: list[str]) -> list[str]:
    """Transform a cell: IPython refuses a cell magic without a body.

    ``%%function --help`` alone becomes ``%function --help``.
    """
    if lines and lines[0].startswith("%%function") and not any(line.strip() for line in lines[1:]):
        return [lines[0].removeprefix("%")]
    return lines


class FunctionMagic:
    """The magic of one IPython shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._raw_cell = ""

    def note_cell(self, info: Any) -> None:
        """Note the text of the cell that is about to run."""
        self._raw_cell = info.raw_cell or ""

    def run(self, line: str, cell: str = "") -> None:
        """Build and deploy a function from this cell's code."""
        try:
            self._run(line, cell)
        except LabError:
            raise
        except Exception as error:
            raise as_lab_error(error, "%%function") from error

    def _run(self, line: str, cell: str) -> None:
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise InvalidValueError(f"%%function: {error}", expected=_USAGE, seen=line) from None
        words = ["--debug" if word == "debug=True" else word for word in words]
        options = _parser().parse_args(words)
        if options.help:
            sys.stdout.write(f"usage: {_USAGE}\n\n{_HELP}\n\n{_options_help()}")
            return
        if not options.name:
            raise InvalidValueError(
                "%%function needs a name",
                expected=_USAGE,
                next_step="see the options with: %%function --help",
            )
        check_function_name(options.name)
        pairs = {kind: _pairs(kind, getattr(options, kind)) for kind in ("env", "label", "annotation")}
        filename, label, first_line = self._place(options.name, cell)
        spec = HandlerSpec(
            options.name, cell, pairs["env"], pairs["label"], pairs["annotation"], options.secret, first_line
        )
        with short_interrupt(lambda: f"interrupted; {spec.name} was not deployed"):
            from labkit.lab.remote_lab import AsyncRemoteLab  # on first use: it takes 30 ms

            workspace = Workspace.find()
            async_lab = AsyncRemoteLab.current(workspace) or background_loop().run(
                AsyncLab.attach(workspace), _ATTACH_SECONDS
            )
            lab = Lab(async_lab)
            callback = _callback(lab, options.callback)
            handler = debug_handler(spec, filename, label) if options.debug else None
        progress = _ProgressLine(self._shell)
        deployment = deploy_function(
            async_lab, spec, callback=callback, handler=handler, on_step=progress.show
        )
        progress.finish(_result_lines(deployment, lab))

    def _place(self, name: str, cell: str) -> tuple[str, str, int]:
        """Return where the code is, for debuggers, and its first line."""
        raw = self._raw_cell
        if not cell.strip() or not raw.rstrip("\n").endswith(cell.rstrip("\n")):
            return f"<{name}>", name, 1
        # The shell counts on before or after a cell's code, by its version.
        inputs = self._shell.user_ns.get("In", [])
        number = len(inputs) - 1 if inputs and inputs[-1] == raw else self._shell.execution_count
        compiler = self._shell.compile
        label = " ".join(compiler.format_code_name(compiler.get_code_name(raw, raw, number)) or ())
        # JupyterLab's debugger knows a cell's file by the cell's whole text.
        filename = compiler.cache(raw, number, raw)
        above = raw.rstrip("\n")[: -len(cell.rstrip("\n"))].count("\n")
        return filename, label or f"Cell In[{number}]", above + 1


def _pairs(kind: str, texts: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise InvalidValueError(f"%%function: --{kind} can't be used", expected="NAME=VALUE", seen=text)
        pairs[name] = value
    return pairs


def _callback(lab: Lab, text: str) -> str:
    return text if "://" in text or not text else str(lab.bin(text))


def _options_help() -> str:
    return "options:\n" + _parser().format_help().partition("options:\n")[2]


def _result_lines(deployment: HandlerDeployment, lab: Lab) -> list[str]:
    """Return the result: what to do next, where the files are."""
    name = deployment.name
    folder = os.path.relpath(deployment.file.parent.parent, lab.workspace)
    if os.environ.get("LABKIT_CI") == "1":  # outputs that are compared have no times
        lines = [translated(f"deployed {name}: call it with lab.invoke({name!r})")]
    else:
        took = f"{deployment.seconds:.1f}"
        lines = [translated(f"deployed {name} in {took} s: call it with lab.invoke({name!r})")]
    if deployment.debug:
        lines.append(
            "its calls run in this kernel: print and breakpoint() appear in the cell that waits for the call"
        )
    else:
        lines.append(
            translated(
                f"{folder}/{name}/handler.py; to go on in a terminal: "
                f"cd {folder} && faas-cli up --filter {name}"
            )
        )
    if deployment.callback:
        lines.append(
            f"lab.invoke_async({name!r}) of this notebook posts the result to {deployment.callback};"
            f' other clients send it themselves: -H "X-Callback-Url: {deployment.callback}"'
        )
    if deployment.kept is not None:
        kept = os.path.relpath(deployment.kept, lab.workspace)
        lines.append(f"the handler.py that you had edited is now {kept}")
    return lines


class _ProgressLine:
    """One output that is replaced; only its end where nothing can be."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._id = ""
        self._is_live = shows_widgets()

    def show(self, step: str) -> None:
        """Show what is being done."""
        if self._is_live:
            self._publish([f"{step} …"])

    def finish(self, lines: Sequence[str]) -> None:
        """Show the result."""
        self._publish(lines)

    def _publish(self, lines: Sequence[str]) -> None:
        first, *rest = [html.escape(line) for line in lines]
        content = {
            "text/plain": "\n".join(lines),
            "text/html": f"<div><strong>{first}</strong>"
            + "".join(f"<br>{line}" for line in rest)
            + "</div>",
        }
        update, self._id = bool(self._id), self._id or uuid.uuid4().hex
        self._shell.display_pub.publish(content, transient={"display_id": self._id}, update=update)
