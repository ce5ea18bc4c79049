"""The lock file."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit_services.contract.errors import LabError
from labkit_services.watchdog.health import LockFile


def test_the_lock_lives_in_the_folder_for_temporary_files(tmp_path: Path) -> None:
    lock = LockFile({"TMPDIR": str(tmp_path)})

    assert not lock.present()
    lock.write()
    lock.write()
    assert (tmp_path / ".lock").read_bytes() == b""
    assert lock.present()
    lock.remove()
    assert not lock.present()


@pytest.mark.parametrize("environ", [{}, {"TMPDIR": ""}])
def test_without_tmpdir_it_is_where_openfaas_has_it(environ: dict[str, str]) -> None:
    assert LockFile(environ).path == "/tmp/.lock"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="set env suppress_lock=true") as caught:
        LockFile({"TMPDIR": str(tmp_path / "missing")}).write()

    assert str(tmp_path / "missing") in caught.value.headline
