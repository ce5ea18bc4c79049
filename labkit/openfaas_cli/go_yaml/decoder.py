"""Read YAML into typed values with the rules and texts of Go's yaml.v3.

The real faas-cli unmarshals its files into structs: a scalar keeps its text
where text is due, a null leaves a field as it is, an unknown key is ignored, a
repeated key and a value of another type are errors, ``<<`` merges, and only
the first document counts.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from labkit.openfaas_cli.go_yaml.limits import AliasBudget
from labkit.openfaas_cli.go_yaml.node import GoYamlError, Node, document
from labkit.openfaas_cli.go_yaml.scalar import (
    BINARY,
    BOOL,
    FALSE_WORDS,
    MAP,
    MERGE,
    NULL,
    SEQUENCE,
    STRING,
    TRUE_WORDS,
    implicit_tag,
    scalar_tag,
)

_MOST_ERRORS = 1000
"""Of a mapping's keys: n equal ones are n²/2 pairs, of which Go names each."""


@dataclass(frozen=True)
class GoType:
    """A type of Go that YAML is read into; ``name`` is Go's.

    A struct has ``fields``, by key; a map and a slice have ``of``, the type of
    what they hold; ``string`` and ``bool`` have neither.
    """

    name: str
    fields: Mapping[str, GoType] | None = None
    of: GoType | None = None

    @property
    def zero(self) -> Any:
        """What Go has where nothing was set."""
        return {"string": "", "bool": False}.get(self.name, {})


TEXT = GoType("string")
FLAG = GoType("bool")
TEXTS = GoType("[]string", of=TEXT)
TEXT_MAP = GoType("map[string]string", of=TEXT)


def unmarshal(content: bytes, into: GoType) -> dict[str, Any]:
    """Return the struct or map ``into`` that a file's content describes.

    A struct and a map are dicts, a struct without the fields that are not set
    or null. An empty file is an empty dict.

    Raises:
        GoYamlError: With yaml.v3's own text as the headline.
    """
    root = document(content)
    if root is None:
        return {}
    decoder = _Decoder()
    value = decoder.decode(root, into)
    if decoder.errors:
        lines = "".join(f"\n  {line}" for line in decoder.errors)
        raise GoYamlError(f"yaml: unmarshal errors:{lines}")
    return value or {}


class _Decoder:
    """Decodes the nodes of one document; collects the type errors."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self._budget = AliasBudget()
        self._open: set[int] = set()
        """The aliases whose content is being decoded, by identity."""

    def decode(self, node: Node, into: GoType) -> Any:
        """Return the value, or None if it is null or in error."""
        self._budget.count()
        if node.alias is not None:
            target = node.alias
            return self._inside(node, lambda: self.decode(target, into))
        if node.kind == "scalar":
            return self._scalar(node, into)
        if node.kind == "sequence":
            if into.of is None or not into.name.startswith("[]"):
                return self._mismatch(node, SEQUENCE, into)
            of = into.of
            items = [self.decode(item, of) for item in node.content]
            return [item for item in items if item is not None]
        if self._has_repeated_keys(node):
            return None
        if into.fields is None and not into.name.startswith("map["):
            return self._mismatch(node, MAP, into)
        value: dict[str, Any] = {}
        self._fill(node, into, value, None)
        return value

    def _scalar(self, node: Node, into: GoType) -> Any:
        tag, text = _tag(node), node.value
        if tag == BINARY:
            text = _decoded(text)
        if tag == NULL:
            return None
        if into.name == "string":
            return text
        if into.name == "bool":
            if tag == BOOL:
                return text.lower() == "true"
            if text in TRUE_WORDS | FALSE_WORDS:
                return text in TRUE_WORDS
        return self._mismatch(node, tag, into)

    def _fill(self, node: Node, into: GoType, value: dict[str, Any], merged: set[str] | None) -> None:
        """Set ``value``'s entries; those in ``merged`` are set already."""
        merge = None
        for key_node, value_node in node.pairs():
            if key_node.is_merge:
                merge = value_node
                continue
            key = self.decode(key_node, TEXT)
            if key is None:
                continue
            if merged is not None:
                if key in merged:
                    continue
                merged.add(key)
            of = into.of if into.fields is None else into.fields.get(key)
            if of is None:
                continue
            item = self.decode(value_node, of)
            if item is None and into.fields is None and key not in value and _is_null(value_node):
                item = of.zero
            if item is not None:
                value[key] = item
        if merge is not None:
            known = _text_keys(node) if merged is None else merged
            for source in merge.content if merge.kind == "sequence" else [merge]:
                self._merge(source, into, value, known)

    def _merge(self, source: Node, into: GoType, value: dict[str, Any], merged: set[str]) -> None:
        target = source.alias or source
        if target.kind != "mapping":
            raise GoYamlError("yaml: map merge requires map or sequence of maps as the value")
        if self._has_repeated_keys(target):
            return
        if source.alias is None:
            self._fill(target, into, value, merged)
        else:
            self._inside(source, lambda: self._fill(target, into, value, merged))

    def _inside(self, alias: Node, decode: Callable[[], Any]) -> Any:
        if id(alias) in self._open:
            raise GoYamlError(f"yaml: anchor '{alias.value}' value contains itself")
        self._open.add(id(alias))
        self._budget.depth += 1
        self._budget.count()
        try:
            return decode()
        finally:
            self._budget.depth -= 1
            self._open.discard(id(alias))

    def _has_repeated_keys(self, node: Node) -> bool:
        alike: dict[tuple[str, str], list[Node]] = {}
        for key, _ in node.pairs():
            alike.setdefault((key.kind, key.value), []).append(key)
        if all(len(keys) == 1 for keys in alike.values()):
            return False
        seen: Counter[tuple[str, str]] = Counter()
        for key, _ in node.pairs():
            seen[key.kind, key.value] += 1
            for later in islice(alike[key.kind, key.value], seen[key.kind, key.value], None):
                if len(self.errors) >= _MOST_ERRORS:
                    return True
                shown = json.dumps(later.value, ensure_ascii=False)
                self.errors.append(
                    f"line {later.line}: mapping key {shown} already defined at line {key.line}"
                )
        return True

    def _mismatch(self, node: Node, tag: str, into: GoType) -> None:
        tag = node.tag or tag
        shown = f" `{node.value}`" if len(node.value.encode()) <= 10 else f" `{node.value[:7]}...`"
        seen = tag if tag in (SEQUENCE, MAP) else tag + shown
        self.errors.append(f"line {node.line}: cannot unmarshal {seen} into {into.name}")


def _tag(node: Node) -> str:
    """Return a scalar's short tag; raise if its written tag does not fit."""
    if node.quoted and not node.tag:
        return STRING
    if node.is_merge:
        return MERGE
    tag = scalar_tag(node.value, node.tag)
    if tag is None:
        seen = implicit_tag(node.value, timestamps=False)
        raise GoYamlError(f"yaml: cannot decode {seen} `{node.value}` as a {node.tag}")
    return tag


def _is_null(node: Node) -> bool:
    node = node.alias or node
    return node.kind == "scalar" and _tag(node) == NULL


def _text_keys(node: Node) -> set[str]:
    """Return the keys that are text: to Go, ``1`` and ``"1"`` differ."""
    nodes: Iterator[Node] = (key.alias or key for key, _ in node.pairs())
    return {key.value for key in nodes if key.kind == "scalar" and _tag(key) == STRING}


def _decoded(text: str) -> str:
    try:
        content = base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except binascii.Error as error:
        raise GoYamlError("yaml: !!binary value contains invalid base64 data") from error
    return content.decode("utf-8", "surrogateescape")
