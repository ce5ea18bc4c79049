"""Build a Dockerfile in a folder of a test."""

from __future__ import annotations

from pathlib import Path

from labkit.openfaas_cli.dockerfile.build import Build, build
from labkit_services.images.store import Image

FILES = {"handler.py": "print('hi')", "other.py": "", "lib/a.txt": "a", "two words.txt": "b"}


class Project:
    """A function's folder with FILES, and images that were built before.

    known/base has a process, earlier/files has a file.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = place / "fn"
        for name, content in FILES.items():
            self.add(name, content)
        base_files = place / "base"
        (base_files / "etc").mkdir(parents=True)
        (base_files / "etc/base.conf").write_text("base")
        self.images = {
            "known/base": Image("known/base:latest", "figlet", {"MODE": "base"}, "/srv"),
            "earlier/files": Image(
                "earlier/files:latest", "cat", files=base_files, on_build=("ENV TRIGGERED=yes",)
            ),
        }
        self._builds = 0

    def add(self, name: str, content: str = "") -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return file

    def build(self, dockerfile: str | bytes, **build_args: str) -> Build:
        content = dockerfile if isinstance(dockerfile, bytes) else dockerfile.encode()
        (self.folder / "Dockerfile").write_bytes(content)
        self._builds += 1
        return build(self.folder, self.place / f"scratch{self._builds}", self.images.get, build_args)

    def env(self, lines: str, **build_args: str) -> dict[str, str]:
        """Return the environment of an image with these lines."""
        return self.build(f"FROM alpine\n{lines}\n", **build_args).environment

    def files(self, lines: str) -> dict[str, str]:
        """Return the content of the files of an image with these lines."""
        return contents(self.build(f"FROM alpine\n{lines}\n"))


def contents(built: Build) -> dict[str, str]:
    """Return the content of an image's files, by their paths in it."""
    if built.files is None:
        return {}
    return {
        "/" + path.relative_to(built.files).as_posix(): path.read_text()
        for path in built.files.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
