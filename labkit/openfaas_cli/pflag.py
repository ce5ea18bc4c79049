"""Command-line flags with the syntax and the error texts of Go's pflag.

faas-cli and kubectl use pflag: ``--tail=false`` turns a boolean flag off,
while in ``--tail fn`` the word ``fn`` is an argument. Every ``faas-cli
invoke`` loads this parser, so it imports next to nothing: click alone took
longer to import than the rest of an invocation.
"""

from __future__ import annotations

from labkit_services.contract.errors import InvalidValueError

TYPE_CHECKING = False  # the one in typing takes 4 ms to import; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_TRUE = ("1", "t", "T", "true", "True", "TRUE")
_FALSE = ("0", "f", "F", "false", "False", "FALSE")
_INTEGER = 1 << 63
_BYTES = "surrogateescape"
"""How Python's text holds bytes of a command line that are not UTF-8."""

_ESCAPES = dict(zip('\a\b\f\n\r\t\v"\\', 'abfnrtv"\\', strict=True))


class UsageError(InvalidValueError):
    """The command line is not valid."""


class Flag:
    """One flag of a command.

    The type of the default is the type of the flag: a bool needs no value, an
    int takes a whole number, a list one value for each occurrence, and a str
    text. ``check`` returns the value of a text, or raises a ValueError that
    tells what is wrong.
    """

    def __init__(
        self,
        name: str,
        short: str,
        default: bool | int | str | list[str],
        about: str,
        check: Callable[[str], str] = str,
    ) -> None:
        self.name = name
        self.short = short
        self.default = default
        self.about = about
        self.check = check

    @property
    def takes_value(self) -> bool:
        """Whether a value follows in the next word."""
        return not isinstance(self.default, bool)

    def parse(self, text: str) -> bool | int | str:
        """Return the value of ``text``; for a list, the item to append."""
        try:
            if isinstance(self.default, bool):
                return _parse_bool(text)
            return parse_int(text) if isinstance(self.default, int) else self.check(text)
        except ValueError as error:
            shown = f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"
            raise UsageError(f'invalid argument {quoted(text)} for "{shown}" flag: {error}') from error


def _parse_bool(text: str) -> bool:
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")


def parse_int(text: str) -> int:
    """Return a whole number like Go's ``strconv.ParseInt(text, 0, 64)``.

    ``0x10``, ``0b1`` and ``1_000`` are numbers, ``010`` is 8, and `` 5`` is
    none.
    """
    digits = text.lstrip("+-")
    if digits[:1] == "0" and digits[1:2].isdigit():
        digits = f"0o{digits[1:]}"
    try:
        if len(text) - len(text.lstrip("+-")) > 1 or digits != digits.strip() or not digits.isascii():
            raise ValueError
        number = int(digits, 0) * (-1 if text[0] == "-" else 1)
    except ValueError:
        raise ValueError(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax") from None
    if not -_INTEGER <= number < _INTEGER:
        raise ValueError(f"strconv.ParseInt: parsing {quoted(text)}: value out of range")
    return number


def quoted(text: str) -> str:
    """Return a text in double quotes, like Go's ``%q``."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(letter: str) -> str:
    code = ord(letter)
    if letter in _ESCAPES:
        return "\\" + _ESCAPES[letter]
    if letter.isprintable():
        return letter
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class Arguments:
    """A parsed command line; ``words`` are neither flags nor flags' values."""

    def __init__(self, flags: Sequence[Flag]) -> None:
        self.words: list[str] = []
        self._given: set[str] = set()
        self._values: dict[str, Any] = {
            flag.name: list(flag.default) if isinstance(flag.default, list) else flag.default
            for flag in flags
        }

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


def parse(flags: Sequence[Flag], command_line: Sequence[str]) -> Arguments:
    """Parse a command line; ``--`` ends the flags."""
    arguments = Arguments(flags)
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
            if not name or name.startswith("-"):
                raise UsageError(f"bad flag syntax: {word}")
            if name not in by_name:
                raise UsageError(f"unknown flag: --{name}")
            flag = by_name[name]
            arguments.set(flag, text if equals else _next_value(flag, f"--{name}", rest))
        elif word.startswith("-") and word != "-":
            _parse_shorthands(word[1:], by_short, rest, arguments)
        else:
            arguments.words.append(word)
    return arguments


def first_word(flags: Sequence[Flag], command_line: Sequence[str]) -> int | None:
    """Return the position of the first word that may be a command's name.

    Like cobra, this takes what follows an unknown flag for its value: the
    flags of a command may precede its name, ``-g URL list``, but not if they
    need no value, ``-q list``.
    """
    by_name = {f"--{flag.name}": flag for flag in flags} | {f"-{flag.short}": flag for flag in flags}
    position = 0
    while position < len(command_line):
        word = command_line[position]
        if word == "--":
            return None
        if word and not word.startswith("-"):
            return position
        is_flag = "=" not in word and (word.startswith("--") or len(word.encode("utf-8", _BYTES)) == 2)
        if is_flag and (word not in by_name or by_name[word].takes_value):
            position += 1  # its value
        position += 1
    return None


def _parse_shorthands(letters: str, by_short: dict[str, Flag], rest: list[str], arguments: Arguments) -> None:
    """Parse ``-n me``, ``-nme``, ``-n=me``, or boolean flags as in ``-qv``."""
    while letters:
        place, letter, letters = f"-{letters}", letters[0], letters[1:]
        if letter not in by_short:
            shown = chr(letter.encode("utf-8", _BYTES)[0])  # Go shows the first byte
            raise UsageError(f"unknown shorthand flag: '{shown}' in {place}")
        flag = by_short[letter]
        if len(letters) > 1 and letters[0] == "=":  # after `-n=` alone, "=" is the value
            arguments.set(flag, letters[1:])
            return
        if letters and flag.takes_value:
            arguments.set(flag, letters)
            return
        arguments.set(flag, _next_value(flag, f"'{letter}' in {place}", rest))


def _next_value(flag: Flag, shown: str, rest: list[str]) -> str:
    """Return a flag's value without ``=``: the next word, or "true"."""
    if not flag.takes_value:
        return "true"
    if not rest:
        raise UsageError(f"flag needs an argument: {shown}")
    return rest.pop(0)
