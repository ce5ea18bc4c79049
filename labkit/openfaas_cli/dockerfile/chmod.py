"""File modes of ``--chmod``: octal, or symbolic as in chmod(1)."""

from __future__ import annotations

import re
from collections.abc import Callable

from labkit.openfaas_cli.dockerfile.error import DockerfileError

ChangeMode = Callable[[int, bool], int]
"""Takes a mode and whether it is a folder's; returns the new mode."""

_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)")
_OPERATION = re.compile(r"([-+=])([ugo]|[rwxXst]*)")
_SHIFT = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}


def parse_mode(text: str) -> ChangeMode:
    """Return the change that ``text`` describes.

    The owner can still read each file and use each folder afterwards, as
    root can in a container. The set-uid, set-gid and sticky bits are dropped:
    the process runs as the learner.

    Raises:
        DockerfileError: It is no mode; the text is BuildKit's.
    """
    if re.fullmatch("[0-7]+", text) and int(text, 8) <= 0o7777:
        return lambda mode, is_folder: _usable(int(text, 8), is_folder)
    clauses = [_CLAUSE.fullmatch(clause) for clause in text.split(",")]
    if not all(clauses):
        raise DockerfileError(
            f"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777",
            expected="a mode such as 755, 0644, +x or u=rwx,go=rx",
        )

    def change(mode: int, is_folder: bool) -> int:
        for clause in clauses:
            assert clause is not None
            for operator, permissions in _OPERATION.findall(clause[2]):
                mode = _apply(mode, clause[1], operator, _bits(permissions, mode, is_folder))
        return _usable(mode, is_folder)

    return change


def _bits(permissions: str, mode: int, is_folder: bool) -> int:
    if permissions in _SHIFT:
        return (mode >> _SHIFT[permissions]) & 7
    bits = 0
    for letter in permissions:
        if letter == "X":
            bits |= 1 if is_folder or mode & 0o111 else 0
        bits |= _BITS.get(letter, 0)
    return bits


def _apply(mode: int, classes: str, operator: str, bits: int) -> int:
    for name, shift in _SHIFT.items():
        if classes and name not in classes and "a" not in classes:
            continue
        if operator == "-":
            mode &= ~(bits << shift)
        else:
            if operator == "=":
                mode &= ~(7 << shift)
            mode |= bits << shift
    return mode


def _usable(mode: int, is_folder: bool) -> int:
    return (mode & 0o777) | (0o700 if is_folder else 0o400)
