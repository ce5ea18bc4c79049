"""Write a file in one step: no reader sees a part of it."""

from __future__ import annotations

import os
from pathlib import Path


def write_in_one_step(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Create or replace a file; after an error an older one is as it was.

    ``mode`` is that of the new file, less the process's umask.

    Raises:
        OSError: It can't be written.
    """
    # A name that nobody can have put a link at.
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
