"""Files that only their owner may read."""

import os
import stat
from pathlib import Path

import pytest

from labkit_services.runtime.private_files import write_private


def test_file_and_folders_are_private(tmp_path: Path) -> None:
    path = tmp_path / "run" / "secrets" / "password"
    write_private(path, "geheim\n")

    assert path.read_text() == "geheim\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_existing_file_is_replaced_and_becomes_private(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("something longer, for all to read")
    write_private(path, "new")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_file_name_that_is_not_utf_8_is_written_as_its_bytes(tmp_path: Path) -> None:
    write_private(tmp_path / "nats.conf", os.fsdecode(b"store_dir: /tmp/\xff"))

    assert (tmp_path / "nats.conf").read_bytes() == b"store_dir: /tmp/\xff"


def test_failed_write_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(OSError, match="folder"):
        write_private(path, "text")

    assert list(tmp_path.iterdir()) == [path]
