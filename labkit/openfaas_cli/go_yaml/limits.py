"""Limits for hostile YAML, as Go's yaml.v3 has them.

Without them a file of a kilobyte keeps the reader busy for hours: a list of
nine aliases of a list of nine aliases, and so on (a "billion laughs").
"""

from __future__ import annotations

from labkit.openfaas_cli.go_yaml.node import GoYamlError

_FEW, _MANY = 400_000, 4_000_000
"""Decoded nodes up to which 99 %, and from which on 10 %, may come from
aliases (decode.go, allowedAliasRatio)."""


class AliasBudget:
    """Counts the nodes that are decoded, and those of them within aliases."""

    def __init__(self) -> None:
        self.depth = 0
        self._decoded = 0
        self._aliased = 0

    def count(self) -> None:
        """Count one node; raise GoYamlError with yaml.v3's text."""
        self._decoded += 1
        if self.depth:
            self._aliased += 1
            if (
                self._aliased > 100
                and self._decoded > 1000
                and self._aliased / self._decoded > _allowed_ratio(self._decoded)
            ):
                raise GoYamlError("yaml: document contains excessive aliasing")


def _allowed_ratio(decoded: int) -> float:
    part = min(1.0, max(0.0, (decoded - _FEW) / (_MANY - _FEW)))
    return 0.99 - 0.89 * part
