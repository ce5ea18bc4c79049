"""What a handler is called with, as in OpenFaaS's template python3-http, which uses Flask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any


class MissingParameterError(KeyError):
    """``event.query[name]`` without such a parameter: the response is a 400, as with Flask."""


class Query(dict):
    """The first value of each parameter; ``getlist`` returns all of them."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._lists: dict[str, list[str]] = {}
        for name, value in pairs:
            self._lists.setdefault(name, []).append(value)
        super().__init__({name: values[0] for name, values in self._lists.items()})

    def __missing__(self, name: str) -> str:
        raise MissingParameterError(name)

    def get(self, name: str, default: Any = None, type: Callable[[str], Any] | None = None) -> Any:  # noqa: A002
        """Return a value, converted by ``type``; the default if there is none or it cannot be."""
        return _converted(super().get(name), default, type)

    def getlist(self, name: str) -> list[str]:
        """Return all values of a parameter."""
        return list(self._lists.get(name, ()))

    def lists(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each name with all its values."""
        yield from ((name, list(values)) for name, values in self._lists.items())

    def to_dict(self, flat: bool = True) -> dict[str, Any]:
        """Return a dict of the first values, or of all values."""
        return dict(self) if flat else dict(self.lists())


class Headers:
    """Headers of a request, which ignore case; iterating yields pairs, as with Flask.

    The values of a repeated header are joined by commas.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            name = name.title()
            self._values[name] = f"{self._values[name]}, {value}" if name in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.title()]

    def __contains__(self, name: str) -> bool:
        return name.title() in self._values

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._values.items())

    def __len__(self) -> int:
        return len(self._values)

    def __str__(self) -> str:
        return "".join(f"{name}: {value}\r\n" for name, value in self) + "\r\n"

    def get(self, name: str, default: Any = None, type: Callable[[str], Any] | None = None) -> Any:  # noqa: A002
        """Return a value, converted by ``type``; the default if there is none or it cannot be."""
        return _converted(self._values.get(name.title()), default, type)

    def getlist(self, name: str) -> list[str]:
        """Return a list of the value, or an empty one."""
        return [self[name]] if name in self else []

    get_all = getlist

    def keys(self) -> Iterable[str]:
        """Return the names, such as ``X-Call-Id``."""
        return self._values.keys()

    def values(self) -> Iterable[str]:
        """Return the values."""
        return self._values.values()

    def items(self) -> Iterable[tuple[str, str]]:
        """Return name and value of each."""
        return self._values.items()


def _converted(value: str | None, default: Any, convert: Callable[[str], Any] | None) -> Any:
    if value is None or convert is None:
        return default if value is None else value
    try:
        return convert(value)
    except (ValueError, TypeError):
        return default


@dataclass(frozen=True)
class Event:
    """A request.

    Attributes:
        body: As bytes.
        headers: Names ignore case: ``event.headers.get("X-Call-Id")``.
        method: ``GET``, ``POST`` …
        query: First value of each name; ``event.query.getlist(name)`` returns all.
        path: Decoded, without the query.
    """

    body: bytes
    headers: Headers
    method: str
    query: Query
    path: str


@dataclass(frozen=True)
class Context:
    """Where the function runs."""

    hostname: str
