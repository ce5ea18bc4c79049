"""Start a supervisor and read its ready message."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from typing import IO, Any, NamedTuple

from labkit.default_settings import NATS_VARIABLES
from labkit.errors import LabStartError, error_from_json
from labkit.supervisor.settings import Settings
from labkit.system_limits import next_step_after
from labkit.workspace import LabState
from labkit_services.contract.errors import LabTimeoutError
from labkit_services.contract.function_providers import DOCKER, end_seconds
from labkit_services.runtime.log_tail import last_lines
from labkit_services.runtime.python_process import python_command, python_environment

_GRACE_SECONDS = 3.0
"""Time to clean up after the deadline, before the error is reported."""
_END_SECONDS = 4.0
"""Longer than its guard gives the supervisor, if functions are processes."""
_POLL_SECONDS = 0.01
_TAIL_LINES = 8
_CHECK_INSTALLATION = "look at the installation with: labkit doctor"


class Lifeline:
    """The supervisor's standard input, a pipe that this process holds open.

    The supervisor ends, and everything it started, when the pipe closes: also
    when this process is killed. A process that is forked from this one closes
    it, so that it does not keep the lab alive.

    Attributes:
        process: The supervisor's, or its guard's.
    """

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int, functions: str) -> None:
        """Take over the pipe's write end; -1 is none."""
        self.process = process
        self._end_seconds = _END_SECONDS + end_seconds(functions)
        self._descriptor = descriptor
        if self.is_held:
            _lifelines.append(self)

    @property
    def is_held(self) -> bool:
        """Whether this process holds the pipe open."""
        return self._descriptor >= 0

    def cut(self) -> None:
        """Close the pipe, so that the supervisor stops the lab; idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
            _lifelines.remove(self)

    async def wait_for_exit(self) -> None:
        """Wait for the supervisor's end; kill it if it takes too long."""
        if not await wait_for_exit(self.process, self._end_seconds):
            # Its child processes notice that it has gone.
            self.process.kill()
            await wait_for_exit(self.process)


_lifelines: list[Lifeline] = []
"""Those that are held."""


def _cut_in_child() -> None:
    # Neither locks nor output: a lock may be held for ever by a thread that
    # does not exist here.
    for lifeline in [*_lifelines]:
        lifeline.cut()


os.register_at_fork(after_in_child=_cut_in_child)


class LaunchedLab(NamedTuple):
    """A ready lab; its lifeline is None if it outlives this process."""

    state: LabState
    lifeline: Lifeline | None


async def launch(settings: Settings, lifeline_of: int | None = None) -> LaunchedLab | None:
    """Start a lab; return None if another supervisor has the lock.

    If this fails or is cancelled, no process is left behind.

    Args:
        settings: The lab's settings.
        lifeline_of: The pidfd of another process that the lab ends with,
            instead of this one.
    """
    if settings.functions == DOCKER:
        await asyncio.to_thread(_check_engine, settings.timeout)
    with _temporary_file() as stderr:
        # The supervisor writes its errors here until it holds the workspace's
        # lock, and so has a log.
        lifeline = _spawn(settings, stderr, lifeline_of)
        process = lifeline.process
        try:
            message = await _read_message(process, settings.timeout + _GRACE_SECONDS)
            if message is None:
                await lifeline.wait_for_exit()
                raise _silent_end(process.returncode, stderr)
        except BaseException:
            if not lifeline.is_held:
                process.terminate()
            lifeline.cut()
            await asyncio.shield(lifeline.wait_for_exit())
            raise
    if "ready" in message:
        state = LabState(**message["ready"])
        if lifeline.is_held:
            return LaunchedLab(state, lifeline)
        process.returncode = 0  # Popen must not wait for a supervisor that outlives this process.
        return LaunchedLab(state, None)
    lifeline.cut()
    await lifeline.wait_for_exit()
    if "error" in message:
        raise error_from_json(message["error"])
    return None


def _check_engine(timeout: float) -> None:
    """Raise DockerEngineError if functions cannot run in containers here.

    The gateway would start all the same, and wait for an engine.
    """
    from labkit_services.docker_engine.connection import connect  # the SDK takes a while to import

    connect(timeout).close()


def _temporary_file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise LabStartError(
            expected="a folder for temporary files that can be written to",
            seen=str(error),
            next_step="free some space there, or choose another folder: the variable TMPDIR",
        ) from error


def _spawn(settings: Settings, stderr: IO[bytes], lifeline_of: int | None) -> Lifeline:
    command = python_command("labkit.supervisor", settings.to_json())
    descriptor = -1
    if not settings.lifeline:
        source = os.open(os.devnull, os.O_RDONLY)
    elif lifeline_of is not None:
        source = os.dup(lifeline_of)
    else:
        source, descriptor = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            env=_environment(settings),
        )
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
        raise LabStartError(
            expected=f"to run {sys.executable}",
            seen=str(error),
            next_step=next_step_after(error, _CHECK_INSTALLATION),
        ) from error
    finally:
        os.close(source)
    return Lifeline(process, descriptor, settings.functions)


def _environment(settings: Settings) -> dict[str, str]:
    """Return the supervisor's: no other user reads it, unlike arguments.

    The variables that ask for a NATS have had their effect. They may contain a
    password, and would reach functions.
    """
    mine = {name: value for name, value in python_environment().items() if name not in NATS_VARIABLES}
    return {**mine, "PYTHONUNBUFFERED": "1", **settings.nats.settings()}


async def _read_message(process: subprocess.Popen[bytes], timeout: float) -> dict[str, Any] | None:
    """Return the supervisor's message; None if it ended without sending it."""
    assert process.stdout is not None
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
    try:
        async with asyncio.timeout(timeout):
            line = await reader.readline()
    except TimeoutError:
        raise LabTimeoutError(
            "The supervisor sent no message in time.",
            expected=f"a message from process {process.pid} within {timeout:g} s",
            seen="none",
            next_step=_CHECK_INSTALLATION,
        ) from None
    finally:
        transport.close()
    return json.loads(line) if line else None


def _silent_end(code: int | None, stderr: IO[bytes]) -> LabStartError:
    return LabStartError(
        "The supervisor ended before it sent a message.",
        expected="a lab that is ready, or an error",
        seen=f"exit code {code}",
        log=last_lines(stderr, _TAIL_LINES),
        next_step=f"{_CHECK_INSTALLATION}; the lab's logs: .labkit/logs",
    )


async def wait_for_exit(process: subprocess.Popen[bytes], timeout: float = float("inf")) -> bool:
    """Wait for a child process's end; return False after ``timeout`` seconds.

    It polls, because asyncio's own child watchers need the main thread, or a
    thread for each child.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while process.poll() is None:
        if loop.time() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True
