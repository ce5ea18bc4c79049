"""Find the stack file; check quickly whether an invocation needs it."""

from __future__ import annotations

import os

from labkit.openfaas_cli.faas_cli.verb import DEFAULT_GATEWAY
from labkit.openfaas_cli.pflag import Arguments

_PROVIDER = ["provider:", "  name: openfaas"]
_FIELDS = ("lang", "handler", "image")
_NAME_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"
_TAG_LETTERS = f"{_NAME_LETTERS}ABCDEFGHIJKLMNOPQRSTUVWXYZ_."
_PATH_LETTERS = f"{_TAG_LETTERS}/"
_MOST_CHARACTERS = 1024 * 1024


def stack_file(arguments: Arguments) -> str | None:
    """Return ``--yaml``, else ``stack.yaml`` or ``stack.yml``, else None.

    An empty ``--yaml`` stands for no file, even beside a ``stack.yaml``
    (commands/faas.go: the flag replaces the default that was set before).
    """
    if arguments.given("yaml"):
        return arguments.text("yaml") or None
    return next(filter(os.path.exists, ("stack.yaml", "stack.yml")), None)


def may_affect_invocation(file: str) -> bool:
    """Return whether a stack file may set a namespace or another gateway.

    Nor may it be invalid, which is an error. A file written by ``faas-cli
    new`` is none of these. This check does not need the YAML parser, whose
    import would double the time of an invocation.
    """
    if not os.path.isfile(file):
        return True  # a pipe can be read once, and never ends without a writer
    try:
        with open(file, encoding="utf-8", newline="") as source:
            text = source.read(_MOST_CHARACTERS)
    except (OSError, UnicodeDecodeError):
        return True  # parsing it reports what is wrong
    return _plain_gateway(text) not in ("", DEFAULT_GATEWAY)


def _plain_gateway(text: str) -> str | None:
    """Return the gateway of a file as ``faas-cli new`` writes it, or "".

    In such a file nothing can be wrong: None stands for all others. (The
    pattern of ``re`` for it would take 5 ms to import.)
    """
    *lines, end = text.removeprefix("version: 1.0\n").split("\n")
    gateway = ""
    if lines[2:] and lines[2].startswith("  gateway: "):
        gateway = lines.pop(2).removeprefix("  gateway: ")
        if not _consists_of(gateway, f"{_PATH_LETTERS}:"):
            return None
    if end or lines[:2] != _PROVIDER or lines[2:3] not in (["functions:"], ["functions: {}"]):
        return None
    names: set[str] = set()
    left: tuple[str, ...] = ()  # the fields that may follow
    for line in lines[3:]:
        name = line[2:-1]
        field, _, value = line[4:].partition(": ")
        if line.startswith("    ") and field in left and _is_plain(value):
            left = left[left.index(field) + 1 :]
        elif line == f"  {name}:" and _consists_of(name, _NAME_LETTERS) and name not in names:
            names.add(name)
            left = _FIELDS
        elif not line and names:
            left = ()
        else:
            return None
    return gateway


def _is_plain(value: str) -> bool:
    """Return whether YAML reads this text as it is: ``name/image:tag``."""
    path, colon, tag = value.partition(":")
    return _consists_of(path, _PATH_LETTERS) and (not colon or _consists_of(tag, _TAG_LETTERS))


def _consists_of(text: str, letters: str) -> bool:
    return bool(text) and not text.strip(letters)
