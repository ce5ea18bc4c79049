"""Command-line flags with the syntax and the error texts of Go's pflag.

faas-cli and kubectl use pflag: ``--tail=false`` turns a boolean flag off,
while in ``--tail fn`` the word ``fn`` is an argument. Every ``faas-cli
invoke`` loads this parser, so it imports next to nothing: click alone took
longer to import than the rest of an invocation.
"""

from __future__ import annotations

from collections.abc import Sequence

from labkit_services.contract.errors import InvalidValueError

TYPE_CHECKING = False  # the one in typing takes 4 ms to import; type checkers know the name
if TYPE_CHECKING:
    from typing import Any

_TRUE = ("1", "t", "T", "true", "True", "TRUE")
_FALSE = ("0", "f", "F", "false", "False", "FALSE")


class UsageError(InvalidValueError):
    """The command line is not valid."""


class Flag:
    """One flag of a command.

    The type of the default is the type of the flag: a bool needs no value, an
    int takes a whole number, a list one value for each occurrence, and a str
    text or, with ``choices``, one of them in any case.
    """

    def __init__(
        self,
        name: str,
        short: str,
        default: bool | int | str | list[str],
        about: str,
        choices: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.short = short
        self.default = default
        self.about = about
        self.choices = choices

    def parse(self, text: str) -> bool | int | str:
        """Return the value of ``text``; for a list, the item to append."""
        if isinstance(self.default, bool):
            if text in _TRUE or text in _FALSE:
                return text in _TRUE
            expected = "true or false"
        elif isinstance(self.default, int):
            try:
                return int(text)
            except ValueError:
                expected = "a whole number"
        elif self.choices:
            if text.lower() in self.choices:
                return text.lower()
            expected = "one of: " + ", ".join(filter(None, self.choices))
        else:
            return text
        shown = f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"
        raise UsageError(f'invalid argument "{text}" for "{shown}" flag', expected=expected)


class Arguments:
    """A parsed command line; ``words`` are neither flags nor flags' values."""

    def __init__(self, flags: Sequence[Flag], inherited: Arguments | None = None) -> None:
        self.words: list[str] = []
        self._given: set[str] = set()
        self._values: dict[str, Any] = {}
        for flag in flags:
            self._values[flag.name] = list(flag.default) if isinstance(flag.default, list) else flag.default
            if inherited is not None and inherited.given(flag.name):
                self._values[flag.name] = inherited._values[flag.name]
                self._given.add(flag.name)

    def first_word(self, missing: str) -> str:
        """Return the first word; ``missing`` is the error if there is none."""
        if not self.words:
            raise UsageError(missing)
        return self.words[0]

    def text(self, name: str) -> str:
        """Return the value of a text flag."""
        return str(self._values[name])

    def on(self, name: str) -> bool:
        """Return the value of a boolean flag."""
        return bool(self._values[name])

    def number(self, name: str) -> int:
        """Return the value of a whole-number flag."""
        return int(self._values[name])

    def texts(self, name: str) -> list[str]:
        """Return every value of a flag that may be repeated."""
        return list(self._values[name])

    def has(self, name: str) -> bool:
        """Return whether the command has such a flag."""
        return name in self._values

    def given(self, name: str) -> bool:
        """Return whether the flag is on the command line."""
        return name in self._given

    def set(self, flag: Flag, text: str) -> None:
        """Set a flag to the value of ``text``, or append it to a list."""
        value, current = flag.parse(text), self._values[flag.name]
        if isinstance(current, list):
            current.append(str(value))
        else:
            self._values[flag.name] = value
        self._given.add(flag.name)


def parse(
    flags: Sequence[Flag],
    command_line: Sequence[str],
    *,
    interspersed: bool = True,
    inherited: Arguments | None = None,
) -> Arguments:
    """Parse a command line; ``--`` ends the flags.

    Without ``interspersed`` the first word ends them too. ``inherited`` are
    the flags that preceded the command's name.
    """
    arguments = Arguments(flags, inherited)
    by_name = {flag.name: flag for flag in flags}
    by_short = {flag.short: flag for flag in flags if flag.short}
    rest = list(command_line)
    while rest:
        word = rest.pop(0)
        if word == "--":
            arguments.words += rest
            break
        if word.startswith("--"):
            name, equals, text = word[2:].partition("=")
            if name not in by_name:
                raise UsageError(f"unknown flag: --{name}")
            flag = by_name[name]
            arguments.set(flag, text if equals else _next_value(flag, f"--{name}", rest))
        elif word.startswith("-") and word != "-":
            _parse_shorthands(word, by_short, rest, arguments)
        else:
            arguments.words.append(word)
            if not interspersed:
                arguments.words += rest
                break
    return arguments


def _parse_shorthands(word: str, by_short: dict[str, Flag], rest: list[str], arguments: Arguments) -> None:
    """Parse ``-n me``, ``-nme``, ``-n=me``, or boolean flags as in ``-qv``."""
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter not in by_short:
            raise UsageError(f"unknown shorthand flag: '{letter}' in {word}")
        flag = by_short[letter]
        if letters and (letters[0] == "=" or not isinstance(flag.default, bool)):
            arguments.set(flag, letters.removeprefix("="))
            return
        arguments.set(flag, _next_value(flag, f"'{letter}' in {word}", rest))


def _next_value(flag: Flag, shown: str, rest: list[str]) -> str:
    """Return a flag's value without ``=``: the next word, or "true"."""
    if isinstance(flag.default, bool):
        return "true"
    if not rest:
        raise UsageError(f"flag needs an argument: {shown}")
    return rest.pop(0)
