"""Write YAML as Go's yaml.v3 does, with an indentation of two."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Mapping
from functools import cmp_to_key
from typing import Any

import yaml

from labkit.openfaas_cli.go_yaml.scalar import BOOL, FALSE_WORDS, STRING, TRUE_WORDS, implicit_tag

_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
"""What yaml.v3 only writes as an escape, in double quotes."""
_TEXT_TAG = "tag:yaml.org,2002:str"
_BOOL_TAG = "tag:yaml.org,2002:bool"


def marshal(content: Mapping[str, Any]) -> str:
    """Return a document of mappings, lists, texts and booleans, in order."""
    text: str = yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=sys.maxsize, indent=2
    )
    text = text.removesuffix("...\n")  # PyYAML's end after a text that ends in empty lines
    return _ASTRAL.sub(lambda match: f"\\U{ord(match[0]):08X}", text)


def sorted_map(content: Mapping[str, str]) -> dict[str, str]:
    """Return a map in the order of Go's yaml.v3: ``A9`` precedes ``A10``."""
    return {key: content[key] for key in sorted(content, key=cmp_to_key(_compare))}


class _Dumper(yaml.SafeDumper):
    def resolve(self, kind: type[yaml.Node], value: str, implicit: Any) -> str:
        """Return the tag that a reader gives to a value that has none."""
        if kind is not yaml.ScalarNode:
            return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]
        is_plain, _ = implicit
        return _BOOL_TAG if is_plain and implicit_tag(value) == BOOL else _TEXT_TAG

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent the items of a list, too."""
        super().increase_indent(flow, False)

    def check_simple_key(self) -> bool:
        """Return whether a key needs no question mark."""
        is_empty = isinstance(self.event, yaml.ScalarEvent) and not self.event.value
        return is_empty or super().check_simple_key()


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_old = text in TRUE_WORDS | FALSE_WORDS or _BASE_60.fullmatch(text)
    plain = implicit_tag(text) == STRING and not is_old
    style = "|" if "\n" in text else None if plain else '"'
    if _ASTRAL.search(text):
        style = '"'
    return dumper.represent_scalar(_TEXT_TAG, text, style=style)


_Dumper.add_representer(str, _represent_text)


def _compare(a: str, b: str) -> int:
    """Return -1 or 1, or 0 for equal keys: numbers in texts count as such."""
    if a == b:
        return 0
    position = next(
        (index for index, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1]),
        min(len(a), len(b)),
    )
    if position == min(len(a), len(b)):
        return -1 if len(a) < len(b) else 1
    return -1 if _precedes(a, b, position) else 1


def _precedes(a: str, b: str, position: int) -> bool:
    """Return whether ``a`` comes first; the two differ at ``position``."""
    a_is_letter, b_is_letter = _is_letter(a[position]), _is_letter(b[position])
    if a_is_letter and b_is_letter:
        return a[position] < b[position]
    if a_is_letter or b_is_letter:
        after_digit = position > 0 and a[position - 1].isdecimal()
        return a_is_letter if after_digit else b_is_letter
    is_inside_number = "0" in (a[position], b[position]) and re.search(r"[1-9]\d*$", a[:position])
    lead = "1" if is_inside_number else "0"
    a_digits, b_digits = (lead + _leading_digits(text[position:]) for text in (a, b))
    return (int(a_digits), len(a_digits), a[position]) < (int(b_digits), len(b_digits), b[position])


def _leading_digits(text: str) -> str:
    return text[: next((index for index, char in enumerate(text) if not char.isdecimal()), len(text))]


def _is_letter(char: str) -> bool:
    return unicodedata.category(char).startswith("L")
