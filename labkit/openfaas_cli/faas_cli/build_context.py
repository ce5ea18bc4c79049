"""The folder that a function is built from: its own, or its template's with it inside."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from labkit.openfaas_cli.dockerfile import DockerfileError
from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.faas_cli.templates import find_template, template_names

_NOT_COPIED = shutil.ignore_patterns("build", "template")
_PACKAGE = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


@contextlib.contextmanager
def build_context(function: StackFunction) -> Iterator[Path]:
    """Yield the folder with the function's ``Dockerfile``.

    As the real faas-cli lays it out: with ``lang: dockerfile`` that is the
    function's folder; with another language it is a copy of the template, in
    which the function's folder stands as ``function``.

    Raises:
        DockerfileError: There is no such folder, or no template that can be built.
    """
    template = None
    if function.lang != "dockerfile":
        # find_template names what a new function starts from: a folder inside the template.
        start = find_template(Path("template"), function.lang)
        template = start.parent if start else None
        if template is None or not (template / "Dockerfile").is_file():
            raise DockerfileError(
                f"language template: {function.lang or '(none)'} not supported",
                expected="lang: one of " + ", ".join(template_names(Path("template"))),
            )
    if not function.handler.is_dir():
        raise DockerfileError(f"unable to build {function.image}, {function.handler} is an invalid path")
    if template is None:
        yield function.handler
        return
    with tempfile.TemporaryDirectory(prefix="labkit-context-") as folder:
        context = Path(folder)
        ours = shutil.ignore_patterns("function", "template.yml", "__pycache__")
        shutil.copytree(template, context, ignore=ours, dirs_exist_ok=True)
        shutil.copytree(function.handler, context / "function", ignore=_NOT_COPIED)
        yield context


def shrink_wrap(context: Path, target: Path) -> None:
    """Copy what would be built to ``target``, in place of what is there."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(context, target, ignore=_NOT_COPIED)


def requirement_notes(file: Path) -> Iterable[str]:
    """Yield what a build has to say of a function's ``requirements.txt``: it installs nothing.

    Without a container there is one set of packages, the lab's own, which a
    function must not change for all the others.
    """
    if not file.is_file():
        return
    here, missing = [], []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        if match := _PACKAGE.match(line.partition("#")[0]):
            try:
                here.append(f"{match[1]} {metadata.version(match[1])}")
            except metadata.PackageNotFoundError:
                missing.append(match[1])
    if here:
        yield (
            f"requirements.txt: already in the lab's Python: {', '.join(here)}."
            " The versions asked for are not looked at."
        )
    if missing:
        yield (
            f"requirements.txt: not installed, for the build installs nothing: {', '.join(missing)}."
            f" Add them to the lab's Python: {sys.executable} -m pip install {' '.join(missing)}"
        )
