"""A handler that runs in this process, for the debugger."""

from __future__ import annotations

import base64
import bdb
import contextlib
import importlib.util
import linecache
import os
import sys
import threading
import traceback
import types
from asyncio import _get_running_loop, _set_running_loop
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from labkit.handlers.errors import HandlerSourceError
from labkit.handlers.spec import HandlerSpec

_TEMPLATE = files("labkit.openfaas_cli.faas_cli") / "template" / "python3-http"
_TEXT = [["Content-Type", "text/plain; charset=utf-8"]]


class DebugHandler:
    """A learner's ``handle``, with its environment while it runs.

    Attributes:
        name: The function's name.
    """

    def __init__(self, spec: HandlerSpec, filename: str, label: str) -> None:
        """Execute the code; ``filename`` is where a debugger looks for it.

        ``label`` names it in tracebacks.

        Raises:
            HandlerSourceError: It raised an error.
        """
        self.name = spec.name
        self._label = label
        self._filename = filename
        self._environment = _Environment(spec.env)
        self._module = types.ModuleType(f"labkit_function_{spec.name.replace('-', '_')}")
        sys.modules[self._module.__name__] = self._module  # dataclasses look their module up
        text = "\n" * (spec.first_line - 1) + spec.source
        if filename not in linecache.cache:  # a cell's is there
            linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        code = compile(text, filename, "exec", dont_inherit=True)
        try:
            with self._environment, _no_running_loop():
                exec(code, vars(self._module))  # noqa: S102 - the learner's own code is the point
        except Exception as error:
            raise HandlerSourceError(
                f"{spec.name} does not start: its code raises {type(error).__name__}",
                expected="code that can be imported",
                seen=str(error) or type(error).__name__,
                log=self.frames(error),
                next_step="mend the cell and run it again; nothing was deployed",
            ) from None
        self._handle: Callable[[Any, Any], Any] = vars(self._module)["handle"]

    def close(self) -> None:
        """Forget the code, unless a newer one has taken its place."""
        if sys.modules.get(self._module.__name__) is self._module:
            del sys.modules[self._module.__name__]

    def respond(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Run the handler for one call, as the template does.

        An exception is printed with the learner's own frames, and is a 500.
        """
        event_module, answer_module = _template_module("event"), _template_module("answer")
        event = event_module.Event(
            base64.b64decode(call["body"]),
            event_module.Headers((name, value) for name, value in call["headers"]),
            call["method"],
            event_module.Query([(name, value) for name, value in call["query"]]),
            call["path"],
        )
        try:
            with self._environment, _no_running_loop():
                result = self._handle(event, event_module.Context(call["hostname"]))
            response = answer_module.response_of(result)
        except event_module.MissingParameterError as error:
            return _text(400, f"Bad Request: the query has no {error}")
        except bdb.BdbQuit:
            return _text(500, "the debugger was quit before the handler returned")
        except KeyboardInterrupt:
            return _text(500, "the handler was interrupted in the notebook") | {"interrupted": True}
        except BaseException as error:  # also SystemExit: it must not end the kernel
            self._print(error)
            return _text(500, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
        return {
            "status": response.status,
            "headers": [list(pair) for pair in response.headers],
            "body": base64.b64encode(response.body).decode(),
        }

    def frames(self, error: BaseException) -> list[str]:
        """Return the lines of a traceback that has only the learner's code."""
        shown = traceback.TracebackException.from_exception(error)
        own = [frame for frame in shown.stack if frame.filename == self._filename]
        lines = [f"{self._label}, line {frame.lineno}, in {frame.name}: {frame.line}" for frame in own]
        last = shown.stack[-1] if shown.stack else None
        if last is not None and own and last is not own[-1] and not last.filename.startswith(str(_TEMPLATE)):
            lines.append(f"{last.filename}, line {last.lineno}, in {last.name}: {last.line}")
        return lines

    def _print(self, error: BaseException) -> None:
        reason = "".join(traceback.format_exception_only(error)).rstrip()
        lines = [f"{self.name}: the handler failed, and the call is answered with 500", *self.frames(error)]
        sys.stdout.flush()  # what the handler printed comes first
        sys.stderr.write("\n  ".join(lines) + f"\n{reason}\n")
        sys.stderr.flush()


@contextlib.contextmanager
def _no_running_loop() -> Iterator[None]:
    """Let a block call ``asyncio.run``, as it can in a process of its own.

    In the main thread of a kernel, the kernel's event loop is running.
    """
    loop = _get_running_loop()
    _set_running_loop(None)
    try:
        yield
    finally:
        _set_running_loop(loop)


class _Environment:
    """The function's variables, in ``os.environ`` while a call runs."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = dict(variables)
        self._before: dict[str, str | None] = {}
        self._calls = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._calls += 1
            if self._calls == 1:
                self._before = {name: os.environ.get(name) for name in self._variables}
                os.environ.update(self._variables)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._calls -= 1
            if self._calls == 0:
                for name, value in self._before.items():
                    if value is None:
                        os.environ.pop(name, None)
                    else:
                        os.environ[name] = value


def _text(status: int, line: str) -> dict[str, Any]:
    body = base64.b64encode(f"{line}\n".encode("utf-8", "replace")).decode()
    return {"status": status, "headers": _TEXT, "body": body}


@cache
def _template_module(name: str) -> types.ModuleType:
    """Load a module of the template, which is no package of ours."""
    full_name = f"labkit_template_{name}"
    spec = importlib.util.spec_from_file_location(full_name, str(_TEMPLATE / f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[full_name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
