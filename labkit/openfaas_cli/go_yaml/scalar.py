"""What kind of value a YAML scalar is to Go's yaml.v3."""

from __future__ import annotations

import re
from datetime import date

NULL, BOOL, STRING, INT, FLOAT = "!!null", "!!bool", "!!str", "!!int", "!!float"
TIMESTAMP, BINARY, MERGE = "!!timestamp", "!!binary", "!!merge"
SEQUENCE, MAP = "!!seq", "!!map"

TRUE_WORDS = frozenset({"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"})
FALSE_WORDS = frozenset({"n", "N", "no", "No", "NO", "off", "Off", "OFF"})
"""Text to yaml.v3, but true or false where a boolean is due."""

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), NULL),
    **dict.fromkeys(("true", "True", "TRUE", "false", "False", "FALSE"), BOOL),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), FLOAT),
    **{sign + word: FLOAT for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_TYPED = frozenset({NULL, BOOL, STRING, INT, FLOAT, TIMESTAMP})
_INTEGER = re.compile(
    r"[+-]?(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)"
    r"|(?P<decimal>0|[1-9][0-9]*))|0b[+-]?[01]+|0o[+-]?[0-7]+",
    re.ASCII,
)
_BASES = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
    r"| ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?)?",
    re.ASCII,
)


def scalar_tag(text: str, explicit: str = "") -> str | None:
    """Return the short tag of a scalar that is not quoted.

    ``explicit`` is its written tag, short as well. None says that the text
    cannot have that tag; :func:`implicit_tag` then has the tag it would have.
    """
    if explicit and explicit not in _TYPED:
        return explicit
    if explicit == STRING:
        return STRING
    found = implicit_tag(text, timestamps=explicit in ("", TIMESTAMP))
    if not explicit or found == explicit:
        return found
    return FLOAT if (explicit, found) == (FLOAT, INT) else None


def implicit_tag(text: str, *, timestamps: bool = True) -> str:
    """Return the short tag of a plain scalar without a written tag."""
    if text in _WORDS:
        return _WORDS[text]
    if text.startswith("."):
        return FLOAT if _is_float(text) else STRING
    if not re.match(r"[0-9+-]", text):
        return STRING
    if timestamps and _is_timestamp(text):
        return TIMESTAMP
    plain = text.replace("_", "")
    if _is_integer(plain):
        return INT
    return FLOAT if _is_float(plain) else STRING


def _is_integer(text: str) -> bool:
    """Return whether the text is an integer of 64 bits in any Go notation."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        return False
    if match.lastgroup is None:  # a sign after 0b or 0o
        return abs(int(text[2:], 2 if text[1] == "b" else 8)) < 2**63
    value = int(match[match.lastgroup], _BASES[match.lastgroup])
    if text.startswith("-"):
        return value <= 2**63
    return value < (2**63 if text.startswith("+") else 2**64)


def _is_float(text: str) -> bool:
    return _FLOAT.fullmatch(text) is not None and abs(float(text)) != float("inf")


def _is_timestamp(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups()[:3])
    try:
        date(year or 4, month, day)  # Go has a leap year 0, Python has not
    except ValueError:
        return False
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[3:6])
    if match[7]:
        hours, minutes, seconds = (int(part) for part in match.groups()[6:])
    return hours < 24 and minutes < 60 and seconds < 60
