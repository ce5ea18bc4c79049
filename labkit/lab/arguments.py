"""The arguments of a learner's calls, checked against the annotations.

A notebook is not type-checked: ``lab.invoke("cat", {"a": 1})`` would fail
somewhere deep below. Every method of the lab checks its arguments here, so
that the error names the argument, what is expected, and what was given.
"""

from __future__ import annotations

import builtins
import inspect
import os
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from numbers import Integral, Real
from typing import Any, Literal, ParamSpec, TypeVar, get_args, get_origin

from labkit.unexpected import as_lab_error
from labkit_services.contract.errors import InvalidValueError, LabError

P = ParamSpec("P")
T = TypeVar("T")

_NOT_NEGATIVE = ("timeout", "tail", "limit", "failures")
_LARGEST = 1e9
"""Of any number; as a timeout it is as long as a lock can wait."""
_SHOWN = 120
_NAMES = {
    str: "text",
    bytes: "bytes",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    types.NoneType: "None",
    os.PathLike: "a path",
}


def bound(
    method: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> inspect.BoundArguments:
    """Return the arguments of a method's call, defaults included.

    Numbers of another kind, such as NumPy's, are replaced by Python's own:
    JSON and the system's calls take no others.

    Raises:
        InvalidValueError: One is missing, is too many, or does not fit its
            annotation.
    """
    signature, name = inspect.signature(method), method.__name__
    try:
        arguments = signature.bind(*args, **kwargs)
    except TypeError as error:
        # Without annotations: they would be quoted, and hide the names.
        without = inspect.Parameter.empty
        rest = [each.replace(annotation=without) for each in list(signature.parameters.values())[1:]]
        shown = signature.replace(parameters=rest, return_annotation=inspect.Signature.empty)
        given = [*map(_shown, args[1:]), *(f"{key}={_shown(value)}" for key, value in kwargs.items())]
        raise InvalidValueError(
            f"{name}(): {error}", expected=f"{name}{shown}", seen=f"{name}({', '.join(given)})"
        ) from None
    for parameter, expected in _types(method).items():
        if parameter in arguments.arguments:
            value = arguments.arguments[parameter]
            several = signature.parameters[parameter].kind is inspect.Parameter.VAR_POSITIONAL
            for each in value if several else (value,):
                _check(f"{parameter} of {name}()", parameter, each, expected)
            if not several:
                arguments.arguments[parameter] = _plain(value)
    arguments.apply_defaults()
    return arguments


@contextmanager
def reported(name: str) -> Iterator[None]:
    """Turn what nobody expected of a method into an error of the lab."""
    try:
        yield
    except LabError:
        raise
    except Exception as error:
        raise as_lab_error(error, f"{name}()") from error


def checked(method: Callable[P, T]) -> Callable[P, T]:
    """Return a method that checks its arguments first.

    What nobody expected becomes an error of the lab, too.
    """

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        arguments = bound(method, args, kwargs)
        with reported(method.__name__):
            return method(*arguments.args, **arguments.kwargs)

    return call


class _Space(dict[str, Any]):
    """A module's names; one that only the type checker imports is ``Any``."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, Any)


@cache
def _types(method: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of a method's parameters, by name."""
    method = inspect.unwrap(method)
    found = typing.get_type_hints(method, localns=_Space(method.__globals__))
    found.pop("return", None)
    return found


def _check(what: str, name: str, value: Any, expected: Any) -> None:
    if not _fits(value, expected):
        is_structure = name == "body" and isinstance(value, dict | list)
        raise InvalidValueError(
            f"{what} is of the wrong type",
            expected=_described(expected),
            seen=_shown(value),
            next_step="encode it, for example with json.dumps(…)" if is_structure else "",
        )
    if isinstance(value, str):
        if not _is_encodable(value):
            raise InvalidValueError(f"{what} can't be encoded", expected="text", seen=_shown(value))
        if "\0" in value and name != "body":
            raise InvalidValueError(f"{what} contains a NUL", expected="text without one", seen=_shown(value))
    if isinstance(value, Real) and not isinstance(value, bool):
        low = 0.0 if name in _NOT_NEGATIVE else -_LARGEST
        number: Any = value
        if not low <= number <= _LARGEST:
            span = f"a number from {low:,.0f} to {_LARGEST:,.0f}"
            raise InvalidValueError(f"{what} is out of range", expected=span, seen=_shown(value))


def _fits(value: Any, expected: Any) -> bool:
    origin, parts = get_origin(expected), get_args(expected)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts if isinstance(value, str) else False
    if origin is not None and issubclass(origin, Mapping):
        key, item = parts
        return isinstance(value, Mapping) and all(_fits(k, key) and _fits(v, item) for k, v in value.items())
    if origin is Sequence and parts:
        return isinstance(value, Sequence) and all(_fits(item, parts[0]) for item in value)
    if origin is not None:
        return isinstance(value, origin)
    if expected is Any or not isinstance(expected, type):
        return True  # or a type variable
    if expected in (int, float):  # NumPy's numbers, too
        return isinstance(value, Integral if expected is int else Real) and not isinstance(value, bool)
    return isinstance(value, expected)


def _plain(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _described(expected: Any) -> str:
    origin, parts = get_origin(expected), get_args(expected)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_described, parts))
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is not None and issubclass(origin, Mapping):
        return f"a dict of {' to '.join(map(_described, parts))}"
    return _NAMES.get(origin or expected, str(getattr(expected, "__name__", expected)))


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    try:
        text = repr(value).encode("utf-8", "backslashreplace").decode()
    except Exception:
        text = f"a {type(value).__name__}"  # an object that can't even describe itself
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
