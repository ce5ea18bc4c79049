"""JSON from elsewhere, read into a known shape as Go's ``json.Unmarshal``.

A server that is no gateway answers 200 with HTML, a list or ``null``. Go's
program has a type for each response; what does not fit is an error with a
given text, and what is missing has the type's zero value. The texts are those
of ``encoding/json`` (scanner.go and decode.go), measured with Go 1.19.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_SURROGATE = re.compile("[\ud800-\udfff]")


class DecodeError(ValueError):
    """The text is not JSON, or not of the expected shape."""


class Shape(Protocol):
    """What a value is read into; ``go`` is the name of that type in Go."""

    @property
    def go(self) -> str:
        """Its name in Go."""

    def read(self, value: Any, place: str) -> Any:
        """Return a value that is not null; DecodeError if it does not fit."""

    def zero(self) -> Any:
        """Return what null is read as; None if there is no value."""


@dataclass(frozen=True)
class Text:
    """A string; a time is one, too, but is left out if it is missing."""

    go: str = "string"

    def read(self, value: Any, place: str) -> str:
        """Return it; half of a surrogate pair becomes U+FFFD, as in Go."""
        if not isinstance(value, str):
            raise _mismatch(value, place, self.go)
        return _SURROGATE.sub("\ufffd", value)

    def zero(self) -> str:
        """Return ""."""
        return ""


@dataclass(frozen=True)
class Number:
    """A number: ``float64``, or a whole one that is not negative."""

    go: str = "float64"

    def read(self, value: Any, place: str) -> int | float:
        """Return it."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _mismatch(value, place, self.go)
        is_whole = isinstance(value, int) and 0 <= value < 2**64
        if not (is_whole if self.go == "uint64" else _is_finite(value)):
            raise _mismatch(value, place, self.go, f" {value}")
        return value

    def zero(self) -> None:
        """Return None: a missing number is left out."""


@dataclass(frozen=True)
class Truth:
    """A ``bool``."""

    go: str = "bool"

    def read(self, value: Any, place: str) -> bool:
        """Return it."""
        if not isinstance(value, bool):
            raise _mismatch(value, place, self.go)
        return value

    def zero(self) -> None:
        """Return None: a missing one is left out."""


@dataclass(frozen=True)
class ListOf:
    """A slice."""

    of: Shape

    @property
    def go(self) -> str:
        """Its name in Go."""
        return f"[]{self.of.go}"

    def read(self, value: Any, place: str) -> list[Any]:
        """Return it; a null in it is its type's zero value."""
        if not isinstance(value, list):
            raise _mismatch(value, place, self.go)
        return [self.of.zero() if item is None else self.of.read(item, place) for item in value]

    def zero(self) -> None:
        """Return None, Go's nil."""


@dataclass(frozen=True)
class MapOf:
    """A map with strings as keys."""

    of: Shape

    @property
    def go(self) -> str:
        """Its name in Go."""
        return f"map[string]{self.of.go}"

    def read(self, value: Any, place: str) -> dict[str, Any]:
        """Return it; a null in it is its type's zero value."""
        if not isinstance(value, dict):
            raise _mismatch(value, place, self.go)
        return {
            Text().read(name, place): self.of.zero() if item is None else self.of.read(item, place)
            for name, item in value.items()
        }

    def zero(self) -> None:
        """Return None, Go's nil."""


@dataclass(frozen=True)
class Struct:
    """A struct; unknown fields are dropped, strings that lack are ""."""

    go: str
    fields: Mapping[str, Shape]

    def read(self, value: Any, place: str) -> dict[str, Any]:
        """Return its fields; those without a value are left out."""
        if not isinstance(value, dict):
            raise _mismatch(value, place, self.go)
        found = self.zero()
        outer = place or self.go.rpartition(".")[2]
        # Go ignores the case of names; the exact one comes last, and wins.
        for name, shape in self.fields.items():
            given = [value[key] for key in value if key.lower() == name.lower() and key != name]
            for item in (*given, value.get(name)):
                if item is not None:
                    found[name] = shape.read(item, f"{outer}.{name}")
        return found

    def zero(self) -> dict[str, Any]:
        """Return the strings; a struct within is a pointer, and left out."""
        return {name: "" for name, shape in self.fields.items() if shape == Text()}


_RESOURCES = {"memory": Text(), "cpu": Text()}
_STRINGS = MapOf(Text())

FUNCTION_STATUS = Struct(
    "types.FunctionStatus",
    {
        **dict.fromkeys(("name", "image", "namespace", "envProcess"), Text()),
        **dict.fromkeys(("envVars", "labels", "annotations"), _STRINGS),
        **dict.fromkeys(("constraints", "secrets"), ListOf(Text())),
        **dict.fromkeys(("limits", "requests"), Struct("types.FunctionResources", _RESOURCES)),
        "readOnlyRootFilesystem": Truth(),
        "invocationCount": Number(),
        **dict.fromkeys(("replicas", "availableReplicas"), Number("uint64")),
        "createdAt": Text("time.Time"),
        "usage": Struct("types.FunctionUsage", {"cpu": Number(), "totalMemoryBytes": Number()}),
    },
)
"""The struct of ``faas-provider``."""

SECRET = Struct("types.Secret", {"name": Text(), "namespace": Text(), "value": Text()})

_VERSION = Struct("types.VersionInfo", {"sha": Text(), "release": Text()})
_PROVIDER = Struct("types.ProviderInfo", {"provider": Text(), "orchestration": Text(), "version": _VERSION})
GATEWAY_INFO = Struct("types.GatewayInfo", {"provider": _PROVIDER, "version": _VERSION, "arch": Text()})


def decode(body: bytes, shape: Shape) -> Any:
    """Return JSON in a known shape; null is the shape's zero value.

    Raises:
        DecodeError: It is no JSON, or does not fit.
    """
    value = parse(body)
    return shape.zero() if value is None else shape.read(value, "")


def parse(body: bytes) -> Any:
    """Return JSON of any shape.

    Raises:
        DecodeError: It is no JSON, or nested too deeply.
    """
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise DecodeError(_syntax_error(text, error)) from error
    except RecursionError:
        raise DecodeError("invalid character '[' exceeded max depth") from None
    except ValueError as error:  # a number of thousands of digits
        raise DecodeError(str(error)) from error


def _constant(name: str) -> None:
    raise DecodeError(f"invalid character {name[:1]!r} looking for beginning of value")


_AFTER = {
    "Expecting value": "looking for beginning of value",
    "Unexpected UTF-8 BOM": "looking for beginning of value",
    "Expecting property name": "looking for beginning of object key string",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Expecting ':' delimiter": "after object key",
    "Extra data": "after top-level value",
    "Invalid control character": "in string literal",
    "Invalid \\escape": "in string escape code",
}
"""Go's texts for the beginnings of Python's."""


def _syntax_error(text: str, error: json.JSONDecodeError) -> str:
    at = error.pos
    if error.msg.startswith("Invalid \\escape"):
        at += 1  # Python names the backslash
    if error.msg.startswith("Illegal trailing comma"):  # from Python 3.13 on; it names the comma
        at = next((index for index in range(at + 1, len(text)) if not text[index].isspace()), len(text))
    if not text[at:].strip() or error.msg.startswith("Unterminated string"):
        return "unexpected end of JSON input"
    letter = "'\\''" if text[at] == "'" else "'\"'" if text[at] == '"' else repr(text[at])
    if error.msg.startswith("Expecting ',' delimiter"):
        return f"invalid character {letter} after {_container(text, at)}"
    for beginning, place in _AFTER.items():
        if error.msg.startswith(beginning):
            return f"invalid character {letter} {place}"
    return str(error)


def _container(text: str, end: int) -> str:
    """Return what the innermost open bracket before ``end`` holds."""
    depth = 0
    for letter in reversed(re.sub(r'"(?:[^"\\]|\\.)*"', "", text[:end])):
        depth += (letter in "]}") - (letter in "[{")
        if depth < 0:
            return "object key:value pair" if letter == "{" else "array element"
    return "top-level value"


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _mismatch(value: Any, place: str, go: str, number: str = "") -> DecodeError:
    kinds = {bool: "bool", str: "string", list: "array", dict: "object"}
    target = f"struct field {place}" if place else "value"
    kind = kinds.get(type(value), "number") + number
    return DecodeError(f"json: cannot unmarshal {kind} into Go {target} of type {go}")
