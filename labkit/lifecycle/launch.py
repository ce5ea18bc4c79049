"""Starting a supervisor and hearing from it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from labkit.errors import LabStartError, error_from_json
from labkit.lifecycle.processes import exited
from labkit.supervisor.settings import Settings
from labkit.workspace import LabState
from labkit_services.contract.errors import LabTimeoutError

_OVERTIME_SECONDS = 3.0
"""A start that fails at its deadline is tidied up before the supervisor says so."""
_END_SECONDS = 3.0
_TAIL_LINES = 8


class Lifeline:
    """The hold on a supervisor: it lives as long as this process keeps the pipe open.

    A process forked from this one, without exec, holds the pipe too.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def cut(self) -> None:
        """Have the supervisor tear everything down; idempotent."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    async def ended(self, patience: float = _END_SECONDS) -> None:
        """Wait until the supervisor is gone; after ``patience`` seconds kill it."""
        if not await exited(self._process, patience):
            # What it started notices that it has gone.
            self._process.kill()
            await exited(self._process)


@dataclass(frozen=True)
class Launched:
    """A lab that is ready.

    Attributes:
        state: How to reach it.
        lifeline: What it depends on; None if it lives on by itself.
    """

    state: LabState
    lifeline: Lifeline | None


async def launch(settings: Settings) -> Launched | None:
    """Start a lab and return it ready; None if another supervisor has the workspace.

    When this fails or is called off, nothing is left.

    Raises:
        LabError: The lab could not be started.
    """
    with tempfile.TemporaryFile() as stderr:
        # Until it has the workspace's lock, and so its log, the supervisor complains here.
        process = _spawn(settings, stderr)
        lifeline = Lifeline(process)
        try:
            message = await _first_line(process, settings.timeout + _OVERTIME_SECONDS)
            if message is None:
                await lifeline.ended()
                raise _silent_end(process.returncode, stderr)
        except BaseException:
            lifeline.cut()
            if not settings.lifeline:
                process.terminate()
            await asyncio.shield(lifeline.ended())
            raise
    if "ready" in message:
        if settings.lifeline:
            return Launched(LabState(**message["ready"]), lifeline)
        process.returncode = 0  # it is nobody's child from now on
        return Launched(LabState(**message["ready"]), None)
    lifeline.cut()
    await lifeline.ended()
    if "error" in message:
        raise error_from_json(message["error"])
    return None


def _spawn(settings: Settings, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    # -P: a learner's random.py in the current folder must not be imported for Python's.
    command = [sys.executable, "-P", "-m", "labkit.supervisor", settings.to_json()]
    try:
        return subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.PIPE if settings.lifeline else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    except OSError as error:
        raise LabStartError(
            expected=f"to run {sys.executable}",
            seen=str(error),
            next_step="look at the installation with: labkit doctor",
        ) from error


async def _first_line(process: subprocess.Popen[bytes], patience: float) -> dict[str, Any] | None:
    """Return the supervisor's one message; None if it ended without a word."""
    assert process.stdout is not None
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
    try:
        async with asyncio.timeout(patience):
            line = await reader.readline()
    except TimeoutError:
        raise LabTimeoutError(
            "The supervisor said nothing.",
            expected=f"a message from process {process.pid} within {patience:g} s",
            seen="none",
            next_step="look at the installation with: labkit doctor",
        ) from None
    finally:
        transport.close()
    return json.loads(line) if line else None


def _silent_end(code: int | None, stderr: IO[bytes]) -> LabStartError:
    stderr.seek(0)
    lines = stderr.read().decode("utf-8", "replace").splitlines()
    return LabStartError(
        "The supervisor ended without a word.",
        expected="a lab that is ready, or an error",
        seen=f"exit code {code}",
        log=lines[-_TAIL_LINES:],
        next_step="look at the installation with: labkit doctor; the lab's logs: .labkit/logs",
    )
