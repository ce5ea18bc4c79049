"""Write files that only their owner may read."""

from __future__ import annotations

from pathlib import Path

from labkit_services.files.one_step import write_in_one_step
from labkit_services.files.own_file import make_own_folder


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600 in one step: no reader sees a part of it.

    Missing parent folders are created with mode 0700. Surrogate escapes, which
    stand for bytes of file names that are not UTF-8, are written as those
    bytes. After an OSError an older version stays as it was.
    """
    if not path.parent.is_dir():
        make_own_folder(path.parent)
    write_in_one_step(path, text.encode("utf-8", "surrogateescape"), mode=0o600)
