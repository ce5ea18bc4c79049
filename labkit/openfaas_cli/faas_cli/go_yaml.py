"""YAML as faas-cli writes it."""

from __future__ import annotations

import yaml


class GoDumper(yaml.SafeDumper):
    """Writes text like Go's yaml packages: ``"1"``, not ``'1'``."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    resolved: str = dumper.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    is_plain = resolved == "tag:yaml.org,2002:str"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain else '"')


GoDumper.add_representer(str, _represent_text)
