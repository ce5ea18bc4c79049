"""The lock file of the watchdog."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit_services.contract.errors import LabError
from labkit_services.watchdog.health import LockFile


def test_the_lock_file_is_in_the_folder_for_temporary_files(tmp_path: Path) -> None:
    lock = LockFile({"TMPDIR": str(tmp_path)})

    assert not lock.exists()
    lock.write()
    lock.write()
    assert (tmp_path / ".lock").read_bytes() == b""
    assert lock.exists()
    lock.remove()
    assert not lock.exists()


@pytest.mark.parametrize("environ", [{}, {"TMPDIR": ""}])
def test_without_tmpdir_the_lock_file_is_in_tmp_as_in_openfaas(environ: dict[str, str]) -> None:
    assert LockFile(environ).path == "/tmp/.lock"


def test_the_error_names_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="set env suppress_lock=true") as caught:
        LockFile({"TMPDIR": str(tmp_path / "missing")}).write()

    assert str(tmp_path / "missing") in caught.value.headline


def test_the_lock_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    """Without a TMPDIR of its own, it is in a folder that everybody may write to."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".lock").symlink_to(victim)

    with pytest.raises(LabError, match=r"Cannot write .*\.lock"):
        LockFile({"TMPDIR": str(tmp_path)}).write()

    assert victim.read_text() == "precious"
