"""The English texts of the code that the catalogue may translate."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click

from labkit.cli.main import cli

ROOT = Path(__file__).parents[2]
PLACE = "{}"
LEARNERS = {
    *("up", "down", "status", "lab", "demo", "doctor", "notebooks", "reset", "queue", "dead", "bins"),
    *("requests", "timeline", "class"),
}
"""The commands whose whole help is translated; of others, the first line."""


def without_names(text: str) -> str:
    """Return a text of the catalogue with nameless places."""
    return re.sub(r"\{\w+\*?\}", PLACE, text)


def text_of(node: ast.AST) -> str:
    """Return a literal or an f-string, with nameless places; else ""."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            each.value if isinstance(each, ast.Constant) and isinstance(each.value, str) else PLACE
            for each in node.values
        )
    return ""


@cache
def trees() -> tuple[ast.Module, ...]:
    """Return the syntax trees of both packages."""
    folders = (ROOT / "labkit", ROOT / "services/labkit_services")
    return tuple(ast.parse(path.read_text()) for folder in folders for path in sorted(folder.rglob("*.py")))


@cache
def all_texts() -> frozenset[str]:
    """Return every literal and f-string, and every docstring's headline."""
    found = set()
    for tree in trees():
        for node in ast.walk(tree):
            found.add(text_of(node))
            if isinstance(node, ast.ClassDef):
                found.add((ast.get_docstring(node) or "").split("\n")[0])
    return frozenset(found)


def marked_texts() -> Iterator[str]:
    """Yield what the code passes to ``translated`` and ``labelled``."""
    for tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ("translated", "labelled") and node.args:
                asked = node.args[0]
                branches = [asked.body, asked.orelse] if isinstance(asked, ast.IfExp) else [asked]
                yield from filter(None, map(text_of, branches))
            elif node.func.id == "Note":
                yield from filter(None, map(text_of, node.args))


def error_texts() -> Iterator[str]:
    """Yield what errors say, of the rooms that a notebook or a terminal calls."""
    for room in ("lab", "clients", "views", "teaching", "ipython", "remote", "lifecycle", "notebook_copies"):
        for path in sorted((ROOT / "labkit" / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _name(node.func).endswith("Error"):
                    said = [each.value for each in node.keywords if each.arg in _PARTS_OF_AN_ERROR]
                    texts = map(text_of, [*node.args[:1], *said])
                    yield from (text for text in texts if _TWO_WORDS.search(text) and text not in _OTHERS)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


_PARTS_OF_AN_ERROR = ("expected", "seen", "next_step")
_TWO_WORDS = re.compile(r"[a-z]{2,} [a-z]{2,}")
_OTHERS = {
    # between the lab's own parts, for the developer of a page
    *("unknown method", "the path is not allowed", "a response that ends", "a stream can't be relayed"),
    "the body is not allowed",
    # with a reason that comes from elsewhere
    *("the call is {}. {}", "cancelled at {}. {}", "{}; the OpenFaaS is {}, and has a loopback of its own"),
    *("to run {}", "redrive it: lab.queue({}).redrive({}), or labkit dead redrive {}{}"),
}


def claims() -> Iterator[str]:
    """Yield what the notebooks pass to ``lab.confirm``, by its name ``claims``."""
    for path in sorted((ROOT / "notebooks/en").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and "lab.confirm(" in source:
                tables = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Dict))
                yield from (text_of(key) for table in tables for key in table.keys if key)


def headings() -> Iterator[str]:
    """Yield the headings of tables: of ``heading`` and ``…_HEADING``."""
    for tree in trees():
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign) else []
            names = [each.id for each in targets if isinstance(each, ast.Name)]
            if names and isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
                if names[0].lower().lstrip("_").endswith("heading"):
                    yield from filter(None, map(text_of, node.value.elts))
            elif names == ["empty"] and isinstance(node, ast.Assign):
                yield from filter(None, [text_of(node.value)])


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a help text, each on one line."""
    return [" ".join(each.split()) for each in text.split("\n\n") if each.strip()]


def help_texts() -> Iterator[str]:
    """Yield the help of the commands, as the catalogue has it."""
    context = click.Context(cli)
    yield from paragraphs(cli.help or "")
    yield from _options(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        if name in LEARNERS:
            yield from _help(command)
        else:
            yield paragraphs(command.help or "")[0]


def _help(command: click.Command) -> Iterator[str]:
    yield from paragraphs(command.help or "")
    yield from _options(command)
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        yield from _help(each)


def _options(command: click.Command) -> Iterator[str]:
    for each in command.params:
        if isinstance(each, click.Option) and each.help:
            yield re.sub(r"  ?\[env: \w+\]$", "", each.help)
