"""The function's command, and Go's error texts if it can't be run."""

from __future__ import annotations

import os
from collections.abc import Sequence

from labkit_services.contract.errors import LabError


class CannotStartError(LabError):
    """The function's process cannot be started.

    The headline is the error text of Go's ``os/exec``, because OpenFaaS sends
    it as the response's body.
    """

    @classmethod
    def from_os_error(cls, path: str, error: OSError) -> CannotStartError:
        """Return the error for a ``path`` that the system did not run."""
        text = os.strerror(error.errno) if error.errno else str(error)
        return cls(f"fork/exec {path}: {text[:1].lower()}{text[1:]}")


class FunctionCommand:
    """A command, and the file that it runs.

    As Go's ``exec.Command``: a name with a slash is a path; any other is
    searched for in ``PATH``. The result is cached until ``forget_path``.
    """

    def __init__(self, argv: Sequence[str], search_path: str) -> None:
        self.argv = tuple(argv)
        self._search_path = search_path
        self._path = ""

    def path(self) -> str:
        """Return the file to run; CannotStartError if PATH has none."""
        if not self._path:
            self._path = self._look_up(self.argv[0])
        return self._path

    def forget_path(self) -> None:
        """Search again next time: the file may have moved."""
        self._path = ""

    def _look_up(self, name: str) -> str:
        if not name:
            raise CannotStartError("exec: no command")
        if "/" in name:
            return name
        for folder in self._search_path.split(":") if self._search_path else ():
            path = os.path.join(folder or ".", name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        raise CannotStartError(f'exec: "{name}": executable file not found in $PATH')
