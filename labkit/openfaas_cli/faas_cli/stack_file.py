"""Find the stack file; check quickly whether an invocation needs it."""

from __future__ import annotations

import os
import re

from labkit.openfaas_cli.faas_cli.verb import DEFAULT_GATEWAY
from labkit.openfaas_cli.pflag import Arguments

_VALUE = r"[\w./-]+(?::[\w.-]+)?"
_PLAIN_STACK = re.compile(
    r"(?:version: 1\.0\n)?provider:\n  name: openfaas\n(?:  gateway: (?P<gateway>[\w.:/-]+)\n)?"
    r"functions:(?: \{\})?\n(?:  [a-z0-9-]+:\n"
    rf"(?:    lang: {_VALUE}\n)?(?:    handler: {_VALUE}\n)?(?:    image: {_VALUE}\n)?\n*)*",
    re.ASCII,
)
"""A file as ``faas-cli new`` writes it, in which nothing can be wrong."""
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
    match = _PLAIN_STACK.fullmatch(text)
    names = re.findall(r"^  ([a-z0-9-]+):$", text, re.MULTILINE)
    if match is None or len(names) > len(set(names)):
        return True
    return (match["gateway"] or DEFAULT_GATEWAY) != DEFAULT_GATEWAY
