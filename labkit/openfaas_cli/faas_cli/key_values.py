"""Flags of the form ``KEY=VALUE``."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.openfaas_cli.pflag import Arguments, UsageError


def key_values(arguments: Arguments, flag: str) -> dict[str, str]:
    """Return the pairs that ``--env``, ``--label`` or ``--annotation`` give.

    Raises:
        UsageError: One of them is not a pair.
    """
    return parse_key_values(arguments.texts(flag), flag)


def parse_key_values(texts: Sequence[str], flag: str) -> dict[str, str]:
    """Return the pairs in the texts of a flag.

    Raises:
        UsageError: One of them is not a pair.
    """
    plural = {"env": "envvars"}.get(flag, f"{flag}s")
    pairs = {}
    for text in texts:
        name, equals, value = text.strip().partition("=")
        if not equals:
            raise UsageError(f"error parsing {plural}: label format is not correct, needs key=value")
        if not name or not value:
            missing = "value" if name else "name"
            raise UsageError(f"error parsing {plural}: empty {flag} {missing}: [{text}]")
        pairs[name] = value
    return pairs
