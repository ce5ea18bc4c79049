"""Which file a command means, and Go's words for why it can't be run."""

from __future__ import annotations

import os
from collections.abc import Sequence

from labkit_services.contract.errors import LabError


class CannotStartError(LabError):
    """The function's process cannot be started.

    The headline is what Go's ``os/exec`` would have said: OpenFaaS sends it
    as the answer's body.
    """

    @classmethod
    def from_os_error(cls, path: str, error: OSError) -> CannotStartError:
        """Say that the system refused to run ``path``."""
        text = os.strerror(error.errno) if error.errno else str(error)
        return cls(f"fork/exec {path}: {text[:1].lower()}{text[1:]}")


class Command:
    """A command and the file it stands for.

    As Go's ``exec.Command``: a name with a slash is a path; any other is looked
    for in ``PATH``. What was found is remembered until ``forget``.
    """

    def __init__(self, argv: Sequence[str], search_path: str) -> None:
        self.argv = tuple(argv)
        self._search_path = search_path
        self._found = ""

    def path(self) -> str:
        """Return the path of the file to run.

        Raises:
            CannotStartError: There is no such file in ``PATH``.
        """
        if not self._found:
            self._found = self._look_up(self.argv[0])
        return self._found

    def forget(self) -> None:
        """Look again next time: the file has gone, and another may have come."""
        self._found = ""

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
