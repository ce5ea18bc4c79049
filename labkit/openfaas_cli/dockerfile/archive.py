"""Unpack the tar archives that ``ADD`` names."""

from __future__ import annotations

import os
import shutil
import tarfile
import zlib
from lzma import LZMAError
from pathlib import Path
from typing import BinaryIO, Self, cast

from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.dockerfile.rooted_path import absolute, below, make_folder
from labkit_services.contract.errors import UnsafePathError
from labkit_services.files.tree_copy import Budget

_MOST_HEADER_BYTES = 1024 * 1024
_HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


class _Member(tarfile.TarInfo):
    """An entry; what only describes the next one is read as a whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if member.type in _HEADERS and member.size > _MOST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {member.size:,} bytes")
        return member


def is_archive(file: Path) -> bool:
    """Whether ``ADD`` unpacks a file: tar, perhaps gzip, bzip2 or xz."""
    try:
        with tarfile.open(file, tarinfo=_Member):
            return True
    except (tarfile.TarError, EOFError, ValueError, LZMAError, zlib.error):
        return False  # as in Docker, such a file is copied


def unpack(archive: Path, root: Path, folder: str, budget: Budget) -> None:
    """Unpack into ``folder`` of the image whose ``/`` is ``root``.

    ``budget`` is how much may be written. No entry gets out of the folder.
    Devices and pipes are left out.

    Raises:
        DockerfileError: The archive is damaged, or contains too much.
    """
    make_folder(root, below(root, folder))
    try:
        with tarfile.open(archive, tarinfo=_Member) as tar:
            for member in tar:
                budget.take(member.name, files=1)
                _unpack_member(tar, member, root, folder, budget)
    except UnsafePathError as error:
        raise DockerfileError(
            f"cannot unpack {archive.name}: {error.headline}",
            expected=error.expected,
            next_step=error.next_step,
        ) from error
    except (tarfile.TarError, EOFError, OSError, ValueError, LZMAError, zlib.error) as error:
        raise DockerfileError(f"cannot unpack {archive.name}: {error}") from error


def _unpack_member(
    tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path, folder: str, budget: Budget
) -> None:
    path = folder + absolute("/", member.name)
    place = below(root, os.path.dirname(path)) / os.path.basename(path)
    if member.isdir():
        make_folder(root, place)
        return
    if place.is_symlink() or place.is_file():
        place.unlink()
    make_folder(root, place.parent)
    if member.issym():
        place.symlink_to(member.linkname)
    elif member.islnk():
        linked = below(root, folder + absolute("/", member.linkname))
        budget.take(member.name, size=linked.stat().st_size)
        shutil.copy2(linked, place)
    elif content := tar.extractfile(member):
        with content, place.open("wb") as file:
            budget.copy(cast("BinaryIO", content), file, member.name)
        place.chmod(member.mode & 0o777 | 0o400)
        os.utime(place, (member.mtime, member.mtime))
