"""Command-line flags as faas-cli and kubectl read them.

Both are written in Go with the library pflag, and neither argparse nor click
can follow it: ``--tail=false`` switches a flag off while ``--tail fn`` leaves
``fn`` alone. It is also a matter of time. ``faas-cli invoke`` runs ten times in
a row in the lab, and importing click alone takes longer than all else it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.contract.errors import InvalidValueError

Value = str | bool | int | list[str]

_TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_FALSE = frozenset({"0", "f", "F", "false", "False", "FALSE"})


class UsageError(InvalidValueError):
    """The command line is not understood."""


class Flag(NamedTuple):
    """One flag of a command.

    The default's type says what the flag takes: a bool nothing (or ``=false``),
    an int a whole number, a list one value each time it is given, a str text.
    """

    name: str
    short: str
    default: Value
    help: str


class Arguments:
    """What a command line said: the flags' values, and the words that are no flags."""

    def __init__(self, values: dict[str, Value], given: set[str], words: list[str]) -> None:
        self._values = values
        self._given = given
        self.words = words

    def text(self, name: str) -> str:
        """Return the value of a text flag."""
        return str(self._values[name])

    def on(self, name: str) -> bool:
        """Tell whether a switch is on."""
        return bool(self._values[name])

    def number(self, name: str) -> int:
        """Return the value of a whole-number flag."""
        value = self._values[name]
        assert isinstance(value, int)
        return value

    def texts(self, name: str) -> list[str]:
        """Return every value of a flag that may come more than once."""
        value = self._values[name]
        assert isinstance(value, list)
        return value

    def given(self, name: str) -> bool:
        """Tell whether the flag stood on the command line, whatever its value."""
        return name in self._given


def parse(flags: Sequence[Flag], arguments: Sequence[str]) -> Arguments:
    """Read ``arguments``; flags and words may stand in any order, ``--`` ends the flags.

    Raises:
        UsageError: An unknown flag, a missing value, or a value of the wrong type.
    """
    by_name = {flag.name: flag for flag in flags}
    by_short = {flag.short: flag for flag in flags if flag.short}
    values = {
        flag.name: list(flag.default) if isinstance(flag.default, list) else flag.default for flag in flags
    }
    given: set[str] = set()
    words: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            words += rest
            break
        if argument.startswith("--"):
            pairs = [_long(argument, by_name, rest)]
        elif argument.startswith("-") and argument != "-":
            pairs = _short(argument, by_short, rest)
        else:
            words.append(argument)
            continue
        for flag, text in pairs:
            _set(values, flag, text)
            given.add(flag.name)
    return Arguments(values, given, words)


def _long(argument: str, by_name: Mapping[str, Flag], rest: list[str]) -> tuple[Flag, str]:
    name, equals, text = argument[2:].partition("=")
    flag = by_name.get(name)
    if flag is None:
        raise UsageError(f"unknown flag: --{name}")
    if equals:
        return flag, text
    return flag, _following(flag, f"--{name}", rest)


def _short(argument: str, by_short: Mapping[str, Flag], rest: list[str]) -> list[tuple[Flag, str]]:
    """Read ``-f``, ``-fvalue``, ``-f=value``, and switches strung together as in ``-qv``."""
    pairs = []
    letters = argument[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = by_short.get(letter)
        if flag is None:
            raise UsageError(f"unknown shorthand flag: '{letter}' in {argument}")
        if letters.startswith("="):
            pairs.append((flag, letters[1:]))
            break
        if isinstance(flag.default, bool):
            pairs.append((flag, "true"))
        elif letters:
            pairs.append((flag, letters))
            break
        else:
            pairs.append((flag, _following(flag, f"'{letter}' in {argument}", rest)))
    return pairs


def _following(flag: Flag, shown: str, rest: list[str]) -> str:
    if isinstance(flag.default, bool):
        return "true"
    if not rest:
        raise UsageError(f"flag needs an argument: {shown}")
    return rest.pop(0)


def _set(values: dict[str, Value], flag: Flag, text: str) -> None:
    current = values[flag.name]
    if isinstance(current, bool):
        if text not in _TRUE | _FALSE:
            raise _invalid(flag, text, "a boolean: true or false")
        values[flag.name] = text in _TRUE
    elif isinstance(current, int):
        try:
            values[flag.name] = int(text)
        except ValueError:
            raise _invalid(flag, text, "a whole number") from None
    elif isinstance(current, list):
        current.append(text)
    else:
        values[flag.name] = text


def _invalid(flag: Flag, text: str, expected: str) -> UsageError:
    shown = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
    return UsageError(f'invalid argument "{text}" for "{shown}" flag', expected=expected)
