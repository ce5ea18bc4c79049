"""JSON from outside: read it, or say in one way what is wrong with it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

MAX_DEPTH = 100
"""Of arrays and objects within each other; no request of the lab has ten.
Python's own limit depends on its version, and on how deep its caller is."""


class InvalidJsonError(ValueError):
    """The data is not JSON that this program reads."""


def read_json(data: bytes) -> Any:
    """Return the value of a JSON document in UTF-8.

    As in Go's ``encoding/json``, the last of several fields of the same name
    counts, ``NaN`` and ``Infinity`` are refused, and half a surrogate pair is
    replaced by U+FFFD: such a string could not be encoded again.

    Raises:
        InvalidJsonError: Whatever is wrong; the message is one line.
    """
    try:
        text = data.decode()
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise InvalidJsonError(f"nested more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:  # no JSON, no UTF-8, or a number of thousands of digits
        raise InvalidJsonError(str(error)) from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    return _without_surrogates(value) if "\\u" in text else value


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJsonError(f"{name} is not a JSON value")


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [each for each in level if isinstance(each, list | dict)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise InvalidJsonError(f"nested more than {MAX_DEPTH} levels deep")
        level = [child for each in level for child in (each.values() if isinstance(each, dict) else each)]


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(each) for name, each in value.items()}
    return value
