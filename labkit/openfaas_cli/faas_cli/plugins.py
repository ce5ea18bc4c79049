"""Plugins: programs in ``~/.openfaas/plugins`` that are verbs of faas-cli."""

from __future__ import annotations

import os
from collections.abc import Sequence


def run_plugin(words: Sequence[str]) -> None:
    """Become the plugin of the first word's name; return if there is none."""
    program = os.path.join(os.path.expanduser("~"), ".openfaas", "plugins", words[0])
    if os.sep not in words[0] and os.path.isfile(program) and os.access(program, os.X_OK):
        os.execv(program, [program, *words[1:]])  # noqa: S606 - no shell is the point
