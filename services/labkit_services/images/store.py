"""Images without Docker: name, process, environment and files.

``faas-cli build`` stores them, the gateway reads them. An image's files are a
small root file system: what a Dockerfile copies to ``/home/app/handler.py``
is in ``files/home/app/handler.py``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.files.one_step import write_in_one_step
from labkit_services.files.own_file import make_own_folder, read_own
from labkit_services.files.rooted_path import below

MACHINE_PATH = "$PATH"
"""Stands for ``$PATH`` of a Dockerfile's base image: this machine's own, known
only at run time."""

PROGRAMS = Path(__file__).resolve().parent / "bin"
"""Programs of the well-known images, last on every function's ``PATH``."""

_BUILD = re.compile("[0-9a-f]{32}")
_BIN_FOLDERS = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")


class ImageUnreadableError(LabError):
    """A stored image cannot be read."""


@dataclass(frozen=True)
class Image:
    """What a function is made of.

    Attributes:
        ref: Name with tag, as ``normalise`` returns it:
            ``me/long-task:latest``.
        fprocess: Command line, split at single spaces; "" if the image names
            none.
        environment: The image's ``ENV``. ``PATH`` may contain ``$PATH``.
        workdir: The process's folder inside the image, such as ``/home/app``;
            or "".
        files: Root of the image's own files; None if it has none.
        labels: The image's ``LABEL``.
        on_build: The image's ``ONBUILD``, for builds that start from it.
    """

    ref: str
    fprocess: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    workdir: str = ""
    files: Path | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    on_build: Sequence[str] = ()

    @property
    def cwd(self) -> Path | None:
        """Folder in which the process starts; None if any will do."""
        return None if self.files is None else below(self.files, self.workdir)

    def process_environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return ``inherited`` updated by the image's ``ENV`` and ``PATH``."""
        machine = inherited.get("PATH", os.defpath)
        folders = [str(below(self.files, name)) for name in _BIN_FOLDERS if self.files] + [MACHINE_PATH]
        if own := self.environment.get("PATH"):
            folders = [self._local(entry) for entry in own.split(":")]
        path = [machine if folder == MACHINE_PATH else folder for folder in folders]
        return {
            **inherited,
            **self.environment,
            "PATH": ":".join([*path, str(PROGRAMS)]),
            "LABKIT_PYTHON": sys.executable,
        }

    def local_process(self, fprocess: str) -> str:
        """Return ``fprocess`` with the image's paths relative to ``cwd``.

        In a container ``python3 /home/app/handler.py`` works; here the file is
        elsewhere. Relative, because the workspace's own path may contain a
        space, at which the watchdog would split.
        """
        if self.files is None:
            return fprocess
        words = fprocess.split(" ")
        for index, word in enumerate(words):
            if word.startswith("/") and (local := below(self.files, word)).exists():
                words[index] = os.path.join(".", os.path.relpath(local, self.cwd))
        return " ".join(words)

    def _local(self, folder: str) -> str:
        """Return the image's ``folder`` on this machine, else ``folder``."""
        if self.files is None or not folder.startswith("/"):
            return folder
        local = below(self.files, folder)
        return str(local) if local.is_dir() else folder


def normalise(ref: str) -> str:
    """Return the one spelling of an image name.

    ``docker.io/functions/alpine`` is ``functions/alpine:latest``. Docker's
    other rules (lower case, no ``<``) are not enforced: a learner may leave
    ``<your-docker-username-here>`` in place, as the lab text prints it.
    """
    if not ref or any(character.isspace() or not character.isprintable() for character in ref):
        expected = "a name such as me/long-task:latest"
        raise InvalidValueError(f"{ref!r} is not an image name", expected=expected)
    name = ref
    for prefix in ("index.docker.io/", "docker.io/", "library/"):
        name = name.removeprefix(prefix)
    if "@" not in name and ":" not in name.rpartition("/")[2]:
        name += ":latest"
    return name


class ImageStore:
    """The images that were built, in a folder of their own.

    ``<root>/<hash of the name>.json`` describes an image and names its build;
    ``<root>/builds/<hash of the content>/`` contains the files. A new build
    only changes the name's entry: replicas started from an older one go on, as
    containers do, and building the same content again takes no space.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._builds = root / "builds"

    def get(self, ref: str) -> Image | None:
        """Return the newest build of ``ref``; None if it was never built."""
        entry = self._entry(normalise(ref))
        return self._read(entry) if os.path.lexists(entry) else None

    def list(self) -> Sequence[Image]:
        """Return the newest build of every image, by name."""
        return sorted(map(self._read, self._root.glob("*.json")), key=lambda image: image.ref)

    def put(self, image: Image, files: Path | None = None) -> Image:
        """Store ``image`` with a copy of ``files``; return it as stored.

        Readers see the older build or the new one, never half of either.
        """
        image = replace(image, ref=normalise(image.ref), files=None)
        fields = asdict(image) | {"build": "" if files is None else self._copy(files)}
        del fields["files"]
        make_own_folder(self._root)
        entry = self._entry(image.ref)
        write_in_one_step(entry, json.dumps(fields, indent=2).encode(), mode=0o600)
        return self._read(entry)

    def _entry(self, ref: str) -> Path:
        # A hash, because names contain slashes and may be longer than a file
        # name can be.
        return self._root / (hashlib.sha256(ref.encode()).hexdigest()[:32] + ".json")

    def _read(self, entry: Path) -> Image:
        try:
            with read_own(entry) as file:
                fields = json.load(file)
            build = fields.pop("build")
            if build and not (_BUILD.fullmatch(build) and _is_folder(self._builds / build)):
                raise ValueError(f"no files of a build: {build}")
            return Image(**fields, files=self._builds / build if build else None)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ImageUnreadableError(
                seen=f"{entry}: {error!r}", next_step="build the function again: faas-cli build"
            ) from error

    def _copy(self, files: Path) -> str:
        """Copy ``files`` into the builds; return the build's name."""
        make_own_folder(self._root)
        make_own_folder(self._builds)
        # Copied first, then hashed: the source may change meanwhile.
        with tempfile.TemporaryDirectory(dir=self._builds, prefix=".") as draft:
            copy = Path(draft) / "files"
            shutil.copytree(files, copy, symlinks=True)
            build = self._builds / _digest(copy)
            try:
                copy.rename(build)
            except OSError:
                if not _is_folder(build):  # else the same content was built before
                    raise
        return build.name


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _digest(folder: Path) -> str:
    """Return a hash of a folder's paths, modes, links and contents."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        digest.update(os.fsencode(path.relative_to(folder).as_posix()) + f"\0{mode:o}\0".encode())
        if path.is_symlink():
            digest.update(os.fsencode(os.readlink(path)))
        elif path.is_file():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
