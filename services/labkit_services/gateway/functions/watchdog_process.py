"""A watchdog's process: forked by the fork server, or spawned without one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from labkit_services.fork_server.client import Forked, ForkRequest, fork
from labkit_services.runtime.python_process import python_command

_MODULE = "labkit_services.watchdog"


class WatchdogProcess:
    """A process, leader of a process group, with our ends of its three pipes.

    Its standard input is its lifeline; nothing is written to it. ``output``
    and ``errors`` are descriptors to read its standard output and standard
    error from.
    """

    def __init__(
        self, child: Forked | subprocess.Popen[bytes], output: int, errors: int, ours: ExitStack
    ) -> None:
        self.pid = child.pid
        self.output = output
        self.errors = errors
        self._child = child
        self._ours = ours
        self._is_reaped = False

    @classmethod
    async def start(
        cls, environment: Mapping[str, str], folder: Path, fork_server: socket.socket | None
    ) -> WatchdogProcess:
        """Start a watchdog whose function has exactly this environment.

        OSError means that it cannot be started.
        """
        # In a file, because a function's PYTHONPATH or LD_PRELOAD must not
        # reach the watchdog's own Python.
        with ExitStack() as ours, ExitStack() as theirs, tempfile.TemporaryFile() as settings:
            settings.write(json.dumps(environment).encode())
            settings.flush()
            number = settings.fileno()
            stdin, _ = _pipe(theirs, ours)
            output, stdout = _pipe(ours, theirs)
            errors, stderr = _pipe(ours, theirs)
            streams = (stdin, stdout, stderr)
            child: Forked | subprocess.Popen[bytes] | None = None
            if fork_server is not None:
                numbers, arguments = (0, 1, 2, number), (str(number),)
                request = ForkRequest(_MODULE, _interpreter_environment(), str(folder), numbers, arguments)
                child = await fork(fork_server, request, (*streams, number))
            return cls(child or _spawn(number, folder, streams), output, errors, ours.pop_all())

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to it and to the processes that it has started."""
        # The group exists until its leader is reaped.
        if not self._is_reaped:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def reap(self) -> int | None:
        """Return the exit code after the output has ended; None is unknown."""
        if isinstance(self._child, Forked):
            code = await self._child.wait()
            self._child.release()
        else:
            code = self._child.wait()
        self._is_reaped = True
        return code

    def close(self) -> None:
        """Close our ends of the pipes."""
        self._ours.close()


def _pipe(readers: ExitStack, writers: ExitStack) -> tuple[int, int]:
    """Open a pipe; each end is closed together with its stack."""
    read_end, write_end = os.pipe()
    readers.callback(os.close, read_end)
    writers.callback(os.close, write_end)
    return read_end, write_end


def _interpreter_environment() -> dict[str, str]:
    """Return the gateway's environment without its settings and passwords.

    Services' settings have lower-case names, as in OpenFaaS; Python's and the
    system's do not.
    """
    return {name: value for name, value in os.environ.items() if name.isupper()}


def _spawn(settings: int, folder: Path, streams: tuple[int, int, int]) -> subprocess.Popen[bytes]:
    # A plain Popen: vfork and exec, no thread, and never the loop's own
    # subprocess call, which under uvloop forks the whole gateway.
    return subprocess.Popen(  # noqa: S603 - our own module
        python_command(_MODULE, str(settings)),
        cwd=folder,
        env=_interpreter_environment(),
        pass_fds=(settings,),
        stdin=streams[0],
        stdout=streams[1],
        stderr=streams[2],
        process_group=0,
    )
