"""``COPY`` and ``ADD``: their arguments, and the files they name."""

from __future__ import annotations

import re

from e2b_dockerfile_utils import DockerfileHeredoc, chomp_heredoc_content, parse_heredoc

from labkit.openfaas_cli.dockerfile import copying
from labkit.openfaas_cli.dockerfile.chmod import parse_mode
from labkit.openfaas_cli.dockerfile.copying import ImageFiles, Target
from labkit.openfaas_cli.dockerfile.error import DockerfileError, SourceNotFoundError
from labkit.openfaas_cli.dockerfile.file_tree import FileTree, patterns
from labkit.openfaas_cli.dockerfile.rooted_path import absolute
from labkit.openfaas_cli.dockerfile.syntax import Instruction
from labkit.openfaas_cli.dockerfile.variables import Variables

_WATCHDOG = re.compile(r"(?:.*/)?(?:fwatchdog|of-watchdog)(?:-\w+|\.exe)?(?:[?#].*)?")
"""A file of OpenFaaS's releases, such as ``fwatchdog-arm64``."""

_GIT = re.compile(r"(?:git|ssh)://|[\w.-]+@[\w.-]+:|https?://[^#?]*\.git(?:[#?].*)?$")
_URL = re.compile(r"https?://")


def copy_files(
    instruction: Instruction, tree: FileTree | None, image: ImageFiles, workdir: str, variables: Variables
) -> list[str]:
    """Execute ``COPY`` or ``ADD``; return the sources without a file.

    ``tree`` has the files to copy from, None if they are unknown; ``image``
    those that there are.

    Raises:
        DockerfileError: BuildKit would refuse it, or it needs the network.
    """
    *sources, destination = instruction.args
    target = _target(instruction, absolute_folder(workdir, variables.expand(destination)), image, variables)
    heredocs = {heredoc.name: heredoc for heredoc in instruction.heredocs}
    missing = []
    for word in sources:
        inline = None if instruction.is_json else parse_heredoc(word)
        if inline:
            _write(heredocs[inline.name], target, variables)
            continue
        source = variables.expand(word)
        if _is_download(instruction, source) or not _copy(instruction, tree, source, target):
            missing.append(source)
    return missing


def absolute_folder(workdir: str, destination: str) -> str:
    """Return the target's path, with a slash at its end if it is a folder."""
    path = absolute(workdir, destination)
    if destination in ("", ".") or destination.endswith("/"):
        path = path.rstrip("/") + "/"
    return path


def _target(instruction: Instruction, path: str, image: ImageFiles, variables: Variables) -> Target:
    excluded = [variables.expand(each) for each in instruction.flags.get("exclude", ())]
    mode = variables.expand(instruction.flag("chmod"))
    if instruction.flag("checksum"):
        raise DockerfileError("checksum requires HTTP(S) or Git sources")
    return Target(
        image,
        path,
        patterns(excluded) if excluded else None,
        parse_mode(mode) if mode else None,
        instruction.name == "ADD" and instruction.flag("unpack") != "false",
    )


def _is_download(instruction: Instruction, source: str) -> bool:
    """Return whether a source is a URL, which may only be a watchdog's."""
    is_git = _GIT.match(source)
    if not is_git and not _URL.match(source):
        return False
    if instruction.name == "ADD" and is_watchdog(source):
        return True
    if instruction.name == "COPY":
        raise DockerfileError(f"source can't be a {'git ref' if is_git else 'URL'} for COPY")
    raise DockerfileError(
        "ADD of a URL is not supported: the build uses no network",
        next_step="download it into the function's folder, then COPY it",
    )


def _copy(instruction: Instruction, tree: FileTree | None, source: str, target: Target) -> bool:
    """Return whether there was something to copy."""
    if tree is None:
        return False
    copy = copying.copy
    if instruction.flag("parents") == "true":
        copy = copying.copy_with_parents
    try:
        found = copy(tree, source, target)
    except SourceNotFoundError:
        if tree.is_complete:
            raise
        return False
    return bool(found)


def is_watchdog(source: str) -> bool:
    """Whether a file or a URL is a watchdog's: the lab has its own."""
    return _WATCHDOG.fullmatch(source) is not None


def _write(heredoc: DockerfileHeredoc, target: Target, variables: Variables) -> None:
    content = heredoc.content
    if heredoc.chomp:
        content = chomp_heredoc_content(content)
    if heredoc.expand:
        content = variables.expand_inline_file(content)
    copying.write(heredoc.name.rpartition("/")[2], content, target)
