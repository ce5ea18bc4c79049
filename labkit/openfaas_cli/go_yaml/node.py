"""The nodes of a YAML document, as Go's yaml.v3 composes them.

PyYAML reads the text; the texts of the errors are libyaml's, as in yaml.v3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from yaml.scanner import ScannerError

from labkit.openfaas_cli.go_yaml.scanner import GoYamlLoader
from labkit_services.contract.errors import LabError

_LONG_TAG = "tag:yaml.org,2002:"
_PROBLEMS = (
    ("mapping values are not allowed here", "mapping values are not allowed in this context"),
    ("mapping keys are not allowed here", "mapping keys are not allowed in this context"),
    ("sequence entries are not allowed here", "block sequence entries are not allowed in this context"),
    (r"found character .* that cannot start any token", "found character that cannot start any token"),
    (r"found unknown escape character .*", "found unknown escape character"),
    (r"expected escape sequence of .*", "did not find expected hexdecimal number"),
    (r"expected (alphabetic or numeric character), but.*", r"did not find expected \1"),
    (r"expected the node content, but.*", "did not find expected node content"),
    (r"expected '(<document start>)', but.*", r"did not find expected \1"),
    (r"expected (',' or '[\]}]'), but.*", r"did not find expected \1"),
    (r"expected <block end>, but.*", "did not find expected key"),
    (r"expected (a comment or a line break), but.*", r"did not find expected comment or line break"),
    (r"expected chomping or indentation indicators, but.*", "did not find expected comment or line break"),
    (r"expected indentation indicator in the range 1-9.*", "found an indentation indicator equal to 0"),
    (r"found unexpected document separator", "found unexpected document indicator"),
    (r"expected ' ', but.*", "did not find expected whitespace or line break"),
    (r"expected '!', but.*", "did not find expected '!'"),
    (r"expected URI, but.*", "did not find expected tag URI"),
    (r"expected URI escape sequence of.*", "did not find URI escaped octet"),
    (r"found undefined tag handle .*", "found undefined tag handle"),
    (r"expected a digit or '\.', but.*", "did not find expected digit or '.' character"),
    (r"expected a digit, but.*", "did not find expected version number"),
    (r"found duplicate YAML directive", "found duplicate %YAML directive"),
    (r"duplicate tag handle .*", "found duplicate %TAG directive"),
    (r"found incompatible YAML document.*", "found incompatible YAML document"),
    (r"special characters are not allowed", "control characters are not allowed"),
    (r"invalid start byte", "invalid leading UTF-8 octet"),
    (r"invalid continuation byte", "invalid trailing UTF-8 octet"),
    (r"unexpected end of data", "incomplete UTF-8 octet sequence"),
    (r"truncated data", "incomplete UTF-16 character"),
)
"""By PyYAML's text for a problem, as an expression: libyaml's."""


class GoYamlError(LabError, ValueError):
    """The file cannot be read; the headline is yaml.v3's own text."""


@dataclass
class Node:
    """A node: scalar, sequence, mapping or alias.

    ``tag`` is the written tag, ``!!int`` and the like if it is one of YAML's,
    else "". ``content`` holds a sequence's items, or a mapping's keys and
    values by turns. ``value`` is a scalar's text, or an alias' name.
    """

    kind: str
    line: int
    tag: str = ""
    value: str = ""
    quoted: bool = False
    content: list[Node] = field(default_factory=list)
    alias: Node | None = None

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """Yield a mapping's keys and values."""
        return zip(self.content[::2], self.content[1::2], strict=True)

    @property
    def is_merge(self) -> bool:
        """Whether this is the key ``<<``, which is not quoted."""
        is_plain = not self.quoted and not self.tag
        return self.kind == "scalar" and self.value == "<<" and (is_plain or self.tag == "!!merge")


def document(content: bytes) -> Node | None:
    """Return the first document's root, or None if there is none.

    Raises:
        GoYamlError: With yaml.v3's own text as the headline.
    """
    try:
        return _compose(yaml.parse(content, Loader=GoYamlLoader))
    except yaml.YAMLError as error:
        raise GoYamlError(f"yaml: {_syntax_error(error)}") from error


def _compose(events: Iterator[yaml.Event]) -> Node | None:
    """Return the root of the first document."""
    anchors: dict[str, Node] = {}
    open_nodes = [Node("document", 0)]
    for event in events:
        if isinstance(event, yaml.DocumentEndEvent):
            break
        if isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop()
        elif isinstance(event, yaml.AliasEvent | yaml.ScalarEvent | yaml.CollectionStartEvent):
            node = _node(event, anchors)
            open_nodes[-1].content.append(node)
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append(node)
    return next(iter(open_nodes[0].content), None)


def _node(
    event: yaml.AliasEvent | yaml.ScalarEvent | yaml.CollectionStartEvent, anchors: dict[str, Node]
) -> Node:
    line = event.start_mark.line + 1 if event.start_mark else 0
    if isinstance(event, yaml.AliasEvent):
        if event.anchor not in anchors:
            raise GoYamlError(f"yaml: unknown anchor '{event.anchor}' referenced")
        return Node("alias", line, value=event.anchor, alias=anchors[event.anchor])
    tag = event.tag if event.tag and event.tag != "!" else ""
    if tag.startswith(_LONG_TAG):
        tag = f"!!{tag.removeprefix(_LONG_TAG)}"
    if isinstance(event, yaml.ScalarEvent):
        node = Node("scalar", line, tag, event.value, quoted=event.style not in (None, ""))
    else:
        node = Node("sequence" if isinstance(event, yaml.SequenceStartEvent) else "mapping", line, tag)
    if event.anchor:
        anchors[event.anchor] = node
    return node


def _syntax_error(error: yaml.YAMLError) -> str:
    """Return yaml.v3's text. The line that it names is often one off."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return _problem(str(getattr(error, "reason", error)))
    problem = _problem(str(error.problem))
    is_scanner_error = isinstance(error, ScannerError)
    ends_last_line = not is_scanner_error or problem == "could not find expected ':'"
    lines = [_line(mark, ends_last_line) for mark in (error.context_mark, error.problem_mark) if mark]
    line = next(filter(None, lines), 0)
    if line and is_scanner_error:
        line += 1
    if error.context == "while parsing a block collection":
        problem = "did not find expected '-' indicator"
    return f"line {line}: {problem}" if line else problem


def _line(mark: yaml.Mark, ends_last_line: bool) -> int:
    """Return a mark's line, from 0; at the end it may be a line later."""
    is_end = mark.buffer is not None and mark.buffer[mark.pointer] == "\0"
    return mark.line + bool(ends_last_line and is_end and mark.column)


def _problem(text: str) -> str:
    for pattern, replacement in _PROBLEMS:
        if match := re.fullmatch(pattern, text):
            return match.expand(replacement)
    return text
