"""Arguments that several verbs have: a resource's name, pairs, sizes."""

from __future__ import annotations

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
    pairs = {}
    for text in arguments.texts(flag):
        name, equals, value = text.strip().partition("=")
        if not equals:
            raise UsageError(f"error parsing {plural}: label format is not correct, needs key=value")
        if not name or not value:
            missing = "value" if name else "name"
            raise UsageError(f"error parsing {plural}: empty {flag} {missing}: [{text}]")
        pairs[name] = value
    return pairs


def resource_sizes(arguments: Arguments, kind: str) -> dict[str, str]:
    """Return the sizes of ``--cpu-KIND`` and ``--memory-KIND``."""
    sizes = {name: arguments.text(f"{name}-{kind}") for name in ("cpu", "memory")}
    return {name: size for name, size in sizes.items() if size}
