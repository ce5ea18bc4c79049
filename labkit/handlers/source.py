"""Check a handler's code before it is written: syntax, and ``handle``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from labkit.handlers.errors import HandlerSourceError
from labkit.handlers.spec import HandlerSpec

_EXPECTED = "def handle(event, context): as in OpenFaaS's template python3-http"
_EXAMPLE = 'def handle(event, context):\n    return {"statusCode": 200, "body": event.body}'
_MOST_CHARACTERS = 1024 * 1024


def check_source(spec: HandlerSpec) -> None:
    """Check that the code is Python and defines ``handle``.

    Raises:
        HandlerSourceError: It is not, or does not; has the line as the learner
            sees it.
    """
    if len(spec.source) > _MOST_CHARACTERS:
        raise HandlerSourceError(f"the code of {spec.name} is too long", expected="at most a megabyte")
    try:
        tree = ast.parse(spec.source, "handler.py")
        compile(tree, "handler.py", "exec")  # finds what parsing alone does not, such as a return outside
    except SyntaxError as error:
        raise _syntax_error(spec, error) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise HandlerSourceError(f"the code of {spec.name} is not Python", seen=str(error)) from None
    definitions = list(_definitions(tree.body))
    if not definitions:
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        raise HandlerSourceError(
            f"{spec.name} has no handle",
            expected=_EXPECTED,
            seen=f"functions {', '.join(names)}" if names else "no function",
            next_step="name the function handle, which is called once for each request"
            if names
            else f"write, for example:\n{_EXAMPLE}",
        )
    last = definitions[-1]
    if isinstance(last, ast.AsyncFunctionDef):
        raise HandlerSourceError(
            f"handle of {spec.name} is async",
            expected=_EXPECTED,
            seen=f"line {_line(spec, last.lineno)}: async def handle",
            next_step="write def in place of async def: each request has a thread of its own",
        )
    if isinstance(last, ast.FunctionDef):
        _check_parameters(spec, last)


def _check_parameters(spec: HandlerSpec, node: ast.FunctionDef) -> None:
    arguments = node.args
    most = len(arguments.posonlyargs) + len(arguments.args)
    required = most - len(arguments.defaults)
    keywords = sum(default is None for default in arguments.kw_defaults)
    if required <= 2 and not keywords and (most >= 2 or arguments.vararg):
        return
    raise HandlerSourceError(
        f"handle of {spec.name} can't be called with (event, context)",
        expected=_EXPECTED,
        seen=f"line {_line(spec, node.lineno)}: def handle({ast.unparse(arguments)})",
        next_step="take both parameters; the request's body is event.body, in bytes",
    )


def _syntax_error(spec: HandlerSpec, error: SyntaxError) -> HandlerSourceError:
    line = error.lineno or 1
    text = (error.text or "").rstrip("\n")
    shown = [f"{_line(spec, line):>4} | {text}"] if text else []
    if text and error.offset:
        shown.append(" " * (error.offset - 1 + 7) + "^")
    return HandlerSourceError(
        f"the code of {spec.name} has a {type(error).__name__} in line {_line(spec, line)}",
        seen=error.msg,
        log=shown,
        next_step=f"mend line {_line(spec, line)} and run the cell again; nothing was deployed",
    )


def _line(spec: HandlerSpec, number: int) -> int:
    return number + spec.first_line - 1


def _definitions(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield what defines ``handle`` in a module, also in its branches."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name == "handle":
                yield node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            if any((alias.asname or alias.name) in ("handle", "*") for alias in node.names):
                yield node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
            if "handle" in names:
                yield node
        elif not isinstance(node, ast.ClassDef):
            for name in ("body", "orelse", "finalbody"):
                yield from _definitions(getattr(node, name, []))
            for handler in getattr(node, "handlers", []):
                yield from _definitions(handler.body)
