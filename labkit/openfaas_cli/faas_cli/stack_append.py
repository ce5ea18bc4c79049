"""Add a function's lines to the text of a stack file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from labkit.openfaas_cli.faas_cli.stack import StackFileError, parse_stack
from labkit_services.contract.errors import LabError


def appended(text: str, name: str, entry: str, environment: Mapping[str, str]) -> str:
    """Return ``text`` with one more function.

    ``entry`` are its lines, indented by two. They go to the end as with the
    real faas-cli, if the result has the new function and all the old ones. In
    a file that ends with another section, or with other indentation, that
    would lose a function; there they go to the end of ``functions``. For this
    comparison only, the variables of ``environment`` are substituted.

    Raises:
        StackFileError: There is no place where the lines can go.
    """
    old, new = (parse_stack(content, environment=environment).functions for content in (text, _HEAD + entry))
    for candidate in _candidates(text, entry):
        try:
            if parse_stack(candidate, environment=environment).functions == {**old, **new}:
                return candidate
        except LabError:
            continue  # the next place may do
    raise StackFileError(
        f"{name} cannot be added to the stack file",
        expected="a section `functions:` with one function a line and its fields below it",
    )


_HEAD = "provider:\n  name: openfaas\nfunctions:\n"


def _candidates(text: str, entry: str) -> Iterator[str]:
    """Yield the text with the entry in one place after the other."""
    newline = "\r\n" if "\r\n" in text else "\n"
    entry = entry.replace("\n", newline)
    start = text if text.endswith("\n") else text + newline
    yield start + entry
    yield f"{start}functions:{newline}{entry}"
    lines = text.splitlines(keepends=True)
    sections = [index for index, line in enumerate(lines) if line[:1].strip() and not line.startswith("#")]
    for section in sections:
        if not lines[section].startswith("functions:"):
            continue
        end = next((index for index in sections if index > section), len(lines))
        while lines[end - 1].isspace() or lines[end - 1].startswith("#"):
            end -= 1
        head, tail = "".join(lines[:end]), "".join(lines[end:])
        head = head if head.endswith("\n") else head + newline
        indents = {len(line) - len(line.lstrip(" ")) for line in lines[section + 1 : end]} - {0}
        for indent in sorted({2, *indents}):
            moved = (" " * indent + line[2:] if line.strip() else line for line in entry.splitlines(True))
            yield head + "".join(moved) + tail
