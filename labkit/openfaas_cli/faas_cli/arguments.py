"""Arguments that several verbs have: a resource's name, pairs, sizes."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.openfaas_cli.pflag import Arguments, UsageError


def resource_name(arguments: Arguments, kind: str) -> str:
    """Return the only word, the name of a ``kind`` such as a secret."""
    name = arguments.first_word(f"{kind} name required")
    if len(arguments.words) > 1:
        raise UsageError(f"too many values for {kind} name")
    return name


def key_values(arguments: Arguments, flag: str) -> dict[str, str]:
    """Return the pairs of ``--env``, ``--label`` or ``--annotation``."""
    plural = {"env": "envvars"}.get(flag, f"{flag}s")
    try:
        return parse_pairs(arguments.texts(flag), flag)
    except UsageError as error:
        raise UsageError(f"error parsing {plural}: {error}") from error


def parse_pairs(texts: Sequence[str], kind: str) -> dict[str, str]:
    """Parse ``NAME=VALUE`` texts; ``kind`` is what an error calls them."""
    pairs = {}
    for text in texts:
        name, equals, value = text.strip().partition("=")
        if not equals:
            raise UsageError("label format is not correct, needs key=value")
        if not name or not value:
            raise UsageError(f"empty {kind} {'value' if name else 'name'}: [{text}]")
        pairs[name] = value
    return pairs


def resource_sizes(arguments: Arguments, kind: str) -> dict[str, str]:
    """Return the sizes of ``--cpu-KIND`` and ``--memory-KIND``."""
    sizes = {name: arguments.text(f"{name}-{kind}") for name in ("cpu", "memory")}
    return {name: size for name, size in sizes.items() if size}
