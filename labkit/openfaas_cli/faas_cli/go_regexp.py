"""Regular expressions with the syntax and the error texts of Go (RE2).

Python's ``re`` matches them: what differs is translated, and what Go does not
know is refused.
"""

from __future__ import annotations

import re

_ESCAPES = frozenset("AbBdDsSwWfntrav")
"""Letters that mean the same to both after a backslash."""
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_UNICODE = {"L": "A-Za-z", "Lu": "A-Z", "Ll": "a-z", "N": "0-9", "Nd": "0-9"}
"""What a function's name can have of a Unicode class."""
_REPEAT = re.compile(r"(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})(\??)")
_GROUP = re.compile(r"\?(?:P?<(?P<name>\w+)>|(?P<flags>[imsU]*(?:-[imsU]+)?)(?P<end>[:)]))", re.ASCII)
_MAX_REPEAT = 1000


class RegexpError(ValueError):
    """The expression is none of Go's; the text is Go's own."""

    def __init__(self, problem: str, part: str) -> None:
        super().__init__(f"error parsing regexp: {problem}: `{part}`")


def compile_go(expression: str) -> re.Pattern[str]:
    """Return the expression for Python.

    Raises:
        RegexpError: Go refuses it, or it needs a class of Unicode other than
            letters and digits, which Python does not have.
    """
    translated = _Translation(expression).whole()
    try:
        return re.compile(translated, re.ASCII)
    except re.error as error:
        if error.msg.startswith("bad character range "):
            part = error.msg.removeprefix("bad character range ").replace("\\", "")
            raise RegexpError("invalid character class range", part) from error
        raise RegexpError(error.msg, expression) from error


def _complement(members: str) -> str:
    others = (chr(code) for code in range(128) if not re.match(f"[{members}]", chr(code)))
    return "".join(map(re.escape, others)) + "\x80-\U0010ffff"


class _Translation:
    """Translates one expression from left to right."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._position = 0
        self._repeat = -1
        """Where the last item's repetition begins, or -1."""
        self._can_repeat = False
        self._depth = 0

    def whole(self) -> str:
        parts = []
        while self._rest:
            parts.append(self._item())
        if self._depth:
            raise RegexpError("missing closing )", self._expression)
        return "".join(parts)

    @property
    def _rest(self) -> str:
        return self._expression[self._position :]

    def _item(self) -> str:
        rest = self._rest
        match = _REPEAT.match(rest)
        if match:
            return self._repetition(match)
        self._repeat, self._can_repeat = -1, rest[0] not in "(|"
        if rest[0] == "[":
            return self._class()
        if rest[0] == "(":
            return self._group()
        if rest[0] == "\\":
            return self._escape()
        self._position += 1
        if rest[0] == ")":
            self._depth -= 1
            if self._depth < 0:
                raise RegexpError("unexpected )", self._expression)
        return {"{": r"\{", "^": "(?:^)", "$": r"(?:\Z)"}.get(rest[0], rest[0])

    def _repetition(self, match: re.Match[str]) -> str:
        start = self._position
        self._position += match.end()
        if not self._can_repeat:
            raise RegexpError("missing argument to repetition operator", match[0])
        if self._repeat >= 0:
            part = self._expression[self._repeat : self._position]
            raise RegexpError("invalid nested repetition operator", part)
        if match[1]:
            least, most = int(match[1]), int(match[3] or match[1])
            if max(least, most) > _MAX_REPEAT or least > most:
                raise RegexpError("invalid repeat count", match[0].removesuffix(match[4]))
        self._repeat = start
        return match[0]

    def _group(self) -> str:
        rest = self._rest[1:]
        self._depth += 1
        if not rest.startswith("?"):
            self._position += 1
            return "("
        match = _GROUP.match(rest)
        if match is None:
            named = re.match(r"\(\?P?<[^>]*(>?)", self._rest)
            if named:
                raise RegexpError("invalid named capture", named[0] if named[1] else self._rest)
            length = re.match(r"\(\?[imsU-]*.?", self._rest, re.DOTALL)
            raise RegexpError("invalid or unsupported Perl syntax", length[0] if length else self._rest)
        self._position += 1 + match.end()
        if match["name"]:
            return "("
        flags = match["flags"].replace("U", "").removesuffix("-")  # greed finds no more and no less
        if match["end"] == ":":
            return f"(?{flags}:"
        # The flags hold to the end of the group, which Python lacks.
        inner = self._scoped(flags)
        self._depth -= 1
        return inner

    def _scoped(self, flags: str) -> str:
        parts, depth = [], self._depth
        self._can_repeat = False
        while self._rest and not (self._rest[0] == ")" and self._depth == depth):
            item = self._item()
            parts.append(f")|(?{flags}:" if item == "|" and self._depth == depth else item)
        return f"(?{flags}:{''.join(parts)})"

    def _escape(self) -> str:
        rest = self._rest
        if len(rest) == 1:
            raise RegexpError("trailing backslash at end of expression", "")
        letter = rest[1]
        if letter == "Q":
            text, end, _ = rest[2:].partition("\\E")
            self._position += 2 + len(text) + len(end)
            return re.escape(text)
        if match := re.match(r"\\x(?:\{([0-9a-fA-F]{1,8})\}|([0-9a-fA-F]{2}))", rest):
            self._position += match.end()
            return re.escape(chr(int(match[1] or match[2], 16)))
        if match := re.match(r"\\(0[0-7]{0,2}|[1-7][0-7]{1,2})", rest):
            self._position += match.end()
            return re.escape(chr(int(match[1], 8)))
        if match := re.match(r"\\p(?:(\w)|\{(\w+)\})", rest):
            self._position += match.end()
            if (match[1] or match[2]) not in _UNICODE:
                raise RegexpError("invalid character class range", match[0])
            return f"[{_UNICODE[match[1] or match[2]]}]"
        self._position += 2
        if letter == "z":
            return r"(?:\Z)"
        if letter in _ESCAPES:
            return f"(?:{rest[:2]})" if letter in "AbB" else rest[:2]
        if letter.isascii() and not letter.isalnum():
            return re.escape(letter)
        part = re.match(r"\\x\{?[0-9a-fA-F]*", rest)
        raise RegexpError("invalid escape sequence", part[0] if part else rest[:2])

    def _class(self) -> str:
        start = self._position
        self._position += 1
        parts = ["["]
        if self._rest.startswith("^"):
            parts.append("^")
            self._position += 1
        first = True
        while first or not self._rest.startswith("]"):
            rest = self._rest
            if not rest:
                raise RegexpError("missing closing ]", self._expression[start:])
            first = False
            if match := re.match(r"\[:(\^?)(\w+):\]", rest):
                if match[2] not in _POSIX:
                    raise RegexpError("invalid character class range", match[0])
                parts.append(_complement(_POSIX[match[2]]) if match[1] else _POSIX[match[2]])
                self._position += match.end()
            elif rest[0] == "\\":
                parts.append(self._escape().removeprefix("[").removesuffix("]"))
            else:
                parts.append("-" if rest[0] == "-" and parts[-1] != "-" else re.escape(rest[0]))
                self._position += 1
        self._position += 1
        return "".join(parts) + "]"
