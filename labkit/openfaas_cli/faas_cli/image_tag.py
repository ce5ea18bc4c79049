"""``--tag``: name an image after the state of its git repository or files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from labkit.openfaas_cli.faas_cli.git import error_line, run_git
from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.pflag import Arguments, Flag
from labkit_services.contract.errors import LabError

_SHA = "rev-parse --short HEAD"
_COMMANDS = {
    "sha": ("Git SHA", [_SHA]),
    "branch": ("Git branch and SHA", ["rev-parse --symbolic-full-name --abbrev-ref HEAD", _SHA]),
    "describe": ("Git Tag and SHA", ["describe --tags --always"]),
}
"""By format: its name in an error, and the commands for git."""

_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


def _tag_format(text: str) -> str:
    """Return a value of ``--tag``, in lower case."""
    if text.lower() not in ("", "latest", "default", *_COMMANDS, "digest"):
        raise ValueError(f"unknown image tag format: '{text}'")
    return text.lower()


TAG = Flag(
    *("tag", "", "latest"),
    "Tag of the image: latest is as written; sha, branch and describe add git's output; "
    "digest is the digest of the function's files",
    check=_tag_format,
)


class ImageTagError(LabError, ValueError):
    """The image cannot have this name."""


def tagged(function: StackFunction, arguments: Arguments) -> StackFunction:
    """Return the function with its image named according to ``--tag``."""
    return replace(function, image=image_name(function.image, arguments.text("tag"), Path(function.handler)))


def image_name(image: str, tag_format: str, handler: Path) -> str:
    """Return an image's name in a format, one of those of ``--tag``.

    An image without a tag gets ``latest`` first; a port is no tag, a digest is
    (schema/image.go, BuildImageName). As with the real faas-cli, git runs in
    the current folder. ``handler`` is the function's folder, for the format
    ``digest``. The name need not be valid: only a build finds that out.
    """
    if ":" not in image.rpartition("/")[2]:
        image += ":latest"
    if tag_format in ("", "latest", "default"):
        return image
    if tag_format == "digest":
        return f"{image.rpartition(':')[0]}:{_digest(handler)}"
    what, commands = _COMMANDS[tag_format]
    return "-".join([image, *(_git(what, command) for command in commands)])


def check_image_name(image: str) -> None:
    """Raise Docker's error if a build cannot give its image this name.

    The rules for the part in front of the tag are not enforced: a learner may
    leave ``<your-docker-username-here>`` in place.
    """
    name, _, tag = image.rpartition(":")
    last = name.rpartition("/")[2]
    if not last or ":" in last or not _TAG.fullmatch(tag):
        raise ImageTagError(
            f'invalid tag "{image}": invalid reference format',
            expected="NAME:TAG; a tag is letters, digits, '.', '_' and '-', 128 at most",
        )


def _git(what: str, command: str) -> str:
    done = run_git(*command.split(), folder=Path())
    if done.returncode:
        raise ImageTagError(
            f"cannot tag image with {what} as this is not a Git repository",
            seen=error_line(done.stderr),
            next_step="git init, and commit once; or --tag digest, which needs no git",
        )
    return done.stdout.strip()


def _digest(folder: Path) -> str:
    """Return the MD5 of the files' MD5s in the order of their paths."""
    files = sorted((file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()), key=str)
    md5 = partial(hashlib.md5, usedforsecurity=False)
    hashes = "".join(md5(file.read_bytes()).hexdigest() for file in files)
    return md5(hashes.encode()).hexdigest()
