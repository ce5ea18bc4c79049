"""Checksums of the consumers' files, from an orderly stop to the next start.

nats-server writes none into a consumer's state. One changed byte there keeps
it from starting, or calls from being delivered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from zlib import crc32

from labkit_services.runtime.private_files import write_private

Checksums = Mapping[str, Mapping[str, int]]
"""Of each file, by the consumer's folder."""


def take(streams: Path) -> Checksums:
    """Return the checksums of all consumers' files below ``streams``."""
    found = {}
    for consumer in sorted(streams.glob("*/obs/*/")):
        files = {path.name: crc32(path.read_bytes()) for path in sorted(consumer.iterdir()) if path.is_file()}
        found[str(consumer.relative_to(streams))] = files
    return found


def write(path: Path, checksums: Checksums) -> None:
    """Write checksums to a file."""
    write_private(path, json.dumps(checksums))


def use(path: Path) -> Checksums:
    """Read them again, and remove the file: nats-server is going to start.

    An unreadable or a missing one is empty.
    """
    try:
        document = json.loads(path.read_bytes())
        path.unlink()
        return {str(name): dict(files) for name, files in document.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
