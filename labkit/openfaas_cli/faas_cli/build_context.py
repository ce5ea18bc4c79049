"""The folder that a function is built from."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.faas_cli.templates import find_template, template_names

_NOT_COPIED = shutil.ignore_patterns("build", "template")
_PACKAGE = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


@contextlib.contextmanager
def build_context(function: StackFunction) -> Iterator[Path]:
    """Yield the folder with the function's ``Dockerfile``.

    The layout is the real faas-cli's: with ``lang: dockerfile`` it is the
    function's folder; with another language it is a copy of the template, with
    the function's folder in it as ``function``.
    """
    template = None
    if function.lang != "dockerfile":
        template = find_template(function.lang)
        if template is None or not (template / "Dockerfile").is_file():
            raise DockerfileError(
                f"language template: {function.lang or '(none)'} not supported",
                expected="lang: one of " + ", ".join(template_names()),
            )
    if not function.handler.is_dir():
        raise DockerfileError(f"unable to build {function.image}, {function.handler} is an invalid path")
    if template is None:
        yield function.handler
        return
    with tempfile.TemporaryDirectory(prefix="labkit-context-") as folder:
        context = Path(folder)
        ignored = shutil.ignore_patterns("function", "template.yml", "__pycache__")
        shutil.copytree(template, context, ignore=ignored, dirs_exist_ok=True)
        shutil.copytree(function.handler, context / "function", ignore=_NOT_COPIED)
        try:
            yield context
        except DockerfileError as error:
            # The copy is gone when the learner reads this.
            error.seen = error.seen.replace(str(context), str(template))
            raise


def shrink_wrap(context: Path, target: Path) -> None:
    """Copy the build context to ``target``, replacing what is there."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(context, target, ignore=_NOT_COPIED)


def requirement_notes(file: Path) -> Iterable[str]:
    """Yield a build's notes on ``requirements.txt``: nothing is installed.

    Without containers all functions share the lab's own packages, which one
    function must not change for the others.
    """
    if not file.is_file():
        return
    installed, missing = [], []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        if match := _PACKAGE.match(line.partition("#")[0]):
            try:
                installed.append(f"{match[1]} {metadata.version(match[1])}")
            except metadata.PackageNotFoundError:
                missing.append(match[1])
    if installed:
        yield (
            f"requirements.txt: already in the lab's Python: {', '.join(installed)}."
            " The requested versions are not checked."
        )
    if missing:
        yield (
            f"requirements.txt: not installed, because the build installs nothing: {', '.join(missing)}."
            f" Add them to the lab's Python: {sys.executable} -m pip install {' '.join(missing)}"
        )
