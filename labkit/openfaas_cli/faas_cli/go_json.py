"""JSON as Go's ``encoding/json`` writes it, for ``--json`` of faas-cli.

Go writes a struct's fields in their order, a map's keys sorted, and characters
beyond ASCII as they are. An empty field is left out only if it is marked so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

NO_TIME = "0001-01-01T00:00:00Z"
"""How Go writes a time that was never set."""

_ESCAPED = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_FRACTION = re.compile(r"\.\d+")


class Field(NamedTuple):
    """A field of a struct.

    ``zero`` is written if there is no value; without it the field is left out.
    With ``unless_empty``, an empty value counts as none.
    """

    name: str
    zero: Any = ...
    unless_empty: bool = False


def left_out(*names: str) -> tuple[Field, ...]:
    """Return fields that are left out when empty."""
    return tuple(Field(name, unless_empty=True) for name in names)


FUNCTION_STATUS = (
    Field("name", ""),
    Field("image", ""),
    *left_out("namespace", "envProcess", "envVars", "constraints", "secrets"),
    # Pointers in Go: an empty object is written.
    *(Field(name) for name in ("labels", "annotations", "limits", "requests")),
    *left_out("readOnlyRootFilesystem", "invocationCount", "replicas", "availableReplicas"),
    Field("createdAt", NO_TIME),
    Field("usage"),
)
"""The struct ``FunctionStatus`` of OpenFaaS's ``faas-provider``."""


def struct(fields: Sequence[Field], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``content`` as a struct with these fields."""
    written = {}
    for name, zero, unless_empty in fields:
        value = content.get(name)
        if value is None or (unless_empty and not value):
            if zero is ...:
                continue
            value = zero
        written[name] = _sorted(value)
    return written


def function_status(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function of the gateway as ``FunctionStatus``."""
    written = struct(FUNCTION_STATUS, content)
    written["createdAt"] = go_time(str(written["createdAt"]))
    for name in ("limits", "requests"):
        if name in written:
            written[name] = struct(left_out("memory", "cpu"), written[name])
    if "usage" in written:
        written["usage"] = struct(left_out("cpu", "totalMemoryBytes"), written["usage"])
    return written


def indented(value: Any) -> str:
    """Return JSON with two spaces for each level (``MarshalIndent``)."""
    return _escaped(json.dumps(_whole(value), indent=2, ensure_ascii=False))


def compact(value: Any) -> str:
    """Return JSON on one line (``Marshal``)."""
    return _escaped(json.dumps(_whole(value), separators=(",", ":"), ensure_ascii=False))


def go_time(text: str) -> str:
    """Return an RFC 3339 time as Go writes it: no zeros at its end."""
    fraction = _FRACTION.search(text)
    short = fraction[0].rstrip("0").rstrip(".") if fraction else ""
    text = _FRACTION.sub(short, text, count=1)
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def time_string(text: str) -> str:
    """Return an RFC 3339 time as Go's ``Time.String``."""
    try:
        zone = datetime.fromisoformat(text).strftime("%z")
    except ValueError:
        return text
    moment = go_time(text)
    return f"{moment[:10]} {moment[11:].rstrip('Z')} +0000 UTC" if zone == "+0000" else text


def _sorted(value: Any) -> Any:
    return dict(sorted(value.items())) if isinstance(value, Mapping) else value


def _whole(value: Any) -> Any:
    """Return ``value`` with ``3`` for 3.0: Go has one kind of number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _whole(item) for name, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _escaped(text: str) -> str:
    """Escape what Go escapes for HTML; none of it occurs outside strings."""
    return text.translate(_ESCAPED)
