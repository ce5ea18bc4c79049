r"""Substitute ``${NAME}`` and its operators in a text, as drone/envsubst does.

The real faas-cli uses version 1.0.3 of that Go library. It differs from a
shell, and this module follows it: ``${V-x}`` is an error, ``${V:+x}`` means
the same as ``${V:-x}``, ``$V`` stays as it is, lengths and positions count
bytes, and outside of ``${}`` the backslash of ``\\`` and ``\/`` goes away.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import NamedTuple

from labkit_services.contract.errors import LabError

_END = ("", "\0")
"""The end of the text; the library also stops at a NUL."""
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_CLASS_CHAR = r"(?:[^\\\]-]|\\.)"
_PATTERN_TERM = re.compile(rf"\*|\?|\[\^?(?:{_CLASS_CHAR}(?:-{_CLASS_CHAR})?)+\]|\\.|[^\\\[]", re.DOTALL)
"""One term of a shell pattern: the terms of Go's ``path.Match``."""


class EnvsubstError(LabError, ValueError):
    """A ``${…}`` is malformed; the headline is the library's own text."""


class _Expression(NamedTuple):
    """``${name operator arguments}``."""

    name: str
    operator: str = ""
    arguments: tuple[str | _Expression, ...] = ()


def substitute(text: str, environment: Mapping[str, str]) -> str:
    """Replace every ``${…}`` of ``text``; a missing variable is empty.

    Bytes that are not UTF-8 are surrogates, as ``surrogateescape`` has them.

    Raises:
        EnvsubstError: With the library's own text as the headline.
    """
    parts = _Parser(text).parts()
    return "".join(_value(part, environment) for part in parts)


class _Parser:
    """Parses one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def parts(self) -> list[str | _Expression]:
        """Return the literal parts and the expressions of the whole text."""
        parts: list[str | _Expression] = []
        while self._peek() not in _END:
            is_expression = self._take("${")
            parts.append(self._expression() if is_expression else self._literal(lambda _: True, escapes=True))
        return parts

    def _expression(self) -> _Expression:
        if self._take("#"):
            name = self._run(_is_name)
            self._require(bool(name))
            return self._closed(_Expression(name, "#"))
        name = self._run(_is_name)
        self._require(bool(name), "unable to parse variable name")
        following, next_but_one = self._peek(), self._peek(1)
        if following == "=" or (following == ":" and next_but_one and next_but_one in "=-?+"):
            return self._default(name)
        match following:
            case ":":
                return self._substring(name)
            case "," | "^":
                return self._closed(_Expression(name, self._run(lambda char: char in ",^", most=2)))
            case "#" | "%":
                operator = self._run(lambda char: char == following, most=2)
                return self._closed(_Expression(name, operator, (self._argument("}"),)))
            case "/":
                return self._replacement(name)
        self._require(self._take("}"), "missing closing brace")
        return _Expression(name)

    def _default(self, name: str) -> _Expression:
        operator = self._run(lambda _: True, most=1 if self._peek() == "=" else 2)
        arguments = []
        while self._peek() != "}":
            arguments.append(self._argument("}"))
        return self._closed(_Expression(name, operator, tuple(arguments)))

    def _substring(self, name: str) -> _Expression:
        # The library steps back by the width of the character after the
        # colon, and needs it to be that of the colon.
        self._require(len(_bytes(self._peek(1))) == 1)
        self._take(":")
        position = self._argument(":}")
        if not self._run(lambda char: char == ":"):
            return self._closed(_Expression(name, ":", (position,)))
        return self._closed(_Expression(name, ":", (position, self._argument("}"))))

    def _replacement(self, name: str) -> _Expression:
        self._take("/")
        operator = "/" + self._run(lambda char: char in "/#%", most=1)
        old = self._argument("/", escapes=True)
        self._require(bool(self._run(lambda char: char == "/")))
        new = () if self._peek() == "}" else (self._argument("}", escapes=True),)
        return self._closed(_Expression(name, operator, (old, *new)))

    def _argument(self, stops: str, *, escapes: bool = False) -> str | _Expression:
        if self._take("${"):
            return self._expression()
        literal = self._literal(lambda char: char not in stops, escapes=escapes)
        self._require(bool(literal), "unable to parse substitution within function")
        return literal

    def _literal(self, accepts: Callable[[str], bool], *, escapes: bool) -> str:
        """Return the text up to ``${``, a rejected character or the end."""
        taken = []
        while (char := self._peek()) not in _END and char + self._peek(1) != "${":
            if escapes and char + self._peek(1) in ("$$", "\\\\", "\\/"):
                self._position += 1
                char = self._peek()
            elif not accepts(char):
                break
            taken.append(char)
            self._position += 1
        return "".join(taken)

    def _run(self, accepts: Callable[[str], bool], *, most: int | None = None) -> str:
        start = self._position
        while self._peek() not in _END and accepts(self._peek()) and self._position - start != most:
            self._position += 1
        return self._text[start : self._position]

    def _closed(self, expression: _Expression) -> _Expression:
        self._require(self._take("}"))
        return expression

    def _peek(self, ahead: int = 0) -> str:
        return self._text[self._position + ahead : self._position + ahead + 1]

    def _take(self, text: str) -> bool:
        found = self._text.startswith(text, self._position)
        self._position += len(text) if found else 0
        return found

    def _require(self, condition: bool, message: str = "bad substitution") -> None:
        if not condition:
            raise EnvsubstError(message)


def _value(part: str | _Expression, environment: Mapping[str, str]) -> str:
    if isinstance(part, str):
        return part
    arguments = [_value(argument, environment) for argument in part.arguments]
    value = environment.get(part.name, "")
    match part.operator:
        case ",,":
            return "".join(map(_lower, value))
        case ",":
            return "".join([*map(_lower, value[:1]), value[1:]])
        case "^^":
            return "".join(map(_upper, value))
        case "^":
            return "".join([*map(_upper, value[:1]), value[1:]])
        case "#" if not arguments:
            return str(len(_bytes(value)))
        case "#" | "##" | "%" | "%%":
            return _trim(value, part.operator, arguments[0])
        case ":":
            return _slice(value, arguments)
        case "/" | "//" | "/#" | "/%":
            return _replace(value, part.operator, arguments)
    return value or "".join(arguments)


def _trim(value: str, operator: str, pattern: str) -> str:
    """Cut what matches ``pattern`` from the start or the end of ``value``.

    ``#`` and ``##`` cut the shortest and the longest match at the start, ``%``
    and ``%%`` at the end, where the library reverses value and pattern. A
    malformed pattern cuts nothing; neither does an empty match.
    """
    if operator.startswith("%"):
        return _trim(value[::-1], operator.replace("%", "#"), pattern[::-1])[::-1]
    terms = _PATTERN_TERM.findall(pattern)
    if "".join(terms) != pattern:
        return value
    expression = re.compile("".join(map(_regular_expression, terms)), re.DOTALL)
    content = _bytes(value)
    ends = range(len(content), 0, -1) if operator == "##" else range(1, len(content) + 1)
    matching = (end for end in ends if expression.fullmatch(_text(content[:end])))
    return _text(content[next(matching, 0) :])


def _regular_expression(term: str) -> str:
    """Return the regular expression of one term of a shell pattern."""
    if term in "*?":
        return ".*" if term == "*" else "."
    if term.startswith("[") and len(term) > 1:
        negated = term.startswith("[^")
        ranges = re.findall(rf"({_CLASS_CHAR})(?:-({_CLASS_CHAR}))?", term[1 + negated : -1], re.DOTALL)
        bounds = [(first[-1], (last or first)[-1]) for first, last in ranges]
        # An empty range matches nothing; re refuses it.
        escaped = "".join(f"{re.escape(a)}-{re.escape(b)}" for a, b in bounds if a <= b)
        if not escaped:
            return "." if negated else "(?!)"
        return f"[{'^' if negated else ''}{escaped}]"
    return re.escape(term[-1])


def _slice(value: str, arguments: list[str]) -> str:
    if not all(_INTEGER.fullmatch(text) and abs(int(text)) < 2**63 for text in arguments):
        return value
    content = _bytes(value)
    start = int(arguments[0])
    if start < 0:
        start = max(0, len(content) + start)
    if len(arguments) == 1:
        return _text(content[start:])
    end = start + int(arguments[1])
    if end < start and end < len(content):
        # The real faas-cli crashes here.
        raise EnvsubstError(
            f"slice bounds out of range [{start if end >= 0 else ''}:{end}]",
            seen=f"the length {arguments[1]} of a substring",
            next_step="a length counts from the position and is not negative",
        )
    return _text(content[start:end])


def _replace(value: str, operator: str, arguments: list[str]) -> str:
    old, new = arguments[0], "".join(arguments[1:])
    match operator:
        case "//":
            return value.replace(old, new)
        case "/":
            return value.replace(old, new, 1)
        case "/#" if len(arguments) == 2 and value.startswith(old):
            return new + value[len(old) :]
        case "/%" if len(arguments) == 2 and value.endswith(old):
            return value[: len(value) - len(old)] + new
    return value


def _is_name(char: str) -> bool:
    return char == "_" or unicodedata.category(char) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd")


def _upper(char: str) -> str:
    """Return the one character that Unicode maps to, as Go does."""
    return next((mapped for mapped in (char.upper(), char.title()) if len(mapped) == 1), char)


def _lower(char: str) -> str:
    return char.lower()[0]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")
