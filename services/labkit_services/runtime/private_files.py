"""Write files that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path

from labkit_services.files.own_file import make_own_folder


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600 in one step: no reader sees a part of it.

    Missing parent folders are created with mode 0700. Surrogate escapes, which
    stand for bytes of file names that are not UTF-8, are written as those
    bytes. After an OSError an older version stays as it was.
    """
    if not path.parent.is_dir():
        make_own_folder(path.parent)
    # A name that nobody can have put a link at.
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
