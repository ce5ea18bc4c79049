"""Set damaged parts of the store aside, before nats-server starts."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from labkit.supervisor.store.blocks import unreadable_bytes

RECORD = "inventory.json"
"""What the supervisor writes down about the streams (``inventory.py``)."""
SEAL = "consumers.json"
"""Checksums of the consumers' files, while nats-server is down."""
_ACCOUNT = ("jetstream", "$G", "streams")
"""Folders between JetStream's ``store_dir`` and the streams of the one
account."""
_MOST_BLOCK_BYTES = 64 * 1024 * 1024
"""How much of the blocks is examined at a start: it costs about a second."""


class SetAside:
    """Moves damaged parts out of the store; it deletes nothing.

    Attributes:
        findings: What was wrong, as sentences.
    """

    def __init__(self, store: Path) -> None:
        """Examine JetStream's ``store_dir``, which nobody else uses now."""
        self._store = store
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self._aside = store.with_name(f"{store.name}.damaged-{now}")
        self.findings: list[str] = []

    @property
    def streams(self) -> Path:
        """The folder with a folder for each stream."""
        return self._store.joinpath(*_ACCOUNT)

    def move(self, path: Path, why: str) -> None:
        """Move a file or a folder out of the store."""
        target = self._target(path)
        path.rename(target)
        self._note(path, f"{why}; it was moved to {target}")

    def copy(self, path: Path, why: str) -> None:
        """Copy a file that nats-server is going to change."""
        target = self._target(path)
        shutil.copy2(path, target)
        self._note(path, f"{why}; a copy is {target}")

    def _target(self, path: Path) -> Path:
        target = self._aside / path.relative_to(self._store)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while os.path.lexists(target):  # a part of it was moved before
            target = target.with_name(f"{target.name}.rest")
        return target

    def _note(self, path: Path, text: str) -> None:
        self.findings.append(f"{path.relative_to(self._store.parent)} {text}")

    # -- what is examined

    def examine(self) -> None:
        """Set aside whatever is no folder or no file where one is due."""
        folder = self._store
        for name in ("", *_ACCOUNT):
            folder /= name
            if not self._is_folder(folder):
                return
        self._are_files(self._store / RECORD, self._store / SEAL)
        for stream in sorted(folder.iterdir()):
            if self._is_folder(stream):
                self._examine_stream(stream)

    def _examine_stream(self, stream: Path) -> None:
        self._are_files(stream / "meta.inf", stream / "meta.sum")
        if self._is_folder(stream / "msgs"):
            self._are_files(*(stream / "msgs").iterdir())
            for block in _blocks(stream):
                self._examine_block(block)
        if self._is_folder(stream / "obs"):
            for consumer in sorted((stream / "obs").iterdir()):
                if self._is_folder(consumer):
                    self._are_files(*consumer.iterdir())

    def _examine_block(self, block: Path) -> None:
        if 0 < block.stat().st_size <= _MOST_BLOCK_BYTES and (count := unreadable_bytes(block.read_bytes())):
            self.copy(block, f"can't be read from {block.stat().st_size - count} bytes on")

    def _is_folder(self, path: Path) -> bool:
        if not os.path.lexists(path):
            return False
        if not path.is_dir() or path.is_symlink():
            self.move(path, "is not a folder")
            return False
        _allow(path, stat.S_IRWXU)
        return True

    def _are_files(self, *paths: Path) -> None:
        for path in sorted(paths):
            if os.path.lexists(path):
                if not path.is_file() or path.is_symlink():
                    self.move(path, "is not a file")
                else:
                    _allow(path, stat.S_IRUSR | stat.S_IWUSR)


def _blocks(stream: Path) -> Iterator[Path]:
    return iter(sorted((stream / "msgs").glob("*.blk")))


def _allow(path: Path, mode: int) -> None:
    """Give the owner access again; nobody else has any."""
    if path.stat().st_mode & mode != mode:
        path.chmod(mode)
