"""Leaves out of a library's import what most of its users never need.

nats-py imports aiohttp, if it is installed, for connections by WebSocket. That
takes longer than everything else that a service imports.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _StandIn(ModuleType):
    """Stands for a module; imports it when it is first used."""

    def __getattr__(self, name: str) -> Any:
        if name == "__path__" and "." in self.__name__:  # ``from MODULE import …`` looks for it
            raise AttributeError(name)
        _withdraw(self)
        return getattr(import_module(self.__name__), name)


def _withdraw(stand_in: ModuleType) -> None:
    if sys.modules.get(stand_in.__name__) is stand_in:
        del sys.modules[stand_in.__name__]


@contextmanager
def imported_on_use(name: str, *functions: str) -> Iterator[None]:
    """Within this block ``import NAME`` does not import the module yet.

    What imported it there imports it when it first uses an attribute. Later
    imports elsewhere are as usual, and so is an ImportError for a module that
    is not installed.

    Args:
        name: The module; one that is in a package is not a package itself.
        functions: Those that are taken out of it in this block; a call of one
            imports the module.
    """
    stand_in = _StandIn(name)
    for function in functions:
        setattr(stand_in, function, _function(name, function))
    parent = name.rpartition(".")[0]
    if name not in sys.modules and (parent or find_spec(name)):  # find_spec would import the parent
        sys.modules[name] = stand_in
    try:
        yield
    finally:
        _withdraw(stand_in)


def _function(module: str, name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(import_module(module), name)(*args, **kwargs)

    return call


def import_nats() -> None:
    """Import nats-py, without aiohttp until a WebSocket needs it."""
    with imported_on_use("aiohttp"):
        import_module("nats.aio.client")
