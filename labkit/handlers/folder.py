"""The folder with a learner's functions, which faas-cli can use as well."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from labkit.handlers.errors import HandlerBuildError
from labkit.handlers.spec import HandlerSpec
from labkit_services.files.one_step import write_in_one_step
from labkit_services.files.tree_copy import read_file

STACK_FILE = "stack.yaml"
LANGUAGE = "python3-http"
_MARK = "# From %%function {name} ({digest}): a change here is kept, in edited/, when the cell runs again."
_MARKED = re.compile(r"# From %%function \S+ \(([0-9a-f]{12})\)[^\n]*\n(.*)", re.DOTALL)

FaasCli = Callable[[Sequence[str]], Awaitable[str]]
"""Runs faas-cli in the folder with these words."""


class HandlerFolder:
    """A folder with ``stack.yaml`` and a subfolder for each function."""

    def __init__(self, root: Path, faas_cli: FaasCli) -> None:
        self.root = root
        self._faas_cli = faas_cli

    def handler(self, name: str) -> Path:
        """Return the path of a function's ``handler.py``."""
        return self.root / name / "handler.py"

    async def write(self, spec: HandlerSpec) -> Path | None:
        """Write a function's code; a new function is made by faas-cli new.

        Returns:
            Where the previous ``handler.py`` was moved, if a learner has
            edited it.

        Raises:
            HandlerBuildError: There is something else of that name.
        """
        self.root.mkdir(mode=0o700, exist_ok=True)
        folder = self.root / spec.name
        if not self._is_listed(spec.name):
            if folder.is_symlink() or folder.exists():
                raise HandlerBuildError(
                    f"{folder} exists, and is no function of {STACK_FILE}",
                    expected=f"no such folder, or a function {spec.name} in {self.root / STACK_FILE}",
                    seen="a folder that another program made",
                    next_step="rename the folder, or choose another name",
                )
            append = ["--append", STACK_FILE] if (self.root / STACK_FILE).exists() else []
            await self._faas_cli(["new", spec.name, "--lang", LANGUAGE, *append])
            kept = None
        else:
            folder.mkdir(mode=0o700, exist_ok=True)
            kept = self._keep_edited(spec)
        body = spec.file_text("")
        digest = hashlib.sha256(body[1:].encode("utf-8", "surrogatepass")).hexdigest()[:12]
        text = _MARK.format(name=spec.name, digest=digest) + body
        write_in_one_step(self.handler(spec.name), text.encode("utf-8"))
        return kept

    def _is_listed(self, name: str) -> bool:
        """Tell whether the stack file has the function, in this language."""
        stack_file = self.root / STACK_FILE
        if not stack_file.exists():
            return False
        from labkit.openfaas_cli.faas_cli.stack import parse_stack  # imports YAML, 15 ms

        function = parse_stack(read_file(stack_file), environment=os.environ).functions.get(name)
        if function is None:
            return False
        if function.lang != LANGUAGE or Path(self.root, function.handler) != self.root / name:
            raise HandlerBuildError(
                f"{name} in {stack_file} is another kind of function",
                expected=f"lang: {LANGUAGE}, handler: ./{name}",
                seen=f"lang: {function.lang}, handler: {function.handler}",
                next_step="choose another name",
            )
        return True

    def _keep_edited(self, spec: HandlerSpec) -> Path | None:
        """Move a ``handler.py`` that a cell did not write so."""
        file = self.handler(spec.name)
        if not file.exists():
            return None
        text = read_file(file).decode("utf-8", "surrogateescape")
        match = _MARKED.fullmatch(text)
        if match and hashlib.sha256(match[2].encode("utf-8", "surrogateescape")).hexdigest()[:12] == match[1]:
            return None
        if text.rstrip("\n") == spec.source.rstrip("\n"):
            return None
        edited = self.root / "edited"
        edited.mkdir(mode=0o700, exist_ok=True)
        kept = edited / f"{spec.name}-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1_000_000_000:09}.py"
        file.rename(kept)
        return kept
