"""A function as a watchdog process of its own, without gateway or Docker."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labkit_services.images.run import command_of, environment_of, limit_settings, needs_command
from labkit_services.images.store import Image
from labkit_services.runtime.python_process import python_command, python_environment

_MODULE = "labkit_services.watchdog"
_GRACE_SECONDS = 5.0
"""How long requests in flight may take after the stop."""


@dataclass(frozen=True)
class LocalFunction:
    """What ``faas-cli local-run`` runs.

    Attributes:
        image: The built image.
        process: The command of the stack file or the template; "" is the
            image's own.
        variables: The function's environment.
        limits: ``memory`` and ``cpu``.
        secrets: Folder of the secrets' files; None without secrets.
        port: The watchdog's port.
    """

    image: Image
    process: str
    variables: Mapping[str, str]
    limits: Mapping[str, str]
    secrets: Path | None
    port: int

    def is_runnable(self) -> bool:
        """Return whether a command is named, or none needed."""
        named = command_of(self.image, self.process, self.variables)
        return bool(named) or not needs_command(self.image, self.variables)

    def environment(self) -> dict[str, str]:
        """Return the watchdog's settings, the function's environment."""
        command = command_of(self.image, self.process, self.variables)
        defaults = {"healthcheck_interval": "0", "metrics_port": "0"}
        environment = environment_of(
            self.image,
            command,
            self.variables,
            search_path=os.environ.get("PATH", os.defpath),
            defaults=defaults,
        )
        secrets = {"secrets_folder": str(self.secrets)} if self.secrets else {}
        return environment | limit_settings(self.limits) | secrets | {"port": str(self.port)}

    def shell_line(self) -> str:
        """Return a line for a shell that runs the same watchdog."""
        variables = [f"{name}={value}" for name, value in sorted(self.environment().items())]
        folder = f"cd {shlex.quote(str(self.image.cwd))} && " if self.image.cwd else ""
        return folder + shlex.join(["env", "-i", *variables, *python_command(_MODULE)])

    def run(self) -> int:
        """Run until SIGINT, SIGTERM or the watchdog's end; return its code.

        After a signal the code is 0. The watchdog, and what it has started,
        ends with this process, however that ends.
        """
        with tempfile.TemporaryDirectory(prefix="labkit-local-run-") as scratch:
            environment = {"HOME": scratch, **self.environment(), "TMPDIR": scratch, "lifeline": "stdin"}
            process = self._start(environment, self.image.cwd or Path(scratch))
            try:
                return _wait(process)
            finally:
                _stop(process)

    def _start(self, environment: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
        # The settings are in a file: a function's PYTHONPATH is not for the
        # watchdog's own Python.
        with tempfile.TemporaryFile() as settings:
            settings.write(json.dumps(environment).encode())
            settings.flush()
            return subprocess.Popen(  # noqa: S603 - our own module
                python_command(_MODULE, str(settings.fileno())),
                cwd=folder,
                env=python_environment(),
                pass_fds=(settings.fileno(),),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,  # events for a gateway; logs are on standard error
                process_group=0,  # the terminal's Control-C is for this process
            )


class _Stopped(BaseException):
    """SIGINT or SIGTERM has arrived."""


def _wait(process: subprocess.Popen[bytes]) -> int:
    def stop(_number: int, _frame: object) -> None:
        raise _Stopped

    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.signal(number, stop) for number in numbers}
    try:
        return process.wait()
    except _Stopped:
        return 0
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Let requests in flight finish; then end the whole process group."""
    with process:  # closes the lifeline at the end
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
