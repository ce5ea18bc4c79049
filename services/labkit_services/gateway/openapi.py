"""The gateway's OpenAPI document: written as YAML for people, served as JSON for programs."""

from __future__ import annotations

import functools
import json
from pathlib import Path

DOCUMENT = Path(__file__).with_name("openapi.yaml")


@functools.cache
def document() -> bytes:
    """Return the document as JSON.

    PyYAML is imported, and the document read, at the first request: the start of
    the gateway pays nothing for it.
    """
    import yaml

    # libyaml, where the wheel has it, needs a tenth of the time: calls go on while it runs.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with DOCUMENT.open("rb") as file:
        return json.dumps(yaml.load(file, Loader=loader)).encode()  # noqa: S506  # a safe loader
