"""Unpack the tar archives that ``ADD`` names."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.dockerfile.rooted_path import absolute, below, make_folder


def is_archive(file: Path) -> bool:
    """Whether ``ADD`` unpacks a file: tar, perhaps gzip, bzip2 or xz."""
    return tarfile.is_tarfile(file)


def unpack(archive: Path, root: Path, folder: str) -> None:
    """Unpack into ``folder`` of the image whose ``/`` is ``root``.

    No entry gets out of the folder. Devices and pipes are left out.

    Raises:
        DockerfileError: The archive is damaged.
    """
    make_folder(root, below(root, folder))
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                _unpack_member(tar, member, root, folder)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DockerfileError(f"cannot unpack {archive.name}: {error}") from error


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path, folder: str) -> None:
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
        shutil.copy2(below(root, folder + absolute("/", member.linkname)), place)
    elif content := tar.extractfile(member):
        with content, place.open("wb") as file:
            shutil.copyfileobj(content, file)
        place.chmod(member.mode & 0o777 | 0o400)
        os.utime(place, (member.mtime, member.mtime))
